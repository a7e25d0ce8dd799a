"""Why all threads of a sender stop: the first reason counts, and everybody hears it at once."""

from __future__ import annotations

import time
from threading import Condition

from mailer.services.sending.results import End


class Halt:
    """Shared by the threads of one sender."""

    def __init__(self) -> None:
        self._changed = Condition()
        self.end: End | None = None
        self.error: BaseException | None = None

    def because(self, end: End) -> None:
        """Nothing more is begun; what is in flight is finished."""
        with self._changed:
            if self.end is None and self.error is None:
                self.end = end
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """The same for an error, which is raised once all threads have ended. The first one counts."""
        with self._changed:
            if self.error is None:
                self.error = error
            self._changed.notify_all()

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self.end is not None or self.error is not None

    def wake(self) -> None:
        """Somebody who waits may have something to do."""
        with self._changed:
            self._changed.notify_all()

    def nap(self, seconds: float) -> None:
        """Wait, until there is something to do or a reason to stop at the latest."""
        with self._changed:
            if not self.asked:
                self._changed.wait(seconds)

    def wait_until(self, moment: float) -> bool:
        """Wait for a time of the monotonic clock; False when there is a reason to stop before."""
        with self._changed:
            while not self.asked and (left := moment - time.monotonic()) > 0:
                self._changed.wait(left)
        return not self.asked
