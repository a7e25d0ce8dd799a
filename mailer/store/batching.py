"""Batches: new ones, what is left of one in a new one, and one that is held to say what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.outcomes import Tried
from mailer.model import BatchState, DeliveryState
from mailer.store.database import insert_row
from mailer.store.tables import batches, deliveries, issues
from mailer.store.tables.delivery import UNSETTLED

# Not settled, in the words of the index that has those batches.
STILL_OPEN: sa.ColumnElement[bool] = sa.literal_column(f"batches.{UNSETTLED}")

COLUMNS = (
    batches.c.id,
    batches.c.issue_id,
    batches.c.attempts,
    batches.c.state,
    batches.c.in_order,
    batches.c.boot,
    # As long as it is not started, nothing of it can have been tried.
    sa.func.coalesce(issues.c.started_at, issues.c.frozen_at),
    issues.c.not_after,
)


@dataclass(frozen=True, slots=True)
class HeldBatch:
    """A batch whose row is held until the transaction ends, and what its issue says about trying again."""

    id: int
    issue_id: int
    attempts: int
    state: BatchState
    in_order: bool
    boot: str
    since: datetime
    not_after: datetime | None

    @property
    def tried(self) -> Tried:
        """For the decision whether it is tried again."""
        return Tried(self.attempts, self.since, self.not_after)


def hold_batches(
    connection: Connection, *conditions: sa.ColumnElement[bool], skip_locked: bool = False
) -> list[HeldBatch]:
    """The batches of that kind, held in the order of their numbers. `skip_locked`: not those that another holds."""
    query = sa.select(*COLUMNS).join_from(batches, issues, issues.c.id == batches.c.issue_id).where(*conditions)
    held = query.order_by(batches.c.id).with_for_update(of=batches, skip_locked=skip_locked)
    return [HeldBatch(*row) for row in connection.execute(held)]


def new_batch(
    connection: Connection,
    issue_id: int,
    number: int,
    now: datetime,
    *,
    due_at: datetime | None = None,
    attempts: int = 0,
) -> int:
    """A batch that waits, without deliveries; its id. `due_at` None is at once."""
    values = {
        "issue_id": issue_id,
        "number": number,
        "state": BatchState.PENDING,
        "due_at": due_at,
        "attempts": attempts,
        "updated_at": now,
        "provider": "",
        "in_order": False,
        "boot": "",
        "hold": "",
    }
    return insert_row(connection, batches, values)


def following_number(connection: Connection, issue_id: int) -> int:
    """The number of an issue's next batch. Its row is held: two senders at once must not give two batches one."""
    connection.execute(sa.select(issues.c.id).where(issues.c.id == issue_id).with_for_update())
    last = sa.select(sa.func.max(batches.c.number)).where(batches.c.issue_id == issue_id)
    return int(connection.execute(last).scalar_one()) + 1


def split_first(connection: Connection, batch_id: int, most: int, now: datetime) -> tuple[int, int] | None:
    """Put the first waiting deliveries of a larger batch into a new one: its id and number; None when there are no
    more than `most`. The batch and its issue must be held.

    The first ones move and the rest stays: at one mail a second a batch is divided a thousand times.
    """
    waiting = sa.and_(deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.PENDING)
    query = sa.select(deliveries.c.id).where(waiting).order_by(deliveries.c.id).offset(most).limit(1)
    end = connection.execute(query).scalar()
    if end is None:
        return None
    of = sa.select(batches.c.issue_id, batches.c.due_at, batches.c.attempts).where(batches.c.id == batch_id)
    whole = connection.execute(of).one()
    number = following_number(connection, whole.issue_id)
    part = new_batch(connection, whole.issue_id, number, now, due_at=whole.due_at, attempts=whole.attempts)
    connection.execute(sa.update(deliveries).where(waiting, deliveries.c.id < end).values(batch_id=part))
    # Whoever follows the issue counts only batches that have changed, and this one has become smaller.
    connection.execute(sa.update(batches).where(batches.c.id == batch_id).values(updated_at=now))
    return part, number
