"""Writing down the answers to single mails, from many threads, each before the next mail of its batch can leave.

Who comes while another one writes waits, and is written down together with all who wait, in one transaction. Nobody
waits for a thread that does only this: handing over to it and back takes longer than writing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock

from mailer.errors import StoreError
from mailer.model import Receipt
from mailer.store.database import Store
from mailer.store.jots import Jot, Pad
from mailer.store.jots_postgresql import ServerPad
from mailer.store.jots_sqlite import FilePad
from mailer.store.settling import record


class Jotter:
    """Writes down answers of batches that are handed over in order, each by each.

    When `jot` returns, the answer survives the death of the process. What follows for the batch is for `settle`.
    """

    def __init__(
        self, store: Store, lease_seconds: float, now: Callable[[], datetime], turn: Lock | None = None
    ) -> None:
        """`turn`: what the other writers of this process hold, where the database has one writer."""
        lease = timedelta(seconds=lease_seconds)
        self._store = store
        self._now = now
        self._pad: Pad = FilePad(store, lease) if store.is_file else ServerPad(store, lease)
        self._waiting: deque[Jot] = deque()
        self._turn = turn or Lock()

    def jot(self, batch_id: int, owner: str, receipt: Receipt) -> bool:
        """Write down one answer and lengthen the lease. StoreError: it is not written down.

        False: send nothing more of this batch. It is not the owner's any more, or its issue is no longer being sent;
        what the answer says is written down all the same as long as it is the owner's to say.
        """
        jot = Jot(batch_id, owner, receipt)
        self._waiting.append(jot)
        with self._turn:
            if jot.go_on is None and jot.error is None:
                self._write_waiting()
        if jot.error is not None:
            # Several threads may wait for one failure; each has an error of its own to raise.
            raise type(jot.error)(jot.error.message, hint=jot.error.hint) from jot.error
        return bool(jot.go_on)

    def close(self) -> None:
        """Give back what was opened. A later jot opens it again."""
        with self._turn:
            self._pad.close()

    def _write_waiting(self) -> None:
        jots: list[Jot] = []
        while self._waiting:
            jots.append(self._waiting.popleft())
        try:
            now = self._now()
            self._pad.write(jots, now)
        except StoreError as error:
            _failed(jots, error)
        except BaseException:
            _failed(jots, StoreError("an answer was not written down: the sender was interrupted"))
            raise
        for jot in jots:
            if jot.late and jot.error is None:
                self._record(jot, now)

    def _record(self, jot: Jot, now: datetime) -> None:
        try:
            with self._store.write() as connection:
                record(connection, jot.batch_id, jot.owner, (jot.receipt,), now)
        except StoreError as error:
            _failed([jot], error)


def _failed(jots: Sequence[Jot], error: StoreError) -> None:
    """What one of them could not, none could: they are one transaction."""
    for jot in jots:
        jot.error = error
