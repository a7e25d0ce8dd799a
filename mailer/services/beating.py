"""The heart of a `mailer work`: says every two seconds that it is there, in a thread of its own.

It beats whatever the other threads wait for, so that a provider that takes its time does not make a worker look dead;
and it stops with the process, so that a killed or frozen one does. A database that is away is waited for in silence:
the worker itself tells that.
"""

from __future__ import annotations

import os
import platform
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Final, NamedTuple

from mailer import __version__
from mailer.errors import MailerError
from mailer.services.program import Program
from mailer.store import workers
from mailer.store.workers import Beat
from mailer.workspace.signing import keys_of

BEAT_SECONDS: Final = 2.0

KEPT: Final = timedelta(days=1)
"""So long it is shown that a worker is gone."""

CLEAR_SECONDS: Final = 3600.0

END_SECONDS: Final = 5.0
"""At most so long a process that ends waits to say so."""

SPEED_SECONDS: Final = (10.0, 60.0)
"""How fast it goes is measured over the last minute, and at least ten seconds of it."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a worker has done since its start, and what it has in hand."""

    busy: int = 0
    issues: tuple[str, ...] = ()
    batches: int = 0
    mails: int = 0
    stopping: bool = False


class Heart:
    """Beats from `start` to `stop`. `name`: as the owners of batches begin, host-process-token."""

    def __init__(self, program: Program, name: str, threads: int, counters: Callable[[], Counters]) -> None:
        self.program = program
        self.name = name
        self.threads = threads
        self.counters = counters
        self.speed = Speed()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """The first beat is made by its thread as well: nobody waits for it."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye. Where the database does not answer, nobody waits long."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        clear_at = time.monotonic()
        due = time.monotonic()
        while not self._stop.is_set():
            self._quietly(self._beat)
            if time.monotonic() >= clear_at:
                clear_at = time.monotonic() + CLEAR_SECONDS
                self._quietly(self._clear)
            # By the clock, not by the time that a beat takes; what was missed is not caught up with.
            due = max(due + BEAT_SECONDS, time.monotonic())
            self._stop.wait(due - time.monotonic())
        self._quietly(self._end)

    def _quietly(self, work: Callable[[], None]) -> None:
        try:
            work()
        except MailerError:
            return

    def _beat(self) -> None:
        counted = self.counters()
        batches, mails = self.speed.a_minute(counted.batches, counted.mails, time.monotonic())
        beat = Beat(
            name=self.name,
            host=platform.node() or "host",
            process=os.getpid(),
            engine=self.program.settings.work.engine,
            version=__version__,
            threads=self.threads,
            busy=counted.busy,
            issues=counted.issues,
            batches=counted.batches,
            mails=counted.mails,
            batches_a_minute=batches,
            mails_a_minute=mails,
            stopping=counted.stopping,
            provider=self.program.settings.provider.name,
            key=self._key(),
        )
        with self.program.store.write() as connection:
            workers.beat(connection, beat, self.program.now())

    def _key(self) -> str:
        """What it signs with now: keys are changed while workers run. Without a readable one it beats all the same."""
        with suppress(MailerError, OSError):
            return keys_of(self.program.workspace.key_file, self.program.environ)[0].fingerprint
        return ""

    def _end(self) -> None:
        with self.program.store.write() as connection:
            workers.end(connection, self.name, self.program.now())

    def _clear(self) -> None:
        now = self.program.now()
        with self.program.store.write() as connection:
            workers.forget_old(connection, now - KEPT)


class Sample(NamedTuple):
    at: float
    batches: int
    mails: int


class Speed:
    """How fast counters grow, a minute.

    Over the last minute, or since they began to grow in it: the number of tickets that are fed follows this, and a
    worker that has just begun would be kept short for a minute.
    """

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque()

    def a_minute(self, batches: int, mails: int, at: float) -> tuple[int, int]:
        """With the counters as they are at this moment of a clock that nobody sets."""
        least, most = SPEED_SECONDS
        samples = self.samples
        samples.append(Sample(at, batches, mails))
        while len(samples) > 2 and samples[1].at <= at - most:
            samples.popleft()
        while len(samples) > 1 and samples[0][1:] == samples[1][1:]:
            samples.popleft()
        first = samples[0]
        seconds = max(least, at - first.at)
        return round(60 * (batches - first.batches) / seconds), round(60 * (mails - first.mails) / seconds)
