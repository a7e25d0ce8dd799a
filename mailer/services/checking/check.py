"""`mailer check`: an issue is asked by every rule, and its links whether they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailer.checks.finding import Finding, Level
from mailer.services.checking.accepting import Accepting, accept, take_back
from mailer.services.checking.asking import Tell, asked
from mailer.services.checking.levels import levels_of
from mailer.services.plan import Ask, plan_prepared
from mailer.services.prepare import prepare
from mailer.services.program import Program


@dataclass(frozen=True, slots=True)
class Ways:
    """How to check. Links are asked where `tell` hears of it; else what is known of them is believed.

    `again`: although a list got one of the articles before. `take_back` is a rule that is accepted no longer.
    """

    tell: Tell | None = None
    again: bool = False
    accepting: Accepting | None = None
    take_back: str = ""

    @property
    def ask(self) -> Ask | None:
        tell = self.tell
        return None if tell is None else lambda program, facts: asked(program, facts, tell)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the rules find in `name`: an issue, or a file. `file` is where that stands, `hash` an issue's content.

    `counts` are those of findings that nobody accepted.
    """

    name: str
    file: str
    findings: tuple[Finding, ...]
    counts: Mapping[Level, int]
    hash: str = ""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.stops)


def check_issue(program: Program, name: str, ways: Ways = Ways()) -> Checked:
    """Everything the rules find in an issue."""
    levels_of(program.settings.checks)
    prepared = prepare(program, name)
    if ways.take_back:
        take_back(program, prepared.issue.name, ways.take_back)
    plan = plan_prepared(program, prepared, again=ways.again, ask=ways.ask)
    findings = plan.findings
    if ways.accepting:
        findings = accept(program, plan.name, findings, ways.accepting)
    return checked(plan.name, f"issues/{plan.name}.md", findings, plan.hash)


def checked(name: str, file: str, findings: Sequence[Finding], content: str = "") -> Checked:
    counts = {level: sum(each.level is level and not each.accepted for each in findings) for level in Level}
    return Checked(name, file, tuple(findings), counts, content)
