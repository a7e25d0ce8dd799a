"""The processes of `mailer work`: each says every two seconds that it is there and what it does.

Nothing is decided by these rows but how many tickets are fed at once and what people are shown: whether a batch may be
taken says the batch's own lease.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import insert_absent
from mailer.store.tables import workers

SILENT: Final = timedelta(seconds=10)
"""Who was not heard of for so long is not counted on: five beats that did not come."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker says of itself. `batches`, `mails`: since its start; the others a minute: how fast it goes now.
    `key`: the fingerprint of the one it signs with; empty where it has none."""

    name: str
    host: str
    process: int
    engine: str
    version: str
    threads: int
    busy: int
    issues: tuple[str, ...]
    batches: int
    mails: int
    batches_a_minute: int
    mails_a_minute: int
    stopping: bool
    provider: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker as it was last heard of. `ended_at`: gone in good order."""

    name: str
    host: str
    process: int
    engine: str
    version: str
    provider: str
    key: str
    threads: int
    busy: int
    issues: tuple[str, ...]
    batches: int
    mails: int
    batches_a_minute: int
    mails_a_minute: int
    stopping: bool
    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None


def beat(connection: Connection, beat: Beat, now: datetime) -> None:
    """Write down that a worker is there; its first beat is its start."""
    values = {**asdict(beat), "issues": list(beat.issues), "seen_at": now, "ended_at": None}
    known = connection.execute(sa.update(workers).where(workers.c.name == beat.name).values(values))
    if known.rowcount == 0:
        insert_absent(connection, workers, {**values, "started_at": now})


def end(connection: Connection, name: str, now: datetime) -> None:
    """A worker has gone in good order."""
    values = {"seen_at": now, "ended_at": now, "busy": 0, "issues": [], "batches_a_minute": 0, "mails_a_minute": 0}
    connection.execute(sa.update(workers).where(workers.c.name == name).values(values))


def listed(connection: Connection, since: datetime) -> list[WorkerRow]:
    """The workers that were there since then, by host, the oldest first."""
    names = WorkerRow.__dataclass_fields__
    query = sa.select(*(workers.c[name] for name in names)).where(workers.c.seen_at >= since)
    rows = connection.execute(query.order_by(workers.c.host, workers.c.started_at, workers.c.name))
    return [WorkerRow(**{**row._asdict(), "issues": tuple(row.issues)}) for row in rows]


def is_alive(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a worker is there now: a condition. One of the future was there before its clock was set back."""
    return sa.and_(workers.c.ended_at.is_(None), workers.c.seen_at.between(now - SILENT, now + SILENT))


def batches_a_minute(connection: Connection, now: datetime) -> int:
    """How many batches all workers that are there hand over a minute."""
    query = sa.select(sa.func.coalesce(sa.func.sum(workers.c.batches_a_minute), 0)).where(is_alive(now))
    return int(connection.execute(query).scalar_one())


def forget_old(connection: Connection, before: datetime) -> int:
    """Drop those that were not heard of since then; how many."""
    return connection.execute(sa.delete(workers).where(workers.c.seen_at < before)).rowcount
