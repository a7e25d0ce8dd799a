"""Whether the database is whole, and what was heard of last."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import BatchState
from mailer.store.tables import batches, events


def fault_of(connection: Connection) -> str:
    """What SQLite finds wrong with its file, without anything that stands in it; empty when it is whole."""
    # Its own words may name rows; the first of them, and only its beginning, says enough.
    found = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
    if found != "ok":
        return found.splitlines()[0][:100]
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    return "" if broken is None else f"a row of {broken[0]} refers to nothing"


def last_report(connection: Connection) -> datetime | None:
    """When the newest report of a provider came in."""
    found: datetime | None = connection.execute(
        sa.select(events.c.received_at).order_by(events.c.id.desc()).limit(1)
    ).scalar()
    return found


def last_handed_over(connection: Connection) -> datetime | None:
    """When the newest batch was taken by a provider."""
    taken = sa.select(batches.c.updated_at).where(batches.c.state == BatchState.ACCEPTED)
    found: datetime | None = connection.execute(taken.order_by(batches.c.id.desc()).limit(1)).scalar()
    return found
