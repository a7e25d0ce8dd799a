"""Mails that were accepted and are still kept by the provider are taken back."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.model import IssueState
from mailer.providers import Holds
from mailer.services.binding import check_bound
from mailer.services.program import Program
from mailer.services.sending.access import provided
from mailer.services.sending.holding import drop_one, kept_batches
from mailer.store import holding
from mailer.store import issues as stored_issues
from mailer.store.holding import RECALLABLE

FAILURES = 3
"""After so many drops in a row that failed the next one will hardly do better: the provider allows ten at one time."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """`mails` in `batches` never leave. `left`: batches that leave; `unknown`: of which nobody knows yet. Asked again,
    it goes on with both."""

    mails: int = 0
    batches: int = 0
    left: int = 0
    unknown: int = 0


def can_recall(program: Program, issue: str) -> bool:
    """Whether something of an issue that was handed over can still be taken back."""
    if not _kept(program, issue):
        return False
    with provided(program) as provider:
        return isinstance(provider, Holds) and bool(kept_batches(program, provider, issue, RECALLABLE, program.now()))


def recall(program: Program, issue: str) -> Recalled:
    """Cancel an issue that was sent, and take back what the provider still keeps of it."""
    check_bound(program)
    with program.store.write() as connection:
        holding.stop(connection, issue, program.now())
    return drop_held(program, issue)


def drop_held(program: Program, issue: str) -> Recalled:
    """Take back what the provider still keeps of a cancelled issue, as far as it lets batches be dropped.

    An issue that is not cancelled is left alone: what is dropped of it would go out again. So is what a copy of the
    database knows of: the provider keeps it for the original, which would count as handed over what never leaves.
    """
    with program.store.read() as connection:
        cancelled = stored_issues.state_of(connection, issue) is IssueState.CANCELLED
    if not cancelled or not _kept(program, issue):
        return Recalled()
    check_bound(program)
    with provided(program) as provider:
        return _drop_all(program, provider, issue) if isinstance(provider, Holds) else Recalled()


def _kept(program: Program, issue: str) -> bool:
    """Asked before the provider is: its settings may have mistakes, and nearly always nothing is kept."""
    with program.store.read() as connection:
        return holding.keeps(connection, issue, RECALLABLE, program.now())


def _drop_all(program: Program, provider: Holds, issue: str) -> Recalled:
    waiting = kept_batches(program, provider, issue, RECALLABLE, program.now())
    done: list[int | None] = []
    for kept in waiting:
        done.append(drop_one(program, provider, kept, RECALLABLE))
        if len(done) >= FAILURES and not any(done[-FAILURES:]):
            break
    people = [mails for mails in done if mails]
    unknown = done.count(None)
    return Recalled(sum(people), len(people), len(waiting) - len(people) - unknown, unknown)
