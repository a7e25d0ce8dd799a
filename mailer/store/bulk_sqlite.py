"""Many people at once in SQLite: steps that are long inside the database and few outside of it.

A statement has the values of hundreds of rows, because what the driver does for one statement costs more than a row;
and while it runs, another thread reads the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy.engine import Connection

from mailer.store.enrolment import Arrivals, Enrolment, Known
from mailer.store.modes import compact_json
from mailer.store.publicids import public_ids

# Rows of one statement. More would not fit into the processor's cache; fewer would hold up the thread that reads.
# Few sizes, because the driver keeps prepared what it has seen.
ROWS = (400, 40, 4, 1)
# Kilobytes for pages: the index over addresses is written in every chunk, in the order of the addresses.
CACHE = 16 * 1024
# What SQLite takes by itself.
USUAL = -2000
# Pages in the log before they are copied into the file: those of the indexes are written in every chunk, and
# copied seldom. A commit is on the disk either way.
CHECKPOINT, USUAL_CHECKPOINT = 20_000, 1000

_PEOPLE = """
INSERT INTO subscribers (public_id, email, email_key, ascii_email, attributes, created_at, updated_at, domain)
SELECT column1, {email}, column2, {ascii}, column3, ?1, ?1, substr(column2, instr(column2, '@') + 1)
FROM (VALUES {{rows}}) WHERE true ON CONFLICT (email_key) DO NOTHING"""
# Nearly every address is written as its key; where it is not, it and its ASCII form are values of their own.
_PLAIN = _PEOPLE.format(email="column2", ascii="column2")
_ODD = _PEOPLE.format(email="column4", ascii="column5")
_SUBSCRIPTIONS = """
INSERT INTO subscriptions (list_id, subscriber_id, state, created_at, updated_at)
SELECT ?, id, ?, ?, ? FROM subscribers WHERE id > ? AND id <= ?"""
_EVENTS = """
INSERT INTO subscription_events (list_id, subscriber_id, state, source, at, how, import_id, consent_id, evidence)
SELECT ?, id, ?, ?, ?, ?, ?, ?, ? FROM subscribers WHERE id > ? AND id <= ?"""
_LOAD = """
SELECT s.email_key, s.id, s.attributes, u.state
FROM json_each(?) k CROSS JOIN subscribers s ON s.email_key = k.value
LEFT JOIN subscriptions u ON u.list_id = ? AND u.subscriber_id = s.id"""
_SUPPRESSED = """
SELECT k.value FROM json_each(?) k CROSS JOIN suppressions s ON s.value = k.value AND s.list_id IN (0, ?)"""


def prepare(connection: Connection) -> None:
    """Settings of this connection for a long import."""
    connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE}")
    connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")


def settle(connection: Connection) -> None:
    """The settings as they were: what a cache may take, sorting may take as well."""
    connection.exec_driver_sql(f"PRAGMA cache_size = {USUAL}")
    connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {USUAL_CHECKPOINT}")


def enrol(connection: Connection, how: Enrolment, arrivals: Sequence[Arrivals]) -> set[str]:
    """Bring people in who are not known, each with their subscription and its event; the keys of those who are."""
    known: set[str] = set()
    for group in arrivals:
        before = _last(connection)
        added = _insert(connection, _PLAIN, group.plain, how.at) + _insert(connection, _ODD, group.odd, how.at)
        last = _last(connection)
        if added < len(group):
            query = "SELECT email_key FROM subscribers WHERE id > ? AND id <= ?"
            fresh = set(connection.exec_driver_sql(query, (before, last)).scalars())
            known.update(key for key in group.addresses() if key not in fresh)
        state = group.state.value
        connection.exec_driver_sql(_SUBSCRIPTIONS, (how.list_id, state, how.at, how.at, before, last))
        origin = (how.list_id, state, how.source, how.at, how.how, how.import_id, how.consent_id, how.evidence)
        connection.exec_driver_sql(_EVENTS, (*origin, before, last))
    return known


def load(connection: Connection, list_id: int, keys: Sequence[str], lock: bool = True) -> Iterator[Known]:
    """What is known of the people with these keys. A write transaction is the only one: nothing is to be locked."""
    for key, number, attributes, state in connection.exec_driver_sql(_LOAD, (compact_json(keys), list_id)):
        yield Known(key, number, attributes, state)


def revise(connection: Connection, at: int, changes: Sequence[tuple[int, str]]) -> None:
    """Write new attributes: (number, JSON) of each person."""
    if changes:
        statement = "UPDATE subscribers SET attributes = ?, updated_at = ? WHERE id = ?"
        connection.exec_driver_sql(statement, [(text, at, number) for number, text in changes])


def move(connection: Connection, list_id: int, at: int, changes: Sequence[tuple[int, str]]) -> None:
    """Write new states: (number, state) of each person."""
    if changes:
        statement = "UPDATE subscriptions SET state = ?, updated_at = ? WHERE list_id = ? AND subscriber_id = ?"
        connection.exec_driver_sql(statement, [(state, at, list_id, number) for number, state in changes])


def append(connection: Connection, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows to a table, values as the database has them."""
    if rows:
        places = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - names of ours
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])


def suppressed(connection: Connection, list_id: int, values: Iterable[str]) -> set[str]:
    """Those of the values that are suppressed on the list or on all."""
    return set(connection.exec_driver_sql(_SUPPRESSED, (compact_json(list(values)), list_id)).scalars())


def _insert(connection: Connection, statement: str, people: Sequence[tuple[Any, ...]], at: int) -> int:
    """How many were not known."""
    added, start = 0, 0
    ids = public_ids(len(people))
    for size in ROWS:
        while start + size <= len(people):
            end = start + size
            sql = _written(statement, size, 1 + len(people[0]))
            rows = [(new, *person) for new, person in zip(ids[start:end], people[start:end], strict=True)]
            added += int(connection.exec_driver_sql(sql, (at, *chain.from_iterable(rows))).rowcount)
            start = end
    return added


@cache
def _written(statement: str, rows: int, columns: int) -> str:
    return statement.format(rows=",".join([f"({','.join('?' * columns)})"] * rows))


def _last(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM subscribers").scalar_one())
