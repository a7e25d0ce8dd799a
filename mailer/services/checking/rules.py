"""The rules as a person reads about them."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.checks.rule import Rule
from mailer.checks.table import BY_ID, RULES
from mailer.config.checks import Checks
from mailer.errors import UsageError
from mailer.services.checking.levels import levels_of
from mailer.wording import unknown


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule; `level` is that of the workspace, `usual` the rule's own. `firm`: it cannot be changed or accepted."""

    id: str
    family: str
    level: str
    usual: str
    why: str
    advice: str
    firm: bool

    @property
    def shown(self) -> dict[str, str]:
        """As fields for people."""
        level = self.level if self.level == self.usual else f"{self.level} here, {self.usual} by default"
        return {
            "rule": self.id,
            "family": self.family,
            "level": f"{level}; it can be neither changed nor accepted" if self.firm else level,
            "why": self.why,
            "what to do": self.advice,
        }


def listed(settings: Checks) -> list[RuleRow]:
    """Every rule, family by family."""
    levels = levels_of(settings)
    return [row(rule, levels.get(rule.id, rule.level.value)) for rule in RULES]


def explained(settings: Checks, name: str) -> RuleRow:
    """One rule; UsageError tells the near one."""
    if name not in BY_ID:
        raise UsageError(unknown("rule", name, BY_ID), hint="mailer check --rules lists them")
    return next(each for each in listed(settings) if each.id == name)


def row(rule: Rule, level: str) -> RuleRow:
    return RuleRow(rule.id, rule.family.value, level, rule.level.value, rule.why, rule.advice, rule.firm)
