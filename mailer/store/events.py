"""What providers report of mails after they took them: kept once each, however often it is reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import EventKind
from mailer.store.database import insert_absent_rows
from mailer.store.tables import deliveries, events, issues, subscribers

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 400


@dataclass(frozen=True, slots=True)
class Delivered:
    """The delivery that an event is about. `forgotten`: everything personal of its person was erased.

    `over`: what was reported of its issue was counted and deleted, and nothing more of it is kept.
    """

    id: int
    issue_id: int
    issue: str
    subscriber_id: int
    forgotten: bool
    over: bool = False


@dataclass(frozen=True, slots=True)
class Filed:
    """An event of a delivery, as it is kept."""

    key: str
    delivery: Delivered
    kind: EventKind
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is read back."""

    kind: EventKind
    detail: str
    at: datetime


def delivered(connection: Connection, delivery_ids: Collection[int]) -> dict[int, Delivered]:
    """Those of these deliveries that there are."""
    found: dict[int, Delivered] = {}
    remaining = sorted(set(delivery_ids))
    forgotten, over = subscribers.c.forgotten_at.is_not(None), issues.c.events_pruned_at.is_not(None)
    query = (
        sa.select(deliveries.c.id, deliveries.c.issue_id, issues.c.name, deliveries.c.subscriber_id, forgotten, over)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
    )
    for start in range(0, len(remaining), CHUNK):
        chunk = remaining[start : start + CHUNK]
        rows = connection.execute(query.where(deliveries.c.id.in_(chunk)))
        found.update((row[0], Delivered(*row)) for row in rows)
    return found


def add(connection: Connection, new: Sequence[Filed], now: datetime) -> Counter[EventKind]:
    """Keep events; how many were not there before, by kind."""
    rows: dict[str, dict[str, Any]] = {
        event.key: {
            "key": event.key,
            "delivery_id": event.delivery.id,
            "issue_id": event.delivery.issue_id,
            "subscriber_id": event.delivery.subscriber_id,
            "kind": event.kind,
            "detail": "" if event.delivery.forgotten else event.detail,
            "at": event.at,
            "received_at": now,
        }
        for event in reversed(new)
        if not event.delivery.over
    }
    known = _known(connection, new)
    fresh = [row for row in rows.values() if row["key"] not in known]
    # In one order everywhere, so that two who add the same never wait for one another in a circle.
    fresh.sort(key=itemgetter("delivery_id", "key"))
    insert_absent_rows(connection, events, fresh)
    return Counter(row["kind"] for row in fresh)


def of_delivery(connection: Connection, delivery_id: int) -> list[Told]:
    """What happened to one mail, in the order in which it happened."""
    query = sa.select(events.c.kind, events.c.detail, events.c.at).where(events.c.delivery_id == delivery_id)
    return [Told(*row) for row in connection.execute(query.order_by(events.c.at, events.c.kind, events.c.key))]


def _known(connection: Connection, new: Sequence[Filed]) -> set[str]:
    """The keys that are there already. Looked for by delivery, next to which the keys are."""
    found: set[str] = set()
    numbers = sorted({event.delivery.id for event in new})
    for start in range(0, len(numbers), CHUNK):
        query = sa.select(events.c.key).where(events.c.delivery_id.in_(numbers[start : start + CHUNK]))
        found.update(connection.execute(query).scalars())
    return found
