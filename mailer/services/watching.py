"""Following an issue while it is sent: every look costs what has changed since the last one, not a count of all."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from mailer.delivery.states import OPEN_BATCHES
from mailer.model import BatchState, DeliveryState, IssueState
from mailer.services.program import Program
from mailer.services.status import found, ready_at
from mailer.store import history, ledger
from mailer.store import issues as stored
from mailer.store.history import BatchRow

RATE_SECONDS = 30.0
"""The rate is that of so many last seconds."""

WAITING = (DeliveryState.PENDING, DeliveryState.SUBMITTING)
UNDER_WAY = (BatchState.CLAIMED, BatchState.SUBMITTING)


@dataclass(frozen=True, slots=True)
class Look:
    """How an issue stands at one moment. `rate`: mails a second; `at_work`: batches that a living sender has.

    `due_at`: when what is left is due, or the provider may be asked again, if that is still to come.
    """

    name: str
    at: datetime
    state: IssueState
    reason: str
    deliveries: Mapping[DeliveryState, int]
    batches: Mapping[BatchState, int]
    rate: float
    at_work: int
    due_at: datetime | None

    @property
    def total(self) -> int:
        return sum(self.deliveries.values())

    @property
    def left(self) -> int:
        return sum(self.deliveries[state] for state in WAITING)

    @property
    def done(self) -> int:
        return self.total - self.left

    @property
    def seconds_left(self) -> float | None:
        """None while nobody can say."""
        return self.left / self.rate if self.rate > 0 else None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself: sent, or cancelled with nothing on its way."""
        in_flight = any(self.batches[state] for state in UNDER_WAY)
        return self.state in (IssueState.SENT, IssueState.CANCELLED) and not in_flight


class Watcher:
    """Looks at one issue again and again. NotFoundError when it was never sent."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.name = name
        self.known: dict[int, tuple[BatchRow, dict[DeliveryState, int]]] = {}
        self.samples: deque[tuple[datetime, int]] = deque()

    def look(self) -> Look:
        """How it stands now."""
        now = self.program.now()
        with self.program.store.read() as connection:
            issue = found(self.program, connection, self.name)
            rows = history.batch_rows(connection, issue.id)
            self.learn(connection, rows)
            pruned = None if issue.pruned_at is None else ledger.figures(connection, self.name).deliveries
            due_at = self.due_at(connection, issue, rows, now)
        deliveries: Counter[DeliveryState] = Counter(dict.fromkeys(DeliveryState, 0))
        for counts in [pruned] if pruned else [each for _, each in self.known.values()]:
            deliveries.update(counts)
        return Look(
            self.name,
            now,
            issue.state,
            issue.reason,
            deliveries,
            Counter(row.state for row in rows),
            self.rate(now, sum(deliveries.values()) - sum(deliveries[state] for state in WAITING)),
            sum(row.state in UNDER_WAY and (row.lease_until or now) > now for row in rows),
            due_at,
        )

    def learn(self, connection: Connection, rows: list[BatchRow]) -> None:
        """Count what may have changed: batches that moved, and those whose deliveries are settled one by one."""
        moving = (*UNDER_WAY, BatchState.DOUBTFUL)
        changed = [
            row for row in rows if row.id not in self.known or row.state in moving or self.known[row.id][0] != row
        ]
        counts = history.counts_of(connection, [row.id for row in changed])
        self.known.update({row.id: (row, counts.get(row.id, {})) for row in changed})

    def due_at(
        self, connection: Connection, issue: stored.StoredIssue, rows: list[BatchRow], now: datetime
    ) -> datetime | None:
        """What an issue waits for when nobody is at work on it."""
        if issue.state is IssueState.SCHEDULED:
            return issue.due_at
        open_rows = [row for row in rows if row.state in OPEN_BATCHES]
        if issue.state is not IssueState.SENDING or not open_rows:
            return None
        if all(row.due_at is not None and row.due_at > now for row in open_rows):
            return min(row.due_at for row in open_rows if row.due_at is not None)
        return ready_at(self.program, connection, now)

    def rate(self, now: datetime, done: int) -> float:
        """Mails a second of late."""
        self.samples.append((now, done))
        while len(self.samples) > 2 and self.samples[1][0] <= now - timedelta(seconds=RATE_SECONDS):
            self.samples.popleft()
        begin, before = self.samples[0]
        seconds = (now - begin).total_seconds()
        return max(0.0, (done - before) / seconds) if seconds > 0 else 0.0
