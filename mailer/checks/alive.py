"""Whether what it links to is there."""

from __future__ import annotations

from mailer.checks.rule import Rule

RULES: tuple[Rule, ...] = ()
