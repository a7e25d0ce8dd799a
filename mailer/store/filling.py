"""The recipients of an issue become deliveries, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import DeliveryState
from mailer.store import audience
from mailer.store.batching import new_batch
from mailer.store.columns import BigId
from mailer.store.tables import batches, deliveries

Brought = Sequence[tuple[int, sa.Select[Any]]]
"""Each list of an issue with the query of those it brings in."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the recipients whose batches are due at one moment; None: everybody, at once.

    `people` has their numbers as `subscriber_id`.
    """

    due_at: datetime | None = None
    people: sa.FromClause | None = None


@dataclass(frozen=True, slots=True)
class Filling:
    """What every batch of an issue has in common."""

    issue_id: int
    batch_size: int
    now: datetime


def fill(connection: Connection, filling: Filling, brought: Brought, shares: Sequence[Share]) -> None:
    """Write the deliveries and batches of an issue. A batch has people of one share; numbers follow the moments."""
    number = 0
    for share in shares:
        number = _fill_share(connection, filling, brought, share, number)


def _fill_share(connection: Connection, filling: Filling, brought: Brought, share: Share, number: int) -> int:
    """Fill one batch after another, each by one statement that goes on where the last one ended.

    Numbering all rows by a window function in a single statement takes SQLite twice as long.
    """
    nothing_before, room, batch_id = number == 0, 0, 0
    for place, (list_id, recipients) in enumerate(brought):
        query = _rows(filling.issue_id, list_id, _of_share(recipients, share))
        in_batch = place > 0 or not nothing_before
        last = sa.select(sa.func.max(deliveries.c.subscriber_id))
        if in_batch:  # not the end of an index any more, where SQLite would look from: others were brought in before
            last = last.where(deliveries.c.batch_id == sa.bindparam("batch"), deliveries.c.list_id == list_id)
        else:
            last = last.where(deliveries.c.issue_id == filling.issue_id)
        after = 0
        while True:
            if not room:
                number, room = number + 1, filling.batch_size
                batch_id = new_batch(connection, filling.issue_id, number, filling.now, due_at=share.due_at)
            values = {"batch": batch_id, "after": after, "room": room, "now": filling.now}
            # Without the option not every driver's count outlives an insert.
            room -= connection.execute(query, values, execution_options={"preserve_rowcount": True}).rowcount
            if room:
                break
            after = connection.execute(last, {"batch": batch_id} if in_batch else None).scalar_one()
    if room == filling.batch_size:
        connection.execute(sa.delete(batches).where(batches.c.id == batch_id))
        return number - 1
    return number


def _of_share(recipients: sa.Select[Any], share: Share) -> sa.Select[Any]:
    if share.people is None:
        return recipients
    # Their numbers lead, in order: otherwise each batch would look at everybody.
    number = share.people.c.subscriber_id
    query = recipients.join(share.people, number == audience.MEMBER.c.subscriber_id)
    return query.where(number > sa.bindparam("after", type_=BigId)).order_by(None).order_by(number)


def _rows(issue_id: int, list_id: int, recipients: sa.Select[Any]) -> sa.Insert:
    """The insert of one batch's deliveries: `room` recipients beyond the subscriber `after`."""
    person = audience.MEMBER.c.subscriber_id
    chunk = recipients.where(person > sa.bindparam("after", type_=BigId))
    query = chunk.limit(sa.bindparam("room", type_=BigId)).with_only_columns(
        sa.literal(issue_id),
        person,
        sa.literal(list_id),
        sa.bindparam("batch", type_=BigId),
        sa.literal(DeliveryState.PENDING, deliveries.c.state.type),
        sa.literal(""),
        sa.literal(""),
        sa.bindparam("now", type_=deliveries.c.updated_at.type),
    )
    fields = ["issue_id", "subscriber_id", "list_id", "batch_id", "state", "detail", "provider_id", "updated_at"]
    return sa.insert(deliveries).from_select(fields, query)
