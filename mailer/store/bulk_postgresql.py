"""Many people at once in PostgreSQL: COPY into a temporary table, and from there with statements over all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from mailer.store.enrolment import Arrivals, Enrolment, Known
from mailer.store.publicids import public_ids

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS arriving (
  id bigint DEFAULT nextval('subscribers_id_seq'),
  email_key text, public_id text, attributes jsonb, email text, ascii_email text, state text
) ON COMMIT DELETE ROWS"""
_STAGED = ("email_key", "public_id", "attributes", "email", "ascii_email", "state")
# In one order in every process, so that two imports wait for each other and not in a circle.
_PEOPLE = """
INSERT INTO subscribers (id, public_id, email, email_key, ascii_email, attributes, created_at, updated_at, domain)
SELECT id, public_id, email, email_key, ascii_email, attributes, %s, %s, split_part(email_key, '@', 2)
FROM arriving ORDER BY email_key COLLATE "C" ON CONFLICT (email_key) DO NOTHING"""
_KNOWN = """
DELETE FROM arriving WHERE NOT EXISTS (SELECT 1 FROM subscribers s WHERE s.id = arriving.id) RETURNING email_key"""
_SUBSCRIPTIONS = """
INSERT INTO subscriptions (list_id, subscriber_id, state, created_at, updated_at)
SELECT %s, id, state, %s, %s FROM arriving"""
_EVENTS = """
INSERT INTO subscription_events (list_id, subscriber_id, state, source, at, how, import_id, consent_id, evidence)
SELECT %s, id, state, %s, %s, %s, %s, %s, %s::jsonb FROM arriving"""
_LOCK = """
SELECT count(*) FROM (SELECT 1 FROM subscribers WHERE email_key = ANY(%s)
ORDER BY email_key COLLATE "C" FOR NO KEY UPDATE) AS locked"""
_LOAD = """
SELECT s.email_key, s.id, s.attributes::text, u.state FROM subscribers s
LEFT JOIN subscriptions u ON u.list_id = %s AND u.subscriber_id = s.id WHERE s.email_key = ANY(%s)"""
_REVISE = """
UPDATE subscribers SET attributes = new.attributes::jsonb, updated_at = %s
FROM unnest(%s::bigint[], %s::text[]) AS new (id, attributes) WHERE subscribers.id = new.id"""
_MOVE = """
UPDATE subscriptions SET state = new.state, updated_at = %s
FROM unnest(%s::bigint[], %s::text[]) AS new (id, state)
WHERE subscriptions.list_id = %s AND subscriptions.subscriber_id = new.id"""
_SUPPRESSED = "SELECT value FROM suppressions WHERE list_id IN (0, %s) AND value = ANY(%s)"
# What the text format of COPY gives a meaning of its own.
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def prepare(connection: Connection) -> None:
    """Nothing needs to be set for a long import."""


def settle(connection: Connection) -> None:
    """Nothing was set."""


def enrol(connection: Connection, how: Enrolment, arrivals: Sequence[Arrivals]) -> set[str]:
    """Bring people in who are not known, each with their subscription and its event; the keys of those who are.

    Somebody whom another process brings in at this moment is waited for, and known then.
    """
    number = sum(map(len, arrivals))
    if not number:
        return set()
    connection.exec_driver_sql(_STAGE)
    connection.exec_driver_sql("TRUNCATE arriving")
    _copy(connection, "arriving", _STAGED, _staged(arrivals))
    added = connection.exec_driver_sql(_PEOPLE, (how.at, how.at)).rowcount
    known = set() if added == number else set(connection.exec_driver_sql(_KNOWN).scalars())
    connection.exec_driver_sql(_SUBSCRIPTIONS, (how.list_id, how.at, how.at))
    origin = (how.list_id, how.source, how.at, how.how, how.import_id, how.consent_id, how.evidence)
    connection.exec_driver_sql(_EVENTS, origin)
    return known


def load(connection: Connection, list_id: int, keys: Sequence[str], lock: bool = True) -> Iterator[Known]:
    """What is known of the people with these keys; they stay as they are until the transaction ends."""
    if lock:
        # First, and in a statement of its own: what was changed while we waited is seen only by the next one.
        connection.exec_driver_sql(_LOCK, (list(keys),))
    for row in connection.exec_driver_sql(_LOAD, (list_id, list(keys))):
        yield Known(*row)


def revise(connection: Connection, at: int, changes: Sequence[tuple[int, str]]) -> None:
    """Write new attributes: (number, JSON) of each person."""
    if changes:
        numbers, texts = zip(*changes, strict=True)
        connection.exec_driver_sql(_REVISE, (at, list(numbers), list(texts)))


def move(connection: Connection, list_id: int, at: int, changes: Sequence[tuple[int, str]]) -> None:
    """Write new states: (number, state) of each person."""
    if changes:
        numbers, states = zip(*changes, strict=True)
        connection.exec_driver_sql(_MOVE, (at, list(numbers), list(states), list_id))


def append(connection: Connection, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows to a table, values as the database has them."""
    if rows:
        _copy(connection, table, names, ("\t".join(map(_cell, row)) + "\n" for row in rows))


def suppressed(connection: Connection, list_id: int, values: Iterable[str]) -> set[str]:
    """Those of the values that are suppressed on the list or on all."""
    return set(connection.exec_driver_sql(_SUPPRESSED, (list_id, list(values))).scalars())


def _staged(arrivals: Iterable[Arrivals]) -> Iterator[str]:
    """The lines for COPY, in the order of `_STAGED`."""
    for group in arrivals:
        state = group.state.value
        for new, (key, text) in zip(public_ids(len(group.plain)), group.plain, strict=True):
            key, text = _cell(key), _cell(text)
            yield f"{key}\t{new}\t{text}\t{key}\t{key}\t{state}\n"
        for new, one in zip(public_ids(len(group.odd)), group.odd, strict=True):
            key, *more = map(_cell, one)
            text, email, ascii_email = more
            yield f"{key}\t{new}\t{text}\t{email}\t{ascii_email}\t{state}\n"


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    text = str(value)
    # Nearly no text has one of them, and looking for one letter is much faster than translating all.
    return text.translate(_ESCAPES) if "\\" in text or not text.isprintable() else text


def _copy(connection: Connection, table: str, names: Sequence[str], lines: Iterable[str]) -> None:
    statement = f"COPY {table} ({', '.join(names)}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write("".join(lines))
    except psycopg.Error as error:
        raise DBAPIError(statement, None, error, hide_parameters=True) from error
