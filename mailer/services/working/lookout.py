"""What is to be done now, in which order, and how much of it at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby, islice, zip_longest
from typing import Final

from sqlalchemy.engine import Connection

from mailer.engine.carrier import Ticket, TicketKind
from mailer.errors import MailerError
from mailer.model import IssueKind
from mailer.providers import Holds, Provider
from mailer.services.beating import Speed
from mailer.services.program import Program
from mailer.services.sending.boot import boot_id
from mailer.services.sending.desk import Desk
from mailer.services.sending.elsewhere import gone
from mailer.services.sending.holding import may_go_on, settle_held, settles_at
from mailer.services.sending.pace import day_over, pace_of
from mailer.services.sending.sharing import WORKER
from mailer.services.working.happenings import Log
from mailer.services.working.lateness import Lateness
from mailer.store import feeding, jobs, ledger, pacing, scheduling, workers
from mailer.store.feeding import SendingIssue
from mailer.store.issues import IssueRow
from mailer.store.pacing import Pace

ALERT, JOB, BULLETIN = 10, 5, 0
TROUBLED: Final = -1
"""An issue that could not go on here is behind all others: an alert that goes nowhere must not be all that is fed."""

BEGINS: Final = 1
"""So much more urgent is what begins: it is quick, and then both are there to choose from."""

LEAST, MOST = 64, 2000
"""So many batches are handed out at once, and as many as two seconds of all workers."""

SECONDS: Final = 2

PACED_SECONDS: Final = 3
"""Under a rate so many seconds of it are handed out."""

SOON = timedelta(seconds=1)
"""A slot that is further away is not waited for with batches handed out."""

KEPT_SECONDS: Final = 5.0
"""At least between two looks at what the provider keeps for us."""

CLOCK_SECONDS: Final = 5.0
"""At least between two looks at what is due by the clock."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. `later`: when batches that are due may go, where the provider's pace keeps them back."""

    tickets: Sequence[Ticket]
    later: datetime | None = None


