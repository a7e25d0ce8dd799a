"""Whether everybody can read it."""

from __future__ import annotations

from mailer.checks import contrast, naming, structure, typesetting
from mailer.checks.rule import Rule

RULES: tuple[Rule, ...] = (*structure.RULES, *naming.RULES, *typesetting.RULES, *contrast.RULES)
