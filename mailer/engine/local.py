"""The engine of one process: a queue in memory and threads. What waits when it ends is in the database anyway."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence

from mailer.engine.carrier import Duties, Ticket, TicketKind

STOP_SECONDS = 0.05
"""How often it is asked whether to stop."""

PAUSE_SECONDS = 0.02
"""The least time between two pulses: what is fed may turn out to be nobody's, and is fed again and again."""


class LocalCarrier:
    """Carries within this process. May be run again after it has ended."""

    def __init__(self, pulse_seconds: float = 1.0) -> None:
        self._pulse_seconds = pulse_seconds
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)  # something waits, or it is the end
        self._drained = threading.Condition(self._lock)  # nothing waits and nothing is in hand, or it is the end
        self._queue: list[tuple[int, int, Ticket]] = []
        self._waiting: set[tuple[TicketKind, int]] = set()
        self._numbers = itertools.count()
        self._in_hand = 0
        self._carried = False
        self._ending = False
        self._error: BaseException | None = None

    def feed(self, tickets: Sequence[Ticket]) -> None:
        """Have these carried as well, the most urgent first, otherwise in their order. What waits already stays."""
        with self._lock:
            for ticket in tickets:
                if (ticket.kind, ticket.id) not in self._waiting:
                    self._waiting.add((ticket.kind, ticket.id))
                    heapq.heappush(self._queue, (-ticket.urgency, next(self._numbers), ticket))
            self._more.notify(len(tickets))

    def run(self, duties: Duties, threads: int, stop: Callable[[], bool]) -> None:
        """Carry with so many threads until `stop`, then finish what is in hand.

        Duties promise not to raise. What is raised nevertheless ends the run, and is raised here.
        """
        self._ending, self._error, self._carried = False, None, False
        works = [self._carry_all] * threads + [self._pulse_all]
        running = [threading.Thread(target=self._guarded, args=(work, duties), daemon=True) for work in works]
        for thread in running:
            thread.start()
        try:
            while not self._ending and not stop():
                time.sleep(STOP_SECONDS)
        finally:
            self._end()
        for thread in running:
            thread.join()
        if self._error is not None:
            raise self._error

    def _end(self, error: BaseException | None = None) -> None:
        with self._lock:
            self._ending = True
            self._error = self._error or error
            self._queue.clear()
            self._waiting.clear()
            self._more.notify_all()
            self._drained.notify_all()

    def _guarded(self, work: Callable[[Duties], None], duties: Duties) -> None:
        """A thread that died in silence would leave its share undone for ever."""
        try:
            work(duties)
        except BaseException as error:
            self._end(error)

    def _carry_all(self, duties: Duties) -> None:
        while (ticket := self._take()) is not None:
            try:
                duties.carry(ticket)
            finally:
                self._put_down()

    def _take(self) -> Ticket | None:
        with self._lock:
            while not self._queue and not self._ending:
                self._more.wait()
            if self._ending:
                return None
            ticket = heapq.heappop(self._queue)[2]
            self._waiting.discard((ticket.kind, ticket.id))
            self._in_hand += 1
            return ticket

    def _put_down(self) -> None:
        with self._lock:
            self._in_hand -= 1
            self._carried = True
            if self._nothing_left():
                self._drained.notify()

    def _nothing_left(self) -> bool:
        return not self._queue and not self._in_hand

    def _pulse_all(self, duties: Duties) -> None:
        """Pulse every so often, and as soon as all that was fed has been carried."""
        while not self._ending:
            self._carried = False
            began = time.monotonic()
            duties.pulse()
            time.sleep(PAUSE_SECONDS)
            with self._lock:
                left = began + self._pulse_seconds - time.monotonic()
                self._drained.wait_for(lambda: self._ending or (self._carried and self._nothing_left()), max(0.0, left))
