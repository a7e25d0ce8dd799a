"""Mails that may have been sent or not: which there are, and a person's word about them.

A machine never sends a doubt again. Events settle it by themselves; a person may settle it knowing what it means: a
mail that is sent again may be somebody's second copy, and one that counts as sent may never have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailer.delivery.doubts import TAKEN_AS_SENT, Word
from mailer.errors import ConflictError, NotFoundError
from mailer.model import DeliveryState, IssueState
from mailer.services.deliveries import pruned
from mailer.services.program import Program
from mailer.services.sending.boot import boot_id
from mailer.store import doubts as stored
from mailer.store import issues as stored_issues
from mailer.store import ledger, subscribers
from mailer.store.doubts import Doubt, Which
from mailer.wording import counted, unknown

LEASES = 10
LEAST_AGE = timedelta(minutes=15)
"""A doubt is this old before it may be sent again, and so many leases: a sender that stood still may wake up and go on,
and a provider may answer late."""


STATE_OF: Mapping[Word, DeliveryState] = {Word.SENT: DeliveryState.ACCEPTED, Word.RESEND: DeliveryState.PENDING}


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a word would do, or did. `held`: so many of the people's mails the provider still keeps until then.

    `too_young`: when the last of the doubts may be sent again, where that is later than now.
    """

    issue: str
    issue_state: IssueState
    word: Word
    people: int
    batches: int
    which: Which
    held: int = 0
    too_young: datetime | None = None
    done: bool = False

    def question(self) -> str:
        """What it means, for a person who is to say yes."""
        who = counted(self.people, "person", "people")
        if self.word is Word.SENT:
            return f"{who} of {self.issue} will count as having got it, and will not be sent it again"
        if self.issue_state is IssueState.CANCELLED:
            return f"{who} of {self.issue}, which is cancelled, will count as not having got it; nothing is sent"
        return f"{who} of {self.issue} will be sent it again; who got it already gets a second copy"

    def summary(self) -> list[str]:
        """What was done, for people."""
        who = f"{counted(self.people, 'person', 'people')} of {self.issue}"
        batches = counted(self.batches, "batch", "batches")
        if not self.done:
            return [f"{self.question()} ({batches})"]
        if self.word is Word.SENT:
            return [f"{who} count as having got it ({batches})"]
        if self.issue_state is IssueState.CANCELLED:
            return [f"{who} count as not having got it; the issue is cancelled, so nothing is sent ({batches})"]
        return [f"{who} wait to be sent it again ({batches}): mailer send {self.issue} --frozen"]


def every(program: Program, issue: str | None = None) -> list[Doubt]:
    """The doubts of all issues or one, by batch; those that a dead sender left are found by looking."""
    sweep(program)
    with program.store.read() as connection:
        if issue is not None:
            known(program, issue)
        return stored.listing(connection, issue)


def plan(program: Program, which: Which, word: Word) -> Resolution:
    """What resolving would do. NotFoundError when nothing of that kind is in doubt."""
    sweep(program)
    known(program, which.issue)
    with program.store.read() as connection:
        state = stored_issues.state_of(connection, which.issue)
        found = [doubt for doubt in stored.listing(connection, which.issue, which) if not doubt.busy]
        if not found:
            issue = stored_issues.get(connection, which.issue)
            if issue is not None and issue.pruned_at is not None:
                raise pruned(issue)
            raise nothing(which, stored.listing(connection, which.issue), person_is_known(program, which))
    limits = program.settings.limits
    age = max(LEAST_AGE, timedelta(seconds=LEASES * limits.lease_seconds))
    ready = max(doubt.latest for doubt in found) + age
    young = word is Word.RESEND and state is not IssueState.CANCELLED and ready > program.now()
    held = sum(doubt.people for doubt in found if doubt.send_at is not None and doubt.send_at > program.now())
    people = sum(doubt.people for doubt in found)
    return Resolution(which.issue, state, word, people, len(found), which, held, ready if young else None)


def resolve(program: Program, planned: Resolution, by: str, *, early: bool = False) -> Resolution:
    """Do what was planned, for the doubts that were counted: what an event settled meanwhile stays settled.

    ConflictError when they may not be sent again yet; `early` does so all the same. `by`: whose word it is.
    """
    if planned.too_young is not None and not early:
        raise ConflictError(
            f"the doubts of {planned.issue} are too young to be sent again before {planned.too_young:%H:%M} UTC: "
            "their sender may still be at work",
            hint="Wait; an event may settle them meanwhile. --now does not wait.",
        )
    now = program.now()
    verb = TAKEN_AS_SENT if planned.word is Word.SENT else "to be sent again"
    words = f"{verb} on the word of {by}, {now:%Y-%m-%d %H:%M} UTC"
    with program.store.write() as connection:
        done = stored.resolve(connection, planned.which, STATE_OF[planned.word], words, now)
        state = stored_issues.state_of(connection, planned.issue)
    return replace(planned, people=done.people, batches=done.batches, issue_state=state, done=True)


def sweep(program: Program) -> None:
    """See to what dead senders left behind, as every sender does."""
    with program.store.write() as connection:
        ledger.sweep(connection, program.now(), boot_id())


def known(program: Program, issue: str) -> None:
    """NotFoundError for an issue that was never sent."""
    with program.store.read() as connection:
        if stored_issues.get(connection, issue) is None:
            names = [row.name for row in stored_issues.listing(connection)]
            raise NotFoundError(unknown("issue", issue, names), hint="mailer status lists them")


def person_is_known(program: Program, which: Which) -> bool:
    with program.store.read() as connection:
        return which.email_key is None or subscribers.get(connection, which.email_key) is not None


def nothing(which: Which, there: list[Doubt], person_known: bool) -> NotFoundError:
    """Why there is nothing to be resolved."""
    if not person_known:
        return NotFoundError("nobody has that address", hint="Check its spelling.")
    if which.email_key is not None:
        return NotFoundError(
            f"{which.issue} is not in doubt for that person",
            hint=f"mailer explain - {which.issue} says what became of it",
        )
    if which.batch is not None:
        numbers = ", ".join(str(doubt.batch) for doubt in there if not doubt.busy) or "none"
        return NotFoundError(f"batch {which.batch} of {which.issue} is not in doubt; in doubt are: {numbers}")
    if any(doubt.busy for doubt in there):
        return NotFoundError(
            f"the sender of {which.issue} is still at work on what is in doubt", hint="Try again when it is done."
        )
    return NotFoundError(f"nothing of {which.issue} is in doubt")
