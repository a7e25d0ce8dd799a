"""The rules are asked, and what they find is put in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Finding, Level
from mailer.checks.rule import Rule
from mailer.checks.table import RULES

OFF = "off"
ORDER = list(Level)
BROKEN = "this is a fault of the program: look yourself, and report what the mail has that others do not"


def check(facts: Facts, levels: Mapping[str, str] | None = None, rules: Iterable[Rule] = RULES) -> tuple[Finding, ...]:
    """Everything the rules find, errors first. `levels` are those of the workspace by rule; `off` is one."""
    wanted = levels or {}
    found: dict[Finding, None] = {}
    for rule in rules:
        if rule.firm or wanted.get(rule.id) != OFF:
            found |= dict.fromkeys(finding_of(rule, fault, wanted.get(rule.id)) for fault in faults_of(rule, facts))
    return tuple(sorted(found, key=lambda finding: ORDER.index(finding.level)))


def faults_of(rule: Rule, facts: Facts) -> list[Fault]:
    """What a rule finds. One that breaks off hides no other, and is a breach itself: what it guards is not known."""
    found: list[Fault] = []
    try:
        found.extend(rule.look(facts))
    except Exception as error:
        found.append(
            Fault(f"this rule broke off ({type(error).__name__}): what it looks for is not known", None, BROKEN)
        )
    return found


def finding_of(rule: Rule, fault: Fault, level: str | None) -> Finding:
    wanted = Level(level) if level and not rule.firm else None
    return Finding(
        rule.id,
        wanted or fault.level or rule.level,
        fault.message,
        fault.advice or rule.advice,
        fault.place,
        fault.source,
    )
