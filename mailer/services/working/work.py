"""A worker: looks what is due, and sees to what its carrier brings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Final

from mailer.engine.carrier import Carrier, Ticket, TicketKind
from mailer.engine.local import LocalCarrier
from mailer.errors import MailerError, StoreBusyError, StoreError, StoreVersionError
from mailer.services.beating import Counters, Heart
from mailer.services.binding import check_bound
from mailer.services.program import Program
from mailer.services.sending.desk import Desk
from mailer.services.sending.results import Stop, never
from mailer.services.working.away import Away
from mailer.services.working.errands import Errands
from mailer.services.working.happenings import Log, Say
from mailer.services.working.issues import Issues
from mailer.services.working.lateness import Lateness
from mailer.services.working.lookout import Look, Lookout

WATCH: Final = 0.25
"""So often a worker looks whether the issues it has open were stopped."""

PATIENCE: Final = 30.0
"""So many seconds `once` waits for what comes later in an issue that it sent."""

PACED: Final = 60.0
"""So many seconds `once` waits for what the provider's pace keeps back."""

ONCE_SECONDS: Final = 0.25
"""Between two looks of `once`."""

FAILED: Final = ": failed: "
"""In the words about a job that could not be done."""


class Work:
    """Duties of a carrier: what it brings is seen to here, in any of its threads."""

    def __init__(self, program: Program, carrier: Carrier, say: Say, stop: Stop = never, *, name: str = "") -> None:
        self.program = program
        self.carrier = carrier
        self.stop = stop
        self.log = Log(program, say)
        self.away = Away(self.log)
        self.desk = Desk(program, self._heard, name)
        self.threads = program.settings.work.threads or program.settings.provider.connections
        self._lateness = Lateness(program)
        self._issues = Issues(program, self.desk, self.log, self._lateness)
        self._lookout = Lookout(program, self.desk, self.log, self._lateness)
        self._lookout.alone = isinstance(carrier, LocalCarrier)
        self._errands = Errands(self._job)
        self._counting = Lock()
        self._in_hand = 0
        self._once = self._done = False
        self._patience: float | None = None
        self._fatal: BaseException | None = None

    @property
    def attention(self) -> bool:
        """Whether something waits for a person."""
        return self.log.attention

    @property
    def _busy(self) -> int:
        return self._in_hand + self._errands.busy

    def counters(self) -> Counters:
        """For whoever shows what this worker does."""
        desk = self.desk
        return Counters(self._busy, desk.issues(), desk.batches, desk.mails, self.stop())

    # --- running ----------------------------------------------------------------------------------------------------

    def forever(self) -> None:
        """Until somebody asks to stop. A database that is away for a while is waited for."""
        check_bound(self.program)
        heart = Heart(self.program, self.desk.name, self.threads, self.counters)
        with self._running():
            heart.start()
            try:
                while not self._over():
                    self._run()
            finally:
                heart.stop()

    def once(self) -> None:
        """Everything that is due now. What is due or may go in a moment is waited for."""
        check_bound(self.program)
        self.carrier = LocalCarrier(ONCE_SECONDS)
        self._lookout.alone = self._once = True
        self._done, self._patience = False, None
        self._lookout.sent.clear()
        with self._running():
            self._run()

    def _run(self) -> None:
        try:
            self.carrier.run(self, self.threads, self._over)
        except StoreVersionError:
            raise
        except StoreError as error:
            if self._once:
                raise
            # The engine's way to the database. Ours may be another one, and may have noticed before.
            self.away.failed(error)
            while not self._over() and self.away.waiting:
                time.sleep(min(self.away.seconds, 0.2))

    def _over(self) -> bool:
        return self._done or self._fatal is not None or self.stop()

    @contextmanager
    def _running(self) -> Iterator[None]:
        """With a thread that looks after what is open; what went wrong for good is raised at the end."""
        self._lateness.fresh()
        self.desk.open()
        ended = Event()
        watcher = Thread(target=self._watch, args=(ended,), name="watching", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._errands.join()
            ended.set()
            watcher.join()
            self.desk.close()
        if self._fatal is not None:
            fatal, self._fatal = self._fatal, None
            raise fatal

    def _watch(self, ended: Event) -> None:
        while not ended.wait(WATCH):
            if self._over():
                self.desk.stop()
            if self.away.waiting:
                continue
            try:
                self.desk.watch()
            except StoreVersionError as error:
                self._fatal = error
            except StoreError:
                continue  # the next pulse says so
            except Exception as error:
                self._fatal = error

    # --- duties -----------------------------------------------------------------------------------------------------

    def pulse(self) -> None:
        """Look what is to be done and feed it."""
        if self._over() or self.away.waiting:
            return
        idle = self._busy == 0
        with self._guarded():
            look = self._lookout.look(room=self._errands.room)
            if look.tickets:
                self.carrier.feed(look.tickets)
            self.away.answered()
            if self._once and idle and not look.tickets and self._busy == 0:
                self._done = not self._worth_waiting(look)
            elif look.tickets:
                self._patience = None

    def carry(self, ticket: Ticket) -> None:
        """See to one ticket."""
        if self._over():
            return
        if self.away.waiting:
            # Not at once: others, whose way to the database may be open, share the queue.
            self.desk.pass_over()
            return
        with self._counted(), self._guarded():
            if ticket.kind is TicketKind.BATCH:
                self._carry_batch(ticket.id)
            elif ticket.kind is TicketKind.ISSUE:
                self._issues.carry(ticket.id)
            else:
                self._errands.begin(ticket.id)

    def _carry_batch(self, number: int) -> None:
        try:
            self.desk.carry(number)
        except StoreBusyError:
            return  # nothing was begun: it is handed out again

    def _job(self, number: int) -> None:
        from mailer.services import jobs

        with self._guarded():
            words = jobs.carry(self.program, number, self.desk.name, self._over)
            if words is not None and (FAILED in words or not self._once):
                # A crontab hears of what went wrong, and not every hour that all is well.
                self.log.say("job", "", words)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What goes wrong is said, and waited for; what cannot be waited for ends this worker."""
        try:
            yield
        except StoreVersionError as error:
            self._fatal = error
        except StoreError as error:
            self._not_now(error)
        except MailerError as error:
            self.log.error("", error.message)
        except Exception as error:
            self._fatal = error

    def _not_now(self, error: StoreError) -> None:
        """What is busy is there: nothing but this one thing waits for it."""
        if self._once:
            self._fatal = error
        elif isinstance(error, StoreBusyError):
            self.log.once("database", "", error.message)
            self.desk.pass_over()
        else:
            self.away.failed(error)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._counting:
            self._in_hand += change

    def _heard(self, what: str, issue: str, detail: str) -> None:
        if what == "paused":
            self.log.paused(issue, detail)
        elif what == "cancelled":
            self._issues.cancelled(issue)
        else:
            self.log.error(issue, detail)

    def _worth_waiting(self, look: Look) -> bool:
        """Whether there is something to do in a moment, by a clock that moves."""
        moments = [(self._lookout.waits_until(), PATIENCE), (look.later, PACED)]
        waits = [seconds for moment, most in moments if moment and (seconds := self._until(moment)) <= most]
        if not waits:
            return False
        if self._patience is None:
            self._patience = time.monotonic() + min(waits) + 1
        return time.monotonic() < self._patience

    def _until(self, moment: datetime) -> float:
        return max(0.0, (moment - self.program.now()).total_seconds())
