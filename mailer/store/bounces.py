"""How many mails of an issue came back, as its provider reports it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import EventKind
from mailer.store.tables import batches, deliveries, events

CAME_BACK = (EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT, EventKind.BLOCKED, EventKind.DROPPED)


def came_back(connection: Connection, issue_id: int, since: datetime, owners: str) -> int:
    """Mails of an issue of which that was heard since then, and which were handed over since then by one sender.

    `owners`: how the names of its claims begin. It holds them against what it handed over itself: those of all senders
    would be several times as many.
    """
    query = (
        sa.select(sa.func.count(events.c.delivery_id.distinct()))
        .join_from(events, deliveries, deliveries.c.id == events.c.delivery_id)
        .join(batches, batches.c.id == deliveries.c.batch_id)
        .where(events.c.issue_id == issue_id, events.c.kind.in_(CAME_BACK), events.c.received_at >= since)
        .where(deliveries.c.updated_at >= since, batches.c.owner.startswith(owners, autoescape=True))
    )
    return int(connection.execute(query).scalar_one())
