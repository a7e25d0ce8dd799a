"""A database that cannot be reached for a while: said, waited for, and said when it is there again."""

from __future__ import annotations

import time
from threading import Lock
from typing import Final

from mailer.errors import StoreError
from mailer.services.working.happenings import Log

AWAY: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds between tries."""

LASTS: Final = 3
"""The failure that comes with what a person can do: what passes by itself is over by then."""


class Away:
    """What the threads of one worker know of it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = Lock()
        self._failures = 0
        self._until = 0.0

    @property
    def waiting(self) -> bool:
        """Whether it is too early for another try."""
        return time.monotonic() < self._until

    @property
    def seconds(self) -> float:
        """Until the next try."""
        return max(0.0, self._until - time.monotonic())

    def failed(self, error: StoreError) -> None:
        """It did not answer. Of several threads that find out at once, one says so."""
        with self._lock:
            if self.waiting:
                return
            seconds = AWAY[min(self._failures, len(AWAY) - 1)]
            self._failures += 1
            hint = f". {error.hint}" if error.hint and self._failures == LASTS else ""
            self._until = time.monotonic() + seconds
        self._log.say("database", "", f"{error.message}; trying again in {seconds:g} s{hint}")

    def answered(self) -> None:
        with self._lock:
            was, self._failures = self._failures, 0
        if was:
            self._log.say("database", "", "it answers again")
