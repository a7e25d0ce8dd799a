"""Connections that are kept open between batches, as many as the settings allow."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import BoundedSemaphore

from mailer.providers.smtp.connection import Connection, Server, connect

MOST_IDLE = 60.0
"""Seconds. Firewalls on the way forget quiet connections without telling either end, the sooner ones after minutes."""


class Pool:
    """May be shared by threads: `take` waits while all connections are in use."""

    def __init__(self, server: Server, size: int, opening: Callable[[Server], Connection] = connect) -> None:
        self.server = server
        self.size = size
        self.connected = False
        """Whether there ever was a connection."""
        self._opening = opening
        self._idle: deque[Connection] = deque()
        self._places = BoundedSemaphore(size)

    def take(self) -> Connection:
        """An open connection, which goes back by `give_back` or `drop`. Errors as those of `connect`."""
        self._places.acquire()
        try:
            return self._kept() or self._fresh()
        except BaseException:
            self._places.release()
            raise

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - connection.idle_since < MOST_IDLE and connection.usable:
                return connection
            connection.abort()
        return None

    def _fresh(self) -> Connection:
        connection = self._opening(self.server)
        self.connected = True
        return connection

    def give_back(self, connection: Connection) -> None:
        """It can be used again."""
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        self._places.release()

    def drop(self, connection: Connection) -> None:
        """It cannot."""
        connection.abort()
        self._places.release()

    def close(self) -> None:
        """Say goodbye on every connection that is not in use."""
        while self._idle:
            self._idle.pop().quit()
