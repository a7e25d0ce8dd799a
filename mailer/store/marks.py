"""How far a provider's lists of suppressed addresses were read, so that an interrupted reading goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import insert_absent
from mailer.store.tables import suppression_marks


@dataclass(frozen=True, slots=True)
class Mark:
    """`read_until`: everything before was read. `reading_until`: the end of a span of which `entries` are in."""

    read_until: datetime | None = None
    reading_until: datetime | None = None
    entries: int = 0


def get(connection: Connection, name: str) -> Mark:
    """How far a list was read; nothing of one that nobody ever asked for."""
    columns = (suppression_marks.c.read_until, suppression_marks.c.reading_until, suppression_marks.c.entries)
    row = connection.execute(sa.select(*columns).where(suppression_marks.c.name == name)).first()
    return Mark(*row) if row else Mark()


def put(connection: Connection, name: str, before: Mark, mark: Mark, now: datetime) -> bool:
    """Write down how far it is; False when another process has read on since."""
    empty = {"name": name, "read_until": None, "reading_until": None, "entries": 0, "updated_at": now}
    insert_absent(connection, suppression_marks, empty)
    column = suppression_marks.c
    here = sa.and_(
        column.name == name,
        column.read_until.is_not_distinct_from(before.read_until),
        column.reading_until.is_not_distinct_from(before.reading_until),
        column.entries == before.entries,
    )
    values = {"read_until": mark.read_until, "reading_until": mark.reading_until, "entries": mark.entries}
    changed = connection.execute(sa.update(suppression_marks).where(here).values(**values, updated_at=now))
    return changed.rowcount == 1
