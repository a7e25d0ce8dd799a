"""A person lets a finding pass: for one issue, one fault, with a reason that is kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mailer.checks.finding import Finding
from mailer.checks.fingerprint import fingerprint
from mailer.checks.table import BY_ID
from mailer.errors import NotFoundError, UsageError
from mailer.services.program import Program
from mailer.services.whoami import user_name
from mailer.store import accepting as stored
from mailer.wording import quoted, unknown

LONGEST = 1000
"""Letters of a reason."""


@dataclass(frozen=True, slots=True)
class Accepting:
    """The rules whose findings are let pass, and why."""

    rules: tuple[str, ...]
    reason: str

    def __post_init__(self) -> None:
        for rule in self.rules:
            if rule not in BY_ID:
                raise UsageError(unknown("rule", rule, BY_ID), hint="mailer check --rules lists them")
            if BY_ID[rule].firm:
                raise UsageError(f"{rule} cannot be accepted: {BY_ID[rule].why}", hint=BY_ID[rule].advice)
        if not self.reason.strip():
            raise UsageError("why is it accepted?", hint='--reason "the words that are kept with it"')
        if len(self.reason) > LONGEST or not self.reason.isprintable():
            raise UsageError(f"a reason is one line of at most {LONGEST:,} letters")


def marked(program: Program, issue: str, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, with the reasons of those that were accepted."""
    with program.store.read() as connection:
        reasons = {each.fault: each.reason for each in stored.accepted(connection, issue)}
    if not reasons:
        return tuple(findings)
    # What is firm now may not have been when somebody let it pass.
    return tuple(
        each if BY_ID[each.rule].firm else replace(each, accepted=reasons.get(fingerprint(each), ""))
        for each in findings
    )


def accept(program: Program, issue: str, findings: Sequence[Finding], accepting: Accepting) -> tuple[Finding, ...]:
    """Let all findings of these rules pass, and keep why. NotFoundError for a rule that finds nothing here."""
    faults = {fingerprint(each): each for each in findings if each.rule in accepting.rules}
    silent = sorted(set(accepting.rules) - {each.rule for each in faults.values()})
    if silent:
        raise NotFoundError(f"{issue}: {silent[0]} finds nothing that could be accepted")
    who, now = user_name(), program.now()
    with program.store.write() as connection:
        for fault, each in faults.items():
            reason = accepting.reason.strip()
            stored.accept(connection, stored.Acceptance(issue, each.rule, fault, reason, who, now))
    return marked(program, issue, findings)


def take_back(program: Program, issue: str, rule: str) -> None:
    """Let nothing of a rule pass any more. NotFoundError when nothing of it was accepted."""
    with program.store.write() as connection:
        if not stored.take_back(connection, issue, rule):
            raise NotFoundError(f"{issue}: nothing of the rule {quoted(rule)} is accepted")


def fingerprints(findings: Collection[Finding]) -> list[str]:
    """Those of the findings that were accepted."""
    return [fingerprint(each) for each in findings if each.accepted]
