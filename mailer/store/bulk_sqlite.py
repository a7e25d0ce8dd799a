"""Many people at once in SQLite: steps that are long inside the database and few outside of it.

A statement has the values of hundreds of rows, because what the driver does for one statement costs more than a row;
and while it runs, another thread reads the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy.engine import Connection

from mailer.model import SubscriptionState
from mailer.store.enrolment import Arrival, Enrolment, Known
from mailer.store.modes import compact_json
from mailer.store.publicids import public_ids

# Rows of one statement. More would not fit into the processor's cache; fewer would hold up the thread that reads.
# Few sizes, because the driver keeps prepared what it has seen.
ROWS = (400, 40, 4, 1)
# So few people keep the order in which they came.
TOGETHER = 2000
# Kilobytes for pages: the index over addresses is written in every chunk, in the order of the addresses.
CACHE = 48 * 1024

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


def enrol(connection: Connection, how: Enrolment, arrivals: Mapping[SubscriptionState, Sequence[Arrival]]) -> set[str]:
    """Bring people in who are not known, each with their subscription and its event; the keys of those who are."""
    known: set[str] = set()
    for state, people in arrivals.items():
        before = _last(connection)
        added = 0
        for statement, rows in _grouped(people):
            added += _insert(connection, statement, rows, how.at)
        last = _last(connection)
        if added < len(people):
            query = "SELECT email_key FROM subscribers WHERE id > ? AND id <= ?"
            fresh = set(connection.exec_driver_sql(query, (before, last)).scalars())
            known.update(person.key for person in people if person.key not in fresh)
        values = (how.list_id, state.value, how.at, how.at, before, last)
        connection.exec_driver_sql(_SUBSCRIPTIONS, values)
        origin = (how.list_id, state.value, how.source, how.at, how.how, how.import_id, how.consent_id, how.evidence)
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


def _grouped(people: Sequence[Arrival]) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """The rows of each statement. Most people are of the plain kind; few stay together, in the order they came."""
    ids = public_ids(len(people))
    together = len(people) <= TOGETHER and not all(one.plain for one in people)
    plain = [(new, one.key, one.attributes) for new, one in zip(ids, people, strict=True) if one.plain]
    if together:
        plain = []
    for rows in _slices(plain):
        yield _PLAIN, rows
    if len(plain) < len(people):
        odd = [
            (new, one.key, one.attributes, one.email, one.ascii_email)
            for new, one in zip(ids, people, strict=True)
            if together or not one.plain
        ]
        for rows in _slices(odd):
            yield _ODD, rows


def _slices(rows: list[Any]) -> Iterator[list[Any]]:
    start = 0
    for size in ROWS:
        while start + size <= len(rows):
            yield rows[start : start + size]
            start += size


def _insert(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]], at: int) -> int:
    sql = _written(statement, len(rows), len(rows[0]))
    result = connection.exec_driver_sql(sql, (at, *chain.from_iterable(rows)))
    return int(result.rowcount)


@cache
def _written(statement: str, rows: int, columns: int) -> str:
    return statement.format(rows=",".join([f"({','.join('?' * columns)})"] * rows))


def _last(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM subscribers").scalar_one())
