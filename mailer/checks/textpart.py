"""The text part beside the HTML."""

from __future__ import annotations

from mailer.checks.rule import Rule

RULES: tuple[Rule, ...] = ()
