"""What goes on beside the requests of `mailer serve`: jobs that its surfaces leave are done, also where no worker is.

Forms have a thread of their own: a mail that somebody waits for comes before a million reports of a provider. What is
due by the clock is done here too, so that where nobody runs `mailer work` what has to be deleted still is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from mailer.errors import ConflictError, MailerError, StoreError
from mailer.model import JobKind
from mailer.providers import ChecksAccess
from mailer.services.binding import check_bound
from mailer.services.jobs.carrying import carry
from mailer.services.jobs.clock import all_seen, due_by_clock
from mailer.services.program import Program
from mailer.services.sending.access import provided
from mailer.services.sending.sharing import process_name
from mailer.store import jobs

LOOK_SECONDS: Final = 1.0
"""What other processes left is seen so soon."""

AWAY_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Between tries while the database is away."""

AT_ONCE: Final = 16

BY_CLOCK: Final = (JobKind.PRUNE, JobKind.SYNC, JobKind.SUPPRESSIONS, JobKind.BOUNCES)

Say = Callable[[str, str], None]
"""Takes what happened and its details; no line names a person."""


class Background:
    """Does jobs until it is left. `wake`: something was left just now, so that nobody waits for the next look."""

    def __init__(self, program: Program, say: Say) -> None:
        name = process_name()
        kinds = ((JobKind.SIGNUP,), (JobKind.EVENTS,), BY_CLOCK)
        self._runs = tuple(Run(program, say, name, each) for each in kinds)

    def wake(self) -> None:
        for run in self._runs:
            run.woken.set()

    def __enter__(self) -> Self:
        for run in self._runs:
            run.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What is in hand is finished, or laid down for others."""
        for run in self._runs:
            run.stop()
        for run in self._runs:
            run.join()


class Run(Thread):
    """One thread, and the kinds of job it does."""

    def __init__(self, program: Program, say: Say, name: str, kinds: Collection[JobKind]) -> None:
        super().__init__(name=f"jobs {'-'.join(kinds)}", daemon=True)
        self.woken = Event()
        self._program = program
        self._say = say
        self._owner = name
        self._kinds = kinds
        self._stopping = False
        self._failures = 0
        self._refused = ""

    def stop(self) -> None:
        self._stopping = True
        self.woken.set()

    def run(self) -> None:
        if JobKind.SIGNUP in self._kinds:
            self._try_provider()
        while not self._stopping:
            self.woken.clear()
            self.woken.wait(self._look())

    def _try_provider(self) -> None:
        """Say at once when no mail could be sent: else the first to hear of it would wait for theirs."""
        try:
            with provided(self._program) as provider:
                if isinstance(provider, ChecksAccess):
                    provider.check_access()
        except MailerError as error:
            self._say("waits", f"mails that answer sign-ups cannot be sent: {error.message.splitlines()[0]}")

    def _look(self) -> float:
        """Do what is due; the seconds until the next look."""
        try:
            while not self._stopping and self._round():
                pass
        except StoreError as error:
            seconds = AWAY_SECONDS[min(self._failures, len(AWAY_SECONDS) - 1)]
            self._failures += 1
            self._say("database", f"{error.message.splitlines()[0]}; trying again in {seconds:g} s")
            return seconds
        except Exception as error:  # a thread that ends would be missed by nobody until somebody waits for a mail
            self._say("fault", f"{type(error).__name__} while looking for jobs; trying again in {AWAY_SECONDS[-1]:g} s")
            return AWAY_SECONDS[-1]
        if self._failures:
            self._failures = 0
            self._say("database", "it answers again")
        return LOOK_SECONDS

    def _round(self) -> bool:
        """Do some of what is due; whether any of it was ours to do."""
        if JobKind.PRUNE in self._kinds:
            self._add_by_clock()
        with self._program.store.read() as connection:
            numbers = jobs.due(connection, self._program.now(), AT_ONCE, self._kinds)
        if not numbers or not self._may():
            return False
        random.shuffle(numbers)  # several processes look at the same ones
        return sum(self._do(number) for number in numbers) > 0

    def _add_by_clock(self) -> None:
        now = self._program.now()
        if not all_seen(self._program, now):
            with self._program.store.write() as connection:
                due_by_clock(self._program, connection, now)

    def _do(self, number: int) -> bool:
        words = carry(self._program, number, self._owner, lambda: self._stopping)
        if words is None:
            return False
        self._say("job", words)
        return True

    def _may(self) -> bool:
        """Whether this place may do them. Mails leave only from where the database is at home."""
        if JobKind.SIGNUP not in self._kinds:
            return True
        try:
            check_bound(self._program)
        except ConflictError as error:
            if self._refused != error.message:
                self._refused = error.message
                self._say("waits", f"sign-ups are left to workers of another place: {error.message}")
            return False
        self._refused = ""
        return True
