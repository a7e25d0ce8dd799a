"""Writing down the answers to one mail after the other, from many threads, each before the next mail leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mailer.model import Receipt
from mailer.store import claiming, settling
from mailer.store.database import Store


class Jotter:
    """Writes down what came of single mails. What `jot` returned for survives the death of the process."""

    def __init__(self, store: Store, lease_seconds: float, now: Callable[[], datetime]) -> None:
        self._store = store
        self._lease_seconds = lease_seconds
        self._now = now

    def jot(self, batch_id: int, owner: str, receipt: Receipt) -> bool:
        """Write down one answer. False: send nothing more of this batch.

        It is not the owner's any more, or its issue is no longer being sent.
        """
        with self._store.write() as connection:
            now = self._now()
            settling.record(connection, batch_id, owner, (receipt,), now)
            return claiming.renew(connection, batch_id, owner, self._lease_seconds, now)

    def close(self) -> None:
        """Give back what was opened."""
