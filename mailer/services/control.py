"""Stopping an issue for a while or for good, and letting it go on; each says what that means in numbers.

What is on its way to the provider when an issue stops ends as it ends: a call that has begun cannot be taken back. So
stopping waits a moment for such calls: when it has returned, nothing leaves any more. In safe mode the provider keeps
what it took for a while, and cancelling has that dropped too, also when all of the issue was handed over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from mailer.errors import CheckError, ConflictError
from mailer.model import DeliveryState, IssueState
from mailer.services.approvals import unapproved_words
from mailer.services.program import Program
from mailer.services.sending.recalling import Recalled, can_recall, drop_held, recall
from mailer.services.status import found
from mailer.store import history, ledger
from mailer.store import issues as stored
from mailer.wording import counted

NOTHING = Recalled()

CALL_SECONDS = 10.0
"""How long to wait for calls that have begun. Those of a sender that died never end; its lease does."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a pause or a cancellation means. `already`: it was so before, and nothing was changed.

    `handed_over`: mails that the provider took; `kept_back`: those that do not leave; `in_flight`: those on their way,
    which end as they end; `held`: of those handed over, the mails that the provider keeps for a while yet, of which
    `recallable` would be taken back; `recalled`: what came of that.
    """

    name: str
    state: IssueState
    already: bool
    handed_over: int
    kept_back: int
    in_flight: int
    doubtful: int
    held: int
    reason: str = ""
    dry_run: bool = False
    recallable: int = 0
    recalled: Recalled = NOTHING

    def told(self) -> list[str]:
        """What it means, for a person."""
        words = [f"{counted(self.handed_over, 'mail')} handed over already"]
        words.append(f"{counted(self.kept_back, 'mail')} {self._stopped()}")
        words += [f"{counted(self.in_flight, 'mail')} in flight, which end as they end"] if self.in_flight else []
        words += [f"{counted(self.doubtful, 'mail')} in doubt"] if self.doubtful else []
        lines = [f"{self.name} {self._is()}: {', '.join(words)}"]
        return [*lines, *self._told_kept()]

    def _stopped(self) -> str:
        """What becomes of those that were not handed over: a pause keeps them, a cancelled issue never sends them."""
        if self.state is IssueState.CANCELLED:
            return "would never be sent" if self.dry_run else "never to be sent"
        return "would be kept back" if self.dry_run else "kept back"

    def _told_kept(self) -> Iterator[str]:
        """What becomes of the mails that the provider keeps."""
        if self.recallable:
            mails = counted(self.recallable, "mail")
            yield f"the provider keeps {mails} until their time, and would be told to drop them"
            return
        if self.recalled.mails:
            yield f"of these the provider had {counted(self.recalled.mails, 'mail')} already, and dropped them"
        if self.recalled.unknown:
            batches = counted(self.recalled.unknown, "batch", "batches")
            yield f"whether it dropped {batches} is not known"
        if self.held:
            yield f"the provider keeps {counted(self.held, 'mail')} until their time; they go all the same"

    def _is(self) -> str:
        if self.state is IssueState.DRAFT:
            return "would be a draft again" if self.dry_run else "is a draft again"
        if self.dry_run and not self.already:
            return f"would be {self.state.value}"
        return f"{'was' if self.already else 'is'} {self.state.value}{' already' if self.already else ''}"


@dataclass(frozen=True, slots=True)
class Resumed:
    """An issue that goes on with `left` mails. `late`: its last moment had passed; it goes out all the same."""

    name: str
    already: bool
    left: int
    late: datetime | None = None


def pause(program: Program, name: str, reason: str = "") -> Stopped:
    """No further batch of the issue begins. ConflictError when it is not being sent."""
    now = program.now()
    with program.store.write() as connection:
        issue = found(program, connection, name)
        if issue.state is IssueState.SCHEDULED:
            raise ConflictError(
                f"issue {name} is scheduled; nothing of it is being sent",
                hint=f"mailer cancel {name} makes it a draft again; then it can have another time",
            )
        already = issue.state is IssueState.PAUSED
        if not already:
            refuse_over(issue)
            stored.pause(connection, name, reason, now)
    if not already:
        wait_for_calls(program, name)
    return stopped(program, name, already=already)


def resume(program: Program, name: str) -> Resumed:
    """Batches of the issue may begin again. ConflictError when it was not paused."""
    now = program.now()
    with program.store.write() as connection:
        issue = found(program, connection, name)
        already = issue.state is IssueState.SENDING
        if issue.state is IssueState.SCHEDULED:
            raise ConflictError(
                f"issue {name} is scheduled, not paused",
                hint="it begins at its time: mailer work, or mailer send --due",
            )
        if not already:
            refuse_over(issue)
            if missing := unapproved_words(connection, program.settings, (name, issue.hash)):
                raise CheckError(f"{name}: {missing}", hint=f"mailer approve {name} --hash {issue.hash[:12]}")
            stored.resume(connection, name, now)
    with program.store.read() as connection:
        counts = ledger.figures(connection, name).deliveries
    late = None if already or issue.not_after is None or issue.not_after > now else issue.not_after
    return Resumed(name, already, counts[DeliveryState.PENDING] + counts[DeliveryState.SUBMITTING], late)


def cancel(program: Program, name: str, *, dry_run: bool = False) -> Stopped:
    """Nothing more of the issue leaves, ever; one that is only scheduled is a draft again."""
    from mailer.store.scheduling import unschedule

    with program.store.read() as connection:
        issue = found(program, connection, name)
    becomes = IssueState.DRAFT if issue.state is IssueState.SCHEDULED else IssueState.CANCELLED
    already, over = issue.state is IssueState.CANCELLED, issue.state is IssueState.SENT
    if not already and not (over and can_recall(program, name)):
        refuse_over(issue)
    if dry_run:
        return stopped(program, name, becomes=becomes, already=already, dry_run=not already)
    if over or already:
        taken = recall(program, name) if over else drop_held(program, name)
        return replace(stopped(program, name, becomes=becomes, already=already), recalled=taken)
    with program.store.write() as connection:
        # Looked at before; each of the two refuses what has become of it since.
        if becomes is IssueState.DRAFT:
            unschedule(connection, name, program.now())
            return Stopped(name, becomes, False, 0, 0, 0, 0, 0)
        ledger.cancel(connection, name, program.now())
    wait_for_calls(program, name)
    taken = drop_held(program, name)
    return replace(stopped(program, name, becomes=becomes), recalled=taken)


def wait_for_calls(program: Program, name: str) -> None:
    """Until no mail of an issue that was stopped is on its way, or for as long as a call may take."""
    end = time.monotonic() + CALL_SECONDS
    while time.monotonic() < end:
        with program.store.read() as connection:
            if not ledger.figures(connection, name).deliveries[DeliveryState.SUBMITTING]:
                return
        time.sleep(0.05)


def refuse_over(issue: stored.IssueRow) -> None:
    """ConflictError for an issue that is sent or cancelled."""
    if issue.state is IssueState.SENT:
        raise ConflictError(
            f"issue {issue.name} was sent; there is nothing left to stop or to send",
            hint=f"mailer status {issue.name} shows what became of it",
        )
    if issue.state is IssueState.CANCELLED:
        raise ConflictError(f"issue {issue.name} was cancelled", hint="write it as an issue of another name to send it")


def stopped(
    program: Program,
    name: str,
    *,
    becomes: IssueState = IssueState.PAUSED,
    already: bool = False,
    dry_run: bool = False,
) -> Stopped:
    """The numbers, counted when it has stopped: from then on no mail begins to leave."""
    with program.store.read() as connection:
        issue = found(program, connection, name)
        counts = ledger.figures(connection, name).deliveries
        held = sum(group.mails for group in history.held(connection, issue.id, program.now()))
    # Those of a batch that was only just claimed are cancelled as soon as its sender gives it back.
    kept_back = counts[DeliveryState.PENDING]
    if becomes is IssueState.CANCELLED and not dry_run:
        kept_back += counts[DeliveryState.CANCELLED]
    return Stopped(
        name,
        becomes,
        already,
        counts[DeliveryState.ACCEPTED],
        kept_back,
        counts[DeliveryState.SUBMITTING],
        counts[DeliveryState.DOUBTFUL],
        held,
        issue.reason,
        dry_run,
        held if becomes is IssueState.CANCELLED and dry_run and can_recall(program, name) else 0,
    )
