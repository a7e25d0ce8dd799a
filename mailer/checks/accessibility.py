"""Whether everybody can read it."""

from __future__ import annotations

from mailer.checks.rule import Rule

RULES: tuple[Rule, ...] = ()
