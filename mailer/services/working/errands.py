"""Jobs in threads of their own: what is sent waits for no import."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread, current_thread
from typing import Final

MOST: Final = 2
"""So many jobs at once in one process: reports of providers do not wait for an import either."""


class Errands:
    """The jobs that one worker has in hand. `work` does one, and does not raise."""

    def __init__(self, work: Callable[[int], None]) -> None:
        self._work = work
        self._lock = Lock()
        self._threads: set[Thread] = set()

    @property
    def busy(self) -> int:
        """How many are in hand."""
        return len(self._threads)

    @property
    def room(self) -> bool:
        """Whether one more may begin."""
        return self.busy < MOST

    def begin(self, number: int) -> None:
        """Do a job beside the others; where there is no room it comes again."""
        thread = Thread(target=self._run, args=(number,), name="job", daemon=True)
        with self._lock:
            if not self.room:
                return
            self._threads.add(thread)
            thread.start()

    def join(self) -> None:
        """Wait for those that have begun, who were told to stop."""
        for thread in tuple(self._threads):
            thread.join()

    def _run(self, number: int) -> None:
        try:
            self._work(number)
        finally:
            with self._lock:
                self._threads.discard(current_thread())
