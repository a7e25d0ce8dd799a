"""What providers report of mails after they took them: kept once each, however often it is reported."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Cause, EventKind
from mailer.store import bulk_events
from mailer.store.picking import picked
from mailer.store.tables import deliveries, events, issues, subscribers


@dataclass(frozen=True, slots=True)
class Delivered:
    """The delivery that an event is about. `forgotten`: everything personal of its person was erased.

    `over`: what was reported of its issue was counted and deleted, and nothing more of it is kept. `list_id`: the list
    that brought the person in.
    """

    id: int
    issue_id: int
    issue: str
    subscriber_id: int
    forgotten: bool
    over: bool = False
    list_id: int = 0


@dataclass(frozen=True, slots=True)
class Filed:
    """An event of a delivery, as it is kept."""

    key: str
    delivery: Delivered
    kind: EventKind
    detail: str
    at: datetime
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is read back."""

    kind: EventKind
    detail: str
    at: datetime


def delivered(connection: Connection, delivery_ids: Iterable[int]) -> dict[int, Delivered]:
    """Those of these deliveries that there are."""
    found: dict[int, Delivered] = {}
    forgotten, over = subscribers.c.forgotten_at.is_not(None), issues.c.events_pruned_at.is_not(None)
    columns = (deliveries.c.id, deliveries.c.issue_id, issues.c.name, deliveries.c.subscriber_id, forgotten, over)
    query = (
        sa.select(*columns, deliveries.c.list_id)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
    )
    for these, _ in picked(connection, deliveries.c.id, delivery_ids):
        found.update((row[0], Delivered(*row)) for row in connection.execute(query.where(these)))
    return found


def add(connection: Connection, new: Sequence[Filed], now: datetime) -> list[Filed]:
    """Keep events; those that were not there before."""
    first = {(event.delivery.id, event.key): event for event in reversed(new) if not event.delivery.over}
    # In one order everywhere, so that two who add the same never wait for one another in a circle.
    order = sorted(first)
    rows = [_row(first[each]) for each in order]
    known = _known(connection, {number for number, _ in order}) if connection.dialect.name == "sqlite" else set()
    added = bulk_events.insert(connection, rows, known, now)
    return [first[each] for each in order if each in added]


def _row(event: Filed) -> bulk_events.Row:
    about = event.delivery
    return bulk_events.Row(
        about.id,
        event.key,
        about.issue_id,
        about.subscriber_id,
        event.kind.value,
        "" if about.forgotten else event.detail,
        event.at,
        event.cause.value if event.cause else "",
    )


def of_delivery(connection: Connection, delivery_id: int) -> list[Told]:
    """What happened to one mail, in the order in which it happened."""
    query = sa.select(events.c.kind, events.c.detail, events.c.at).where(events.c.delivery_id == delivery_id)
    return [Told(*row) for row in connection.execute(query.order_by(events.c.at, events.c.kind, events.c.key))]


def _known(connection: Connection, delivery_ids: Collection[int]) -> set[str]:
    """The keys that are there already. Looked for by delivery, next to which the keys are."""
    found: set[str] = set()
    for these, _ in picked(connection, events.c.delivery_id, delivery_ids):
        found.update(connection.execute(sa.select(events.c.key).where(these)).scalars())
    return found
