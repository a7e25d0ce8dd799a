"""Write transactions of a sender's threads, and what must be written down whatever the database says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock

from sqlalchemy.engine import Connection

from mailer.errors import StoreError
from mailer.store.database import Store

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


class Transactions:
    """Where the database has one writer, threads wait for each other here: SQLite's own way of waiting is to ask
    again and again, with pauses that grow to a tenth of a second."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.turn = Lock() if store.is_file else None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction."""
        with self.turn or nullcontext(), self.store.write() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One moment of the database."""
        with self.store.read() as connection:
            yield connection


def insist(work: Callable[[bool], None], until: float, tell: Callable[[StoreError], None]) -> None:
    """Do what must be written down; where the database cannot, again and again until a time of the monotonic clock.

    `work` is told whether this is its first time. `tell` hears why it has to be done again. StoreError: in vain.
    """
    pause = FIRST_PAUSE
    first = True
    while True:
        try:
            work(first)
        except StoreError as error:
            if time.monotonic() + pause > until:
                raise
            tell(error)
        else:
            return
        time.sleep(pause)
        first = False
        pause = min(pause * 2, LONGEST_PAUSE)
