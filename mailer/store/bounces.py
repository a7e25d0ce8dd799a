"""How many mails of an issue came back, as its provider reports it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import EventKind
from mailer.store.tables import events

CAME_BACK = (EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT, EventKind.BLOCKED, EventKind.DROPPED)


def came_back(connection: Connection, issue_id: int, since: datetime) -> int:
    """Mails of an issue of which that was heard since then."""
    query = sa.select(sa.func.count(events.c.delivery_id.distinct())).where(
        events.c.issue_id == issue_id, events.c.kind.in_(CAME_BACK), events.c.received_at >= since
    )
    return int(connection.execute(query).scalar_one())
