"""Imports: what was read onto which list, how far it came, and the words that vouch for its people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import ImportState
from mailer.store.database import insert_row
from mailer.store.tables import imports, lists


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import. `rows` of its file are in, or counted as kept out or refused; `counts` says which."""

    id: int
    list_name: str
    name: str
    words: str
    state: ImportState
    rows: int
    counts: Mapping[str, int]
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewImport:
    """An import that begins. `fingerprint` names the bytes and everything that was said with them."""

    list_id: int
    name: str
    fingerprint: str
    words: str


RECORD = (
    imports.c.id,
    lists.c.name,
    imports.c.name,
    imports.c.words,
    imports.c.state,
    imports.c.rows_done,
    imports.c.counts,
    imports.c.started_at,
    imports.c.updated_at,
    imports.c.finished_at,
)


def latest(connection: Connection, fingerprint: str) -> ImportRecord | None:
    """The last import of these bytes with these words; None when there was none."""
    query = _records().where(imports.c.fingerprint == fingerprint).order_by(imports.c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return ImportRecord(*row) if row else None


def held(connection: Connection, number: int) -> ImportRecord:
    """An import as it is once nobody writes for it any more: a server ends the transaction of a client that died."""
    query = _records().where(imports.c.id == number).with_for_update(of=imports)
    return ImportRecord(*connection.execute(query).one())


def begin(connection: Connection, new: NewImport, now: datetime) -> int:
    """Write down that an import begins; its number."""
    values: dict[str, Any] = {"list_id": new.list_id, "name": new.name, "fingerprint": new.fingerprint}
    values |= {"words": new.words, "state": ImportState.RUNNING, "rows_done": 0, "counts": {}}
    return insert_row(connection, imports, values | {"started_at": now, "updated_at": now})


def advance(connection: Connection, number: int, rows: tuple[int, int], now: datetime) -> bool:
    """Go on from so many rows to so many; False when another process did.

    The row stays locked until the transaction ends, so that of two processes one does a chunk and the other sees it.
    """
    before, after = rows
    result = connection.execute(
        sa.update(imports)
        .where(imports.c.id == number, imports.c.rows_done == before, imports.c.state == ImportState.RUNNING)
        .values(rows_done=after, updated_at=now)
    )
    return result.rowcount == 1


def count(connection: Connection, number: int, counts: Mapping[str, int]) -> None:
    """Write down what the rows did until now."""
    connection.execute(sa.update(imports).where(imports.c.id == number).values(counts=dict(counts)))


def finish(connection: Connection, number: int, rows: int, now: datetime) -> bool:
    """Write down that all rows are in; False when another process did, or is not there yet."""
    result = connection.execute(
        sa.update(imports)
        .where(imports.c.id == number, imports.c.rows_done == rows, imports.c.state == ImportState.RUNNING)
        .values(state=ImportState.DONE, updated_at=now, finished_at=now)
    )
    return result.rowcount == 1


def newest(connection: Connection, list_name: str | None, limit: int | None) -> list[ImportRecord]:
    """The imports, newest first: of one list, or all."""
    query = _records().order_by(imports.c.id.desc()).limit(limit)
    if list_name is not None:
        query = query.where(lists.c.name == list_name)
    return [ImportRecord(*row) for row in connection.execute(query)]


def _records() -> sa.Select[Any]:
    return sa.select(*RECORD).join(lists, lists.c.id == imports.c.list_id)
