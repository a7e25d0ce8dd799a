"""Threads for work that waits for the network: as many as there is work for, up to a limit."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread


class Crew:
    """Starts threads that all do the same work. `failed` hears an exception that ends one of them.

    They are daemons: what is insisted on with a second signal is over at once, and not when the slowest server has
    answered.
    """

    def __init__(self, work: Callable[[], None], most: int, failed: Callable[[BaseException], None]) -> None:
        self.most = most
        self.over = Event()
        """Set once none of them is at work."""
        self._work = work
        self._failed = failed
        self._lock = Lock()
        self._active = 0

    def more(self) -> None:
        """There is work for another one."""
        with self._lock:
            if self._active >= self.most:
                return
            self._active += 1
        Thread(target=self._run, name="sending", daemon=True).start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._failed(error)
        finally:
            with self._lock:
                self._active -= 1
                if self._active == 0:
                    self.over.set()
