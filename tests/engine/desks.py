"""Duties that write down what they are asked to do, and a worker over them in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailer.engine.carrier import Carrier, Ticket, TicketKind

PULSE = 0.25
PATIENCE = 30.0
"""Seconds until what should happen counts as not happening; a busy machine takes long for little."""


def batch(number: int, urgency: int = 0) -> Ticket:
    return Ticket(TicketKind.BATCH, number, urgency)


def until(happened: Callable[[], object]) -> None:
    """Return as soon as it has happened."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@dataclass
class Desk:
    """Carries at once, except those tickets that wait for `let_go`."""

    slow: frozenset[Ticket] = frozenset()
    carried: list[Ticket] = field(default_factory=list)
    begun: list[Ticket] = field(default_factory=list)
    pulses: list[float] = field(default_factory=list)
    on_pulse: Callable[[], None] = lambda: None
    on_carry: Callable[[Ticket], None] = lambda ticket: None
    let_go: threading.Event = field(default_factory=threading.Event)

    def carry(self, ticket: Ticket) -> None:
        self.begun.append(ticket)
        if ticket in self.slow:
            assert self.let_go.wait(PATIENCE)
        self.on_carry(ticket)
        self.carried.append(ticket)

    def pulse(self) -> None:
        self.pulses.append(time.time())
        self.on_pulse()


class Worker(threading.Thread):
    """One run of a carrier; `end` asks it to stop and gives what it raised."""

    def __init__(self, carrier: Carrier, desk: Desk, threads: int = 1) -> None:
        super().__init__(daemon=True)
        self.carrier, self.desk, self.threads = carrier, desk, threads
        self.asked = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.carrier.run(self.desk, self.threads, self.asked.is_set)
        except BaseException as error:
            self.error = error

    def end(self) -> BaseException | None:
        self.asked.set()
        return self.wait()

    def wait(self) -> BaseException | None:
        self.join(PATIENCE)
        assert not self.is_alive(), "the run does not end"
        return self.error


@contextmanager
def working(carrier: Carrier, desk: Desk, threads: int = 1) -> Iterator[Worker]:
    """A worker for the length of the block, that is up at its beginning and raised nothing at its end."""
    worker = Worker(carrier, desk, threads)
    worker.start()
    try:
        until(lambda: desk.pulses or not worker.is_alive())
        yield worker
    finally:
        desk.let_go.set()
        error = worker.end()
    if error is not None:
        raise error
