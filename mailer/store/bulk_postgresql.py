"""Many people at once in PostgreSQL: COPY into a temporary table, and from there with statements over all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from mailer.store.enrolment import Arrivals, Enrolment, Known
from mailer.store.publicids import public_ids

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS arriving (
  id bigint DEFAULT nextval('subscribers_id_seq'),
  email_key text, public_id text, attributes jsonb, email text, ascii_email text, state text
) ON COMMIT DELETE ROWS"""
_STAGED = ("email_key", "public_id", "attributes", "email", "ascii_email", "state")
_NUMBERS = "SELECT nextval('subscribers_id_seq') FROM generate_series(1, %s)"
_PERSON = (
    "id", "public_id", "email", "email_key", "ascii_email", "attributes", "created_at", "updated_at", "domain",
)  # fmt: skip
_SUBSCRIBED = """
INSERT INTO subscriptions (list_id, subscriber_id, state, created_at, updated_at)
SELECT %s, id, %s, %s, %s FROM unnest(%s::bigint[]) AS new (id)"""
_LOGGED = """
INSERT INTO subscription_events (list_id, subscriber_id, state, source, at, how, import_id, consent_id, evidence)
SELECT %s, id, %s, %s, %s, %s, %s, %s, %s::jsonb FROM unnest(%s::bigint[]) AS new (id)"""
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
# More people than this are copied straight into their table, in the hope that nobody of them is known.
MANY = 2000
KNOWN_THERE = "mailer_known_there"
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
    if number > MANY and _all_new(connection, how, arrivals):
        return set()
    return _staged(connection, how, arrivals) if number else set()


def _all_new(connection: Connection, how: Enrolment, arrivals: Sequence[Arrivals]) -> bool:
    """Copy people straight into their table; False when anybody of them was known, and nothing is done then.

    That costs what was copied until then. So where it happened once, it is not tried again on this connection.
    """
    info = connection.connection.info
    if info.get(KNOWN_THERE):
        return False
    numbers = connection.exec_driver_sql(_NUMBERS, (sum(map(len, arrivals)),)).scalars().all()
    by_state: dict[str, list[int]] = {}
    try:
        with connection.begin_nested():
            _copy(connection, "subscribers", _PERSON, _people(arrivals, how.at, iter(numbers), by_state))
    except IntegrityError:
        info[KNOWN_THERE] = True
        return False
    origin = (how.source, how.at, how.how, how.import_id, how.consent_id, how.evidence)
    for state, each in by_state.items():
        connection.exec_driver_sql(_SUBSCRIBED, (how.list_id, state, how.at, how.at, each))
        connection.exec_driver_sql(_LOGGED, (how.list_id, state, *origin, each))
    return True


def _staged(connection: Connection, how: Enrolment, arrivals: Sequence[Arrivals]) -> set[str]:
    """Through a temporary table, as some may be known; their keys."""
    connection.exec_driver_sql(_STAGE)
    connection.exec_driver_sql("TRUNCATE arriving")
    _copy(connection, "arriving", _STAGED, _arriving(arrivals))
    added = connection.exec_driver_sql(_PEOPLE, (how.at, how.at)).rowcount
    number = sum(map(len, arrivals))
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


def _people(
    arrivals: Iterable[Arrivals], at: int, numbers: Iterator[int], by_state: dict[str, list[int]]
) -> Iterator[str]:
    """The lines of people for COPY, in the order of `_PERSON`; their numbers are put down by state."""
    # In one order in every process, so that two imports wait for each other and not in a circle.
    everybody = sorted((one, group.state.value) for group in arrivals for one in group.every())
    for new, ((key, text, email, ascii_email), state) in zip(public_ids(len(everybody)), everybody, strict=True):
        number = next(numbers)
        by_state.setdefault(state, []).append(number)
        text, domain = _cell(text), key.rpartition("@")[2]
        names = (
            f"{key}\t{key}\t{key}" if email == key == ascii_email else "\t".join(map(_cell, (email, key, ascii_email)))
        )
        yield f"{number}\t{new}\t{names}\t{text}\t{at}\t{at}\t{_cell(domain)}\n"


def _arriving(arrivals: Iterable[Arrivals]) -> Iterator[str]:
    """The lines for COPY, in the order of `_STAGED`."""
    for group in arrivals:
        state = group.state.value
        for new, one in zip(public_ids(len(group)), group.every(), strict=True):
            key, text, email, ascii_email = map(_cell, one)
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
    except psycopg.errors.IntegrityError as error:
        raise IntegrityError(statement, None, error, hide_parameters=True) from error
    except psycopg.Error as error:
        raise DBAPIError(statement, None, error, hide_parameters=True) from error
