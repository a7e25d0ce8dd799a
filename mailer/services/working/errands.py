"""Jobs in threads of their own: what is sent waits for no import."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread, current_thread
from typing import Final

MOST: Final = 2
"""So many jobs at once in one process: reports of providers do not wait for an import either."""

WAITING: Final = 64
"""So many more wait for one that ends: what comes once a second would not keep up with a million short ones."""


class Errands:
    """The jobs that one worker has in hand. `work` does one, and does not raise."""

    def __init__(self, work: Callable[[int], None]) -> None:
        self._work = work
        self._lock = Lock()
        self._threads: set[Thread] = set()
        self._waiting: dict[int, None] = {}

    @property
    def busy(self) -> int:
        """How many are in hand."""
        return len(self._threads)

    @property
    def room(self) -> bool:
        """Whether one more may begin."""
        return self.busy < MOST

    def begin(self, number: int) -> None:
        """Do a job beside the others, or after one of them; where there is no room it comes again."""
        thread = Thread(target=self._run, args=(number,), name="job", daemon=True)
        with self._lock:
            if self.room:
                self._threads.add(thread)
                thread.start()
            elif len(self._waiting) < WAITING:
                self._waiting[number] = None

    def join(self) -> None:
        """Wait for those that have begun, who were told to stop; what waits is begun by others."""
        with self._lock:
            self._waiting.clear()
        for thread in tuple(self._threads):
            thread.join()

    def _run(self, number: int) -> None:
        try:
            following: int | None = number
            while following is not None:
                self._work(following)
                following = self._next()
        finally:
            with self._lock:
                self._threads.discard(current_thread())

    def _next(self) -> int | None:
        """What this thread does next. None: it ends, and there is room."""
        with self._lock:
            following = next(iter(self._waiting), None)
            if following is None:
                self._threads.discard(current_thread())
            else:
                del self._waiting[following]
            return following
