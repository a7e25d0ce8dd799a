"""The engine of several hosts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailer.engine.carrier import Duties, Ticket


class ProcrastinateCarrier:
    """Carries over procrastinate's tables on PostgreSQL."""

    def __init__(self, dsn: str, name: str, pulse_seconds: float = 1.0) -> None:
        self._dsn, self._name, self._pulse_seconds = dsn, name, pulse_seconds

    def feed(self, tickets: Sequence[Ticket]) -> None:
        """Have these carried as well, the most urgent first, otherwise in their order. What waits already stays."""
        raise NotImplementedError

    def run(self, duties: Duties, threads: int, stop: Callable[[], bool]) -> None:
        """Carry with so many threads until `stop`, then finish what is in hand."""
        raise NotImplementedError
