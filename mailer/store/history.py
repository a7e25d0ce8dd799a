"""What one issue is waiting for, what was reported of its mails, and how far each of its batches has come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import BatchState, DeliveryState, EventKind
from mailer.store import pruned
from mailer.store.pruned import Counted
from mailer.store.tables import batches, deliveries, events, subscribers

# Below the number of parameters every SQLite takes.
CHUNK = 400


@dataclass(frozen=True, slots=True)
class Group:
    """So many mails at one time: those that are due then, or that the provider keeps until then."""

    at: datetime
    mails: int


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A batch as one look finds it."""

    id: int
    state: BatchState
    updated_at: datetime
    lease_until: datetime | None
    due_at: datetime | None


def due_later(connection: Connection, issue_id: int, now: datetime) -> list[Group]:
    """Mails that wait for a time that is still to come, the next one first."""
    return _groups(
        connection,
        batches.c.due_at,
        batches.c.issue_id == issue_id,
        batches.c.state == BatchState.PENDING,
        batches.c.due_at > now,
        deliveries.c.state == DeliveryState.PENDING,
    )


def held(connection: Connection, issue_id: int, now: datetime) -> list[Group]:
    """Mails that the provider took and keeps until a time that is still to come."""
    return _groups(
        connection,
        batches.c.send_at,
        batches.c.issue_id == issue_id,
        batches.c.hold != "",
        batches.c.send_at > now,
        deliveries.c.state == DeliveryState.ACCEPTED,
    )


def _groups(connection: Connection, at: sa.Column[Any], *within: sa.ColumnElement[bool]) -> list[Group]:
    query = (
        sa.select(at, sa.func.count())
        .join_from(batches, deliveries, deliveries.c.batch_id == batches.c.id)
        .where(*within)
        .group_by(at)
        .order_by(at)
    )
    return [Group(*row) for row in connection.execute(query)]


def domains(connection: Connection, issue_id: int, state: DeliveryState, most: int) -> dict[str, int]:
    """The domains that have most deliveries in a state. Forgotten people have none.

    Of an issue that was pruned only those of what was refused are known.
    """
    if pruned.pruned_at(connection, issue_id) is not None:
        counted = pruned.counts(connection, issue_id, Counted.DOMAIN) if state is DeliveryState.REFUSED else {}
        return dict(list(counted.items())[:most])
    number = sa.func.count().label("number")
    query = (
        sa.select(subscribers.c.domain, number)
        .join_from(deliveries, subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state == state, subscribers.c.domain != "")
        .group_by(subscribers.c.domain)
        .order_by(number.desc(), subscribers.c.domain)
        .limit(most)
    )
    found: dict[str, int] = dict(connection.execute(query).all())
    return found


def reported(connection: Connection, issue_ids: Collection[int]) -> Mapping[int, Mapping[EventKind, int]]:
    """Of how many mails of each issue something of that kind was reported, each mail once."""
    counted = pruned.without_events(connection, issue_ids)
    query = (
        sa.select(events.c.issue_id, events.c.kind, sa.func.count(events.c.delivery_id.distinct()))
        .where(events.c.issue_id.in_(sorted(set(issue_ids) - counted)))
        .group_by(events.c.issue_id, events.c.kind)
    )
    found: defaultdict[int, dict[EventKind, int]] = defaultdict(dict)
    for issue_id, numbers in pruned.counts_of(connection, counted, Counted.EVENT).items():
        found[issue_id] = {kind: numbers[kind.value] for kind in EventKind if kind.value in numbers}
    for issue_id, kind, number in connection.execute(query):
        found[issue_id][kind] = number
    return found


def batch_rows(connection: Connection, issue_id: int) -> list[BatchRow]:
    """Every batch of an issue, in order."""
    times = (batches.c.updated_at, batches.c.lease_until, batches.c.due_at)
    query = sa.select(batches.c.id, batches.c.state, *times)
    rows = connection.execute(query.where(batches.c.issue_id == issue_id).order_by(batches.c.number))
    return [BatchRow(*row) for row in rows]


def counts_of(connection: Connection, batch_ids: Sequence[int]) -> dict[int, dict[DeliveryState, int]]:
    """The deliveries of these batches by state."""
    found: defaultdict[int, dict[DeliveryState, int]] = defaultdict(dict)
    for start in range(0, len(batch_ids), CHUNK):
        query = (
            sa.select(deliveries.c.batch_id, deliveries.c.state, sa.func.count())
            .where(deliveries.c.batch_id.in_(batch_ids[start : start + CHUNK]))
            .group_by(deliveries.c.batch_id, deliveries.c.state)
        )
        for batch_id, state, number in connection.execute(query):
            found[batch_id][state] = number
    return found
