"""`mailer check`: an issue, or a file on its own, asked by every rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailer.checks.finding import Finding, Level
from mailer.services.checking.levels import levels_of
from mailer.services.plan import plan_prepared
from mailer.services.prepare import prepare
from mailer.services.program import Program

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the rules find in `name`: an issue, or a file. `file` is where that stands, `hash` an issue's content."""

    name: str
    file: str
    findings: tuple[Finding, ...]
    counts: dict[Level, int]
    hash: str = ""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.stops)


def check_issue(program: Program, name: str, *, again: bool = False, tell: Tell | None = None) -> Checked:
    """Everything the rules find. Links are asked where `tell` hears of it; else what is known is believed."""
    levels_of(program.settings.checks)
    prepared = prepare(program, name)
    plan = plan_prepared(program, prepared, again=again)
    return checked(plan.name, f"issues/{plan.name}.md", plan.findings, plan.hash)


def checked(name: str, file: str, findings: Sequence[Finding], content: str = "") -> Checked:
    counts = {level: sum(each.level is level and not each.accepted for each in findings) for level in Level}
    return Checked(name, file, tuple(findings), counts, content)