class Lookout:
    """Looks what is to be done, for all who share a carrier."""

    def __init__(self, program: Program, desk: Desk, log: Log, lateness: Lateness) -> None:
        self.program = program
        self.desk = desk
        self.log = log
        self.lateness = lateness
        self.alone = True
        """What is found is carried by this process, so that what rests here need not be found."""
        self.sent: set[int] = set()
        """Issues of which batches were found."""
        self._boot = boot_id()
        self._speed = Speed()
        self._kept_at = self._clock_at = 0.0

    def look(self, *, room: bool = True) -> Look:
        """See to what dead senders left, stop what may not go on, and say what is to be done.

        `room`: this process has room for a job.
        """
        now = self.program.now()
        self.lateness.awake(now)
        with self.program.store.read() as connection:
            begin = scheduling.due(connection, now)
            sending = feeding.sending(connection)
            dead = feeding.left_behind(connection, now)
        self.lateness.only({each.row.id for each in sending})
        goes_on = [each for each in sending if not self._stopped(each.row, now)]
        if dead:
            self._sweep(now)
        provider = self._provider() if sending else None
        if provider is not None:
            self._resend(provider, goes_on, now)
            goes_on = self._not_full(provider, goes_on)
        tickets = [_begins(issue) for issue in begin if not self._rests(issue.id)]
        tickets += self._jobs(now) if room or not self.alone else []
        if provider is None:
            return Look(tickets)
        with self.program.store.read() as connection:
            found = self._batches(connection, provider, goes_on)
        return Look([*tickets, *found.tickets], found.later)

    def waits_until(self) -> datetime | None:
        """When something more is to be done for the issues that batches were found of; None when nothing is."""
        if not self.sent:
            return None
        provider = self.desk.provider()
        with self.program.store.read() as connection:
            names = [each.row.name for each in feeding.sending(connection) if each.row.id in self.sent]
            free = [ledger.next_free(connection, name) for name in names]
        free += [settles_at(self.program, provider, name, self.program.now()) for name in names]
        return min((moment for moment in free if moment is not None), default=None)

    def _rests(self, issue_id: int) -> bool:
        return self.alone and self.desk.resting(issue_id)

    # --- before -----------------------------------------------------------------------------------------------------

    def _stopped(self, issue: IssueRow, now: datetime) -> bool:
        """Whether an issue may not go on without a person's word; then it is paused."""
        if self._rests(issue.id):
            return True
        reason = self.lateness.reason(issue, now)
        if reason:
            self.desk.pause(issue, reason)
        return bool(reason)

    def _provider(self) -> Provider | None:
        """None: there is none to be had, which is said. The other work goes on."""
        try:
            return self.desk.provider()
        except MailerError as error:
            self.log.error("", error.message)
            return None

    def _resend(self, provider: Provider, issues: Sequence[SendingIssue], now: datetime) -> None:
        """Where handing over twice makes no second mail, what is in doubt is handed over again."""
        if not provider.capabilities.idempotent:
            return
        with self.program.store.read() as connection:
            doubtful = [each.row for each in issues if feeding.doubts_of(connection, each.row.id, provider.name)]
        for issue in doubtful:
            with self.program.store.write() as connection:
                ledger.resend_doubts(connection, issue.name, now, provider.name)

    def _sweep(self, now: datetime) -> None:
        with self.program.store.write() as connection:
            ledger.sweep(connection, now, self._boot)

    def _not_full(self, provider: Provider, issues: Sequence[SendingIssue]) -> list[SendingIssue]:
        """See to what the provider keeps, now and then; the issues of which not too much is in doubt."""
        if not isinstance(provider, Holds) or time.monotonic() < self._kept_at:
            return list(issues)
        left = []
        for each in issues:
            settle_held(self.program, provider, each.row.name, self.program.now())
            if reason := may_go_on(self.program, provider, each.row.name, self.program.now()):
                self.desk.pause(each.row, reason)
            else:
                left.append(each)
        self._kept_at = time.monotonic() + KEPT_SECONDS
        return left

    # --- what is to be done -----------------------------------------------------------------------------------------

    def _jobs(self, now: datetime) -> list[Ticket]:
        from mailer.services.jobs.clock import due_by_clock

        if time.monotonic() >= self._clock_at:
            self._clock_at = time.monotonic() + CLOCK_SECONDS
            with self.program.store.write() as connection:
                due_by_clock(self.program, connection, now)
        with self.program.store.read() as connection:
            return [Ticket(TicketKind.JOB, number, JOB) for number in jobs.due(connection, now, LEAST)]

    def _batches(self, connection: Connection, provider: Provider, issues: Sequence[SendingIssue]) -> Look:
        """The batches that are due, and the issues of which nothing is left."""
        now, pace = self.program.now(), pace_of(self.program.settings, provider.name)
        ready = pacing.ready_at(connection, pace, now)
        late = ready if ready is not None and ready > now + SOON else None
        most = self._window(connection, pace, issues)
        ended: list[Ticket] = []
        queues: list[tuple[int, list[int]]] = []
        for each in issues:
            issue = each.row
            urgency = TROUBLED if self.desk.resting(issue.id) else _urgency(issue)
            waiting = feeding.due_batches(connection, issue.id, now, most)
            if not waiting and not feeding.is_open(connection, issue.id):
                if settles_at(self.program, provider, issue.name, now) is None:
                    ended.append(Ticket(TicketKind.ISSUE, issue.id, urgency + BEGINS))
            elif waiting and not self._elsewhere(connection, issue, now):
                queues.append((urgency, waiting))
                self.sent.add(issue.id)
                if late is not None:
                    self._tell_cap(pace, issue, late, now)
        if late is not None:
            return Look(ended, late if queues else None)
        return Look([*ended, *islice(in_turns(queues), most)])

    def _tell_cap(self, pace: Pace, issue: IssueRow, ready: datetime, now: datetime) -> None:
        if pace.warmup and ready >= day_over(pace, now):
            until = f"{ready:%Y-%m-%d %H:%M} UTC"
            self.log.once("waits", issue.name, f"the day's share of the warm-up is used up until {until}")

    def _elsewhere(self, connection: Connection, issue: IssueRow, now: datetime) -> bool:
        """Whether a `mailer send` is at work on an issue: it may have been told to go slower."""
        held = feeding.holders(connection, issue.id, now)
        return any(not _is_worker(owner) and not gone(owner) for owner in held)

    def _window(self, connection: Connection, pace: Pace, issues: Sequence[SendingIssue]) -> int:
        """How many batches to hand out: what is handed out is done before what becomes due meanwhile."""
        ours, _ = self._speed.a_minute(self.desk.batches, 0, time.monotonic())
        a_minute = max(ours, workers.batches_a_minute(connection, self.program.now()))
        most = min(MOST, max(LEAST, SECONDS * a_minute // 60))
        if pace.per_minute is None or pace.burst is None:
            return most
        # Each batch is at most what goes in a second or so.
        smallest = min((each.batch_size for each in issues), default=1)
        paced = PACED_SECONDS * pace.per_minute // 60 // max(1, min(smallest, pace.burst))
        return min(most, max(PACED_SECONDS + 1, paced))


def in_turns(queues: Sequence[tuple[int, Sequence[int]]]) -> Iterator[Ticket]:
    """Batches of several issues: the more urgent issues first, one after the other of each that is as urgent."""
    for urgency, alike in groupby(sorted(queues, key=lambda each: -each[0]), key=lambda each: each[0]):
        turns = zip_longest(*(numbers for _, numbers in alike))
        yield from (Ticket(TicketKind.BATCH, n, urgency) for n in chain.from_iterable(turns) if n is not None)


def _begins(issue: IssueRow) -> Ticket:
    return Ticket(TicketKind.ISSUE, issue.id, _urgency(issue) + BEGINS)


def _urgency(issue: IssueRow) -> int:
    return ALERT if issue.kind is IssueKind.ALERT else BULLETIN


def _is_worker(owner: str) -> bool:
    return owner.rpartition(".")[2].startswith(WORKER)
