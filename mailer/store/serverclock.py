"""The clock of the database server, for all hosts that work on one database.

Leases, slots and due times are compared between hosts, and hosts' clocks differ, or are set while somebody sends. So
the server is asked for its time every ten seconds, and what has passed since is counted by a clock of this machine
that nobody sets and that goes on while it sleeps.

How wrong it may be: half of the round trip in which it was asked, and what this machine's oscillator is off since then,
which is kept below 500 millionths: 5 ms after ten seconds, 1.8 s after an hour without the server. A virtual machine
that was halted as a whole is behind until it has asked again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from mailer.store import postgresql
from mailer.store.database import parsed_url, store_error

MEASURE_SECONDS = 10.0
DRIFT = 500e-6
"""What a clock may be off while it is counting: Linux lets nobody correct one by more."""

NOW = sa.select(sa.func.clock_timestamp())


def elapsed() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps, where the system has one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Anchor(NamedTuple):
    """What the server's clock showed, when that was on ours, and by how much it may be wrong."""

    server: datetime
    local: float
    error: float


class ServerClock:
    """Gives the server's time when called. It has a connection of its own: who asks may hold all others."""

    def __init__(self, url: str, elapsed: Callable[[], float] = elapsed) -> None:
        self._url = url
        self._elapsed = elapsed
        self._engine: Engine | None = None
        self._measuring = threading.Lock()
        self._anchor: Anchor | None = None
        self._next = 0.0

    def __call__(self) -> datetime:
        """The server's time in UTC. While the server is away the last measurement is used.

        Raises StoreError when there never was one: a guess must not get into a lease.
        """
        anchor = self._anchor
        anchor = self._first() if anchor is None else self._renewed(anchor)
        return anchor.server + timedelta(seconds=self._elapsed() - anchor.local)

    def close(self) -> None:
        """Give the connection back."""
        if self._engine is not None:
            self._engine.dispose()

    def _first(self) -> Anchor:
        """All who ask for the first time at once wait for one measurement."""
        with self._measuring:
            return self._anchor or self._measured()

    def _renewed(self, anchor: Anchor) -> Anchor:
        """Measured anew where it is time and nobody is at it."""
        if self._elapsed() >= self._next and self._measuring.acquire(blocking=False):
            try:
                return self._measured()
            except DBAPIError:
                self._next = self._elapsed() + MEASURE_SECONDS
            finally:
                self._measuring.release()
        return anchor

    def _measured(self) -> Anchor:
        """The new measurement, or the last one if by now it is still the better one of the two."""
        if self._engine is None:
            self._engine = postgresql.bare(parsed_url(self._url), 1).execution_options(isolation_level="AUTOCOMMIT")
        try:
            new = self._ask(self._engine)
        except DBAPIError as error:
            if self._anchor is not None:
                raise
            raise store_error(error, self._engine.url.database or "postgresql") from None
        last = self._anchor
        if last is None or new.error <= last.error + (new.local - last.local) * DRIFT:
            self._anchor = last = new
        self._next = self._elapsed() + MEASURE_SECONDS
        return last

    def _ask(self, engine: Engine) -> Anchor:
        with engine.connect() as connection:
            before = self._elapsed()
            server: datetime = connection.execute(NOW).scalar_one()
            trip = self._elapsed() - before
        return Anchor(server.astimezone(UTC), before + trip / 2, trip / 2)
