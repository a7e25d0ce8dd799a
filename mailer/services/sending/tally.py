"""How far a sender is: counted in memory, because counting a million rows takes longer than sending a batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from threading import Lock

from mailer.delivery.breaker import Answers
from mailer.model import DeliveryState, Outcome, Receipt
from mailer.services.sending.results import Progress
from mailer.store.ledger import Figures

WINDOW = 20.0
"""Seconds over which the rate is taken."""

OPEN = (DeliveryState.PENDING, DeliveryState.SUBMITTING)


class Tally:
    """Counts of one sender. May be shared by threads."""

    def __init__(self, share: float) -> None:
        self._lock = Lock()
        self._answers = Answers(share)
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._figures = (0, 0, 0, 0)
        self.counts = dict.fromkeys(Outcome, 0)
        self.waiting = ""

    @property
    def accepted(self) -> int:
        return self.counts[Outcome.ACCEPTED]

    @property
    def handled(self) -> int:
        """How many were taken or refused: a provider that did that works."""
        return self.counts[Outcome.ACCEPTED] + self.counts[Outcome.REFUSED]

    def note(self, receipts: Iterable[Receipt]) -> None:
        """What came of some mails."""
        with self._lock:
            taken, refusals = 0, []
            for receipt in receipts:
                self.counts[receipt.outcome] += 1
                taken += receipt.outcome is Outcome.ACCEPTED
                if receipt.outcome is Outcome.REFUSED:
                    refusals.append(receipt.detail)
            self._answers.note(taken, refusals)

    def trouble(self, bounced: int = 0) -> tuple[str, str]:
        """Why the send should stop by itself and what to look at; empty without a reason."""
        with self._lock:
            return self._answers.reason(bounced), self._answers.advice()

    def start(self, figures: Figures) -> None:
        """The rows say how it stands: from here on it is counted here."""
        waiting = sum(figures.deliveries[state] for state in OPEN)
        doubtful, refused = figures.deliveries[DeliveryState.DOUBTFUL], figures.deliveries[DeliveryState.REFUSED]
        with self._lock:
            self._figures = (
                figures.recipients,
                figures.recipients - waiting - self._settled,
                doubtful - self.counts[Outcome.DOUBTFUL],
                refused - self.counts[Outcome.REFUSED],
            )

    @property
    def _settled(self) -> int:
        return self.handled + self.counts[Outcome.DOUBTFUL]

    def progress(self) -> Progress:
        """How far it is now."""
        now = time.monotonic()
        with self._lock:
            settled = self._settled
            if not settled:
                self._marks.clear()  # waiting for somebody else's lease is no part of its speed
            self._marks.append((now, settled))
            while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW:
                self._marks.popleft()
            began, before = self._marks[0]
            total, done, doubtful, refused = self._figures
            rate = (settled - before) / (now - began) if now - began > 0.1 else 0.0
            return Progress(
                min(done + settled, total),
                total,
                doubtful + self.counts[Outcome.DOUBTFUL],
                refused + self.counts[Outcome.REFUSED],
                rate,
                self.waiting,
            )
