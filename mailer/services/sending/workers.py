"""The threads of a sender, and the one that looks after them."""

from __future__ import annotations

import time
from datetime import datetime
from threading import Lock

from mailer.errors import StoreError
from mailer.model import IssueState
from mailer.services.sending.crew import Crew
from mailer.services.sending.holding import may_go_on, settle_held, settles_at
from mailer.services.sending.limits import out_of_time
from mailer.services.sending.pace import day_over
from mailer.services.sending.results import End, Why, silent
from mailer.services.sending.run import Run
from mailer.store import issues as stored_issues
from mailer.store import ledger, pacing
from mailer.store.bounces import came_back
from mailer.store.issues import IssueRow

POLL = 0.1
"""Seconds between two looks at whether to stop."""

STATE_SECONDS = 0.5
"""Seconds after which a sender has heard that its issue was paused."""

TELL_SECONDS = 0.5
"""At least between two reports of progress."""

BOUNCES_SECONDS = 10.0
"""Seconds between two looks at how many mails came back."""

COUNT_SECONDS, COUNT_SHARE = 30.0, 0.02
"""Others may be at work on the issue as well: so often the rows are counted, and for so much of the time."""

KEPT_SECONDS = 5.0
"""At least between two looks at what the provider keeps for us."""

NAP = 0.5
"""Seconds between two tries to find work that was not there."""


class Workers:
    """Works on an issue until nothing is left, or there is a reason to stop."""

    def __init__(self, run: Run, issue: IssueRow, threads: int) -> None:
        self.run = run
        self.issue = issue
        self.crew = Crew(self.work, threads, run.halt.fail)
        self.deadline = None if run.options.wait is None else time.monotonic() + run.options.wait
        self.began = run.now()
        self._bounces_at = time.monotonic() + BOUNCES_SECONDS
        self._resting = Lock()
        self._keeping = Lock()
        self._kept_at = 0.0
        self._state_at = self._tell_at = self._count_at = 0.0

    def until_done(self) -> End:
        """Run the threads to their end, which is told; the first error among them is raised."""
        halt = self.run.halt
        self.count()
        self.crew.more()
        try:
            while not self.crew.over.wait(POLL):
                self.guarded()
        except BaseException as error:
            halt.fail(error)
            raise
        self.run.options.tell(self.run.tally.progress())
        if halt.error is not None:
            raise halt.error
        return halt.end or End()

    # --- one thread -------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """One batch after the other."""
        batch = self.next()
        while batch is not None:
            self.crew.more()
            self.see_to_kept()
            batch = self.run.one(batch) or self.next()

    def next(self) -> ledger.ClaimedBatch | None:
        """The next batch. While there is none, one thread waits for it and the others end."""
        halt = self.run.halt
        while not halt.asked:
            batch = self.run.claim()
            if batch is not None:
                return batch
            if not self._resting.acquire(blocking=False):
                return None
            try:
                if not self.rest():
                    return None
            finally:
                self._resting.release()
        return None

    def rest(self) -> bool:
        """Wait until there may be something to do; False when nothing is left, or it is not worth waiting for."""
        run = self.run
        self.see_to_kept()
        settles = settles_at(run.program, run.provider, self.issue.name, run.now())
        with run.turns.read() as connection:
            now = run.now()
            free = ledger.next_free(connection, self.issue.name)
            ready = pacing.ready_at(connection, run.pace, now)
        if free is None and settles is None:
            return False
        times = [max(free, ready or free)] if free is not None else []
        due = min(times + ([settles] if settles is not None else []))
        if run.holding == 0 and not run.halt.asked:
            if end := self.enough(due, ready, now):
                run.halt.because(end)
                return False
            run.tally.waiting = run.waits_for or self.waits(due, now)
        run.halt.nap(min(max((due - now).total_seconds(), 0.02), NAP))
        return True

    def see_to_kept(self) -> None:
        """Have the provider drop what it keeps and nobody knows of; one thread now and then."""
        run, now = self.run, time.monotonic()
        if now < self._kept_at or not self._keeping.acquire(blocking=False):
            return
        try:
            settle_held(run.program, run.provider, self.issue.name, run.now())
            if reason := may_go_on(run.program, run.provider, self.issue.name, run.now()):
                run.trip(reason, "")
            self._kept_at = time.monotonic() + KEPT_SECONDS
        finally:
            self._keeping.release()

    def enough(self, due: datetime, ready: datetime | None, now: datetime) -> End | None:
        """Why not to wait for what is due then."""
        pace = self.run.pace
        if pace.warmup and ready is not None and ready >= day_over(pace, now):
            return End(Why.CAP, resume_at=ready)
        if self.deadline is not None and time.monotonic() + (due - now).total_seconds() > self.deadline:
            return End(Why.WAITS, resume_at=due)
        return None

    @staticmethod
    def waits(due: datetime, now: datetime) -> str:
        seconds = (due - now).total_seconds()
        return f"waiting {seconds:,.0f} s for what is due later" if seconds > 1 else ""

    # --- the one that looks after them ------------------------------------------------------------------------------

    def guarded(self) -> None:
        """Watch. What goes wrong here must not leave the threads alone with what they have in flight."""
        try:
            self.watch()
        except StoreError as error:
            # They need the database as well: they wait for it where they must, and give up where they may.
            self.run.tally.waiting = error.message
        except Exception as error:
            self.run.halt.fail(error)

    def watch(self) -> None:
        """Stop when there is a reason; tell how far it is."""
        run, now = self.run, time.monotonic()
        if run.options.stop():
            run.halt.because(End(Why.ASKED))
        if now >= self._state_at:
            self._state_at = now + STATE_SECONDS
            self.state()
        if now >= self._bounces_at:
            self._bounces_at = now + BOUNCES_SECONDS
            self.bounces()
        if now >= self._count_at:
            self.count()
        if now >= self._tell_at:
            self._tell_at = now + TELL_SECONDS
            run.options.tell(run.tally.progress())

    def state(self) -> None:
        """Whether the issue is still to be sent."""
        run = self.run
        with run.turns.read() as connection:
            state = stored_issues.state_of(connection, self.issue.name)
        if state is IssueState.PAUSED:
            run.halt.because(End(Why.PAUSED))
        elif state is IssueState.CANCELLED:
            run.halt.because(End(Why.CANCELLED))
        elif state is IssueState.SENDING and (reason := out_of_time(self.issue, run.now())):
            run.trip(reason, "")

    def bounces(self) -> None:
        """Whether too many mails came back since this sender began."""
        run = self.run
        with run.turns.read() as connection:
            bounced = came_back(connection, self.issue.id, self.began, run.name)
        if bounced:
            run.look(bounced)

    def count(self) -> None:
        """Take the progress from the rows, for whoever hears of it."""
        if self.run.options.tell is silent:
            self._count_at = float("inf")
            return
        begun = time.monotonic()
        with self.run.turns.read() as connection:
            figures = ledger.figures(connection, self.issue.name)
        self.run.tally.start(figures)
        taken = time.monotonic() - begun
        self._count_at = time.monotonic() + max(COUNT_SECONDS, taken / COUNT_SHARE)
