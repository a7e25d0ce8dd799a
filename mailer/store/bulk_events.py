"""Thousands of events in one statement: rows in SQLite, columns in PostgreSQL, where a row each takes twice as long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from mailer.store.tables import events

# Nothing of anybody's stands in a statement.
_COLUMNS = "delivery_id, key, issue_id, subscriber_id, kind, detail, at, cause, received_at"
_SQLITE = f"""
INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""  # noqa: S608 - as above
_POSTGRESQL = f"""
INSERT INTO events ({_COLUMNS})
SELECT new.*, %s FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[],
%s::text[]) AS new ON CONFLICT DO NOTHING RETURNING delivery_id, key"""  # noqa: S608 - as above


class Row(NamedTuple):
    """A row of the table, without the time at which it came."""

    delivery_id: int
    key: str
    issue_id: int
    subscriber_id: int
    kind: str
    detail: str
    at: datetime
    cause: str


def insert(connection: Connection, rows: Sequence[Row], known: set[str], now: datetime) -> set[tuple[int, str]]:
    """Add those that are not there, also not by another process at this moment; delivery and key of each.

    `known`: keys that were seen to be there. SQLite cannot tell which of many rows it added, and needs to know; there
    nobody else writes meanwhile.
    """
    if not rows:
        return set()
    bind = events.c.at.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    assert bind is not None, "times are kept as numbers"
    *columns, causes = zip(*rows, strict=True)
    columns[6] = tuple(map(bind, columns[6]))
    columns.append(causes)
    if connection.dialect.name == "postgresql":
        given: tuple[Any, ...] = (bind(now), *map(list, columns))
        return {(row[0], row[1]) for row in connection.exec_driver_sql(_POSTGRESQL, given)}
    received = [bind(now)] * len(rows)
    new = [row for row in zip(*columns, received, strict=True) if row[1] not in known]
    if new:
        connection.exec_driver_sql(_SQLITE, new)
    return {(row[0], row[1]) for row in new}
