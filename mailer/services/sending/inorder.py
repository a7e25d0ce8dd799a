"""A batch of which each answer is written down before the next mail can be accepted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mailer.errors import StoreError
from mailer.model import Batch, Receipt
from mailer.providers import SubmitsInOrder
from mailer.store.jotting import Jotter

NOTE_SECONDS = 0.25
"""At least between two reports to whoever counts."""


class InOrder:
    """One batch on its way. `note` hears of what is written down, `go_on` says whether the next mail may leave."""

    def __init__(
        self,
        jotter: Jotter,
        owner: str,
        note: Callable[[Sequence[Receipt]], None],
        go_on: Callable[[], bool],
    ) -> None:
        self.jotter = jotter
        self.owner = owner
        self.note = note
        self.go_on = go_on
        self.unwritten: list[Receipt] = []
        """What was not written down, because it could not be or there was no hurry any more."""
        self.going = True
        self._unsaid: list[Receipt] = []
        self._note_at = time.monotonic() + NOTE_SECONDS

    def hand_over(self, provider: SubmitsInOrder, batch: Batch) -> list[Receipt]:
        """What is still to be written down when the batch is over."""
        provider.submit_each(batch, lambda receipt: self.heard(batch.id, receipt))
        self.note(self._unsaid)
        return self.unwritten

    def heard(self, batch_id: int, receipt: Receipt) -> bool:
        """One answer; whether to go on. What is answered after a no is written down with the batch, all at once."""
        self._count(receipt)
        if not self.going:
            self.unwritten.append(receipt)
            return False
        self.going = self._jotted(batch_id, receipt) and self.go_on()
        return self.going

    def _jotted(self, batch_id: int, receipt: Receipt) -> bool:
        try:
            written = self.jotter.jot(batch_id, self.owner, receipt)
        except StoreError:
            # The mail has left: its answer is kept here until the batch is recorded.
            written = False
        if not written:
            # No may mean that it was the last one: writing it down again changes nothing.
            self.unwritten.append(receipt)
        return written

    def _count(self, receipt: Receipt) -> None:
        self._unsaid.append(receipt)
        if time.monotonic() >= self._note_at:
            self.note(self._unsaid)
            self._unsaid = []
            self._note_at = time.monotonic() + NOTE_SECONDS
