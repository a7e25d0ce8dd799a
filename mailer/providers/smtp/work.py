"""What one call still has to hand over, and what came of the rest. Lanes take from it in the order of the batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from mailer.model import Batch, Envelope, Outcome, Receipt

Tell = Callable[[Receipt], bool]
"""Hears what became of a mail before the next one of that connection is completed; False asks to stop there."""

TRIES = 2
"""How many connections one mail may cost before it waits for its next attempt."""


class Work:
    """The envelopes of one batch. Shared by its lanes."""

    def __init__(self, batch: Batch, tell: Tell | None = None) -> None:
        self._order = batch.delivery_ids
        self._waiting = deque(batch.envelopes)
        self._deadline = batch.deadline
        self._receipts: dict[int, Receipt] = {}
        self._tries: dict[int, int] = {}
        self._tell = tell
        self._lock = Lock()
        self.stopped = ""
        self.settled = 0
        """How many the server took or refused: a connection on which this grows is worth another one."""
        self.doubtful = 0
        self.suspicion = ""
        """A refusal that may be meant for everybody, as nobody was taken yet."""

    @property
    def begun(self) -> bool:
        """Whether anything was answered yet."""
        return bool(self._receipts)

    @property
    def left(self) -> bool:
        """Whether something waits to be handed over."""
        return bool(self._waiting)

    def over(self) -> bool:
        """Whether no further mail may begin: somebody said stop, or the batch is not ours for long enough any more."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.stop("its time was over before it was handed over")
        return bool(self.stopped)

    def take(self) -> Envelope | None:
        """The next envelope to hand over; None when there is none, or no further one may begin."""
        if self.over():
            return None
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def put_back(self, envelope: Envelope, reason: str = "") -> None:
        """Nothing of it was sent: it is next again. With a reason, only so often."""
        tries = self._tries[envelope.delivery_id] = self._tries.get(envelope.delivery_id, 0) + bool(reason)
        if tries >= TRIES:
            self.answer(Receipt(envelope.delivery_id, Outcome.RETRY, reason))
        else:
            self._waiting.appendleft(envelope)

    def answer(self, receipt: Receipt) -> None:
        """What became of one mail. Returns once the listener has heard it."""
        self._receipts[receipt.delivery_id] = receipt
        self.doubtful += receipt.outcome is Outcome.DOUBTFUL
        self.settled += receipt.outcome in (Outcome.ACCEPTED, Outcome.REFUSED)
        if self._tell is not None:
            with self._lock:
                if not self._tell(receipt):
                    self.stopped = self.stopped or "stopped before it was handed over"

    def stop(self, reason: str) -> None:
        """Let every lane end after the mail that it is at."""
        self.stopped = self.stopped or reason

    def rest(self, outcome: Outcome, detail: str) -> None:
        """One answer for all that were not handed over."""
        while self._waiting:
            envelope = self._waiting.popleft()
            self.answer(Receipt(envelope.delivery_id, outcome, detail))

    def receipts(self) -> tuple[Receipt, ...]:
        """One for each envelope, in their order."""
        return tuple(self._receipts[delivery_id] for delivery_id in self._order)
