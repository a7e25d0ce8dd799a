"""Seconds to count a segment of a large list, beside a plain count of the same list in the same run.

    .venv/bin/python -m bench.segments [PEOPLE] [URL]

PEOPLE is 1,000,000 unless it is given; URL a database to fill, otherwise a new SQLite file that goes away. The plain
count is what the database needs to go through the list's confirmed people at all. Each figure is the best of three:
processor time for SQLite, which is inside this process, and time on the wall for PostgreSQL, which is not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.reading import parse
from mailer.model import MailingList
from mailer.store import attributes, lists, migrate, segments
from mailer.store.database import Store, open_store

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
INDEXED = ("city",)
SEGMENTS = (
    ('city == "City 17"', "indexed, 1 of 200 cities"),
    ('city in ("City 17", "City 18", "City 19")', "indexed, 3 of 200"),
    ('city == "City 17" and (joined > -90d or "volunteer" in tags)', "indexed, and more"),
    ('email == "p77@d7.example"', "built in"),
    ("joined > -90d", "the subscription's date"),
    ('domain == "d7.example"', "built in, without index"),
    ('postcode == "0150"', "a free attribute"),
    ('postcode != "0150"', "a free attribute, negated"),
    ("age >= 30", "a free number"),
    ('signed > "2026-06-01"', "a free date"),
    ('"volunteer" in tags', "a tag"),
    ('first_name.startswith("N")', "a beginning"),
    ('age >= 30 and signed > "2026-06-01" and "press" not in tags', "three free attributes"),
    ('not received("none")', "an issue"),
)

# One person a number, with the attributes of a usual export.
SQLITE = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :people)
INSERT INTO subscribers (id, public_id, email, email_key, ascii_email, attributes, created_at, updated_at, domain)
SELECT i, printf('%016d', i), 'p' || i || '@d' || (i % 5000) || '.example',
  'p' || i || '@d' || (i % 5000) || '.example', 'p' || i || '@d' || (i % 5000) || '.example',
  json_object('first_name', 'Name ' || (i % 997), 'city', 'City ' || (i * 7919 % 200),
    'postcode', printf('%04d', i * 31 % 9999), 'age', 16 + i % 70, 'signed', date(1577836800 + i * 211 % 220000000,
    'unixepoch'), 'tags', json(CASE WHEN i % 5 = 0 THEN '["member","volunteer"]' ELSE '["member"]' END)),
  :now, :now, 'd' || (i % 5000) || '.example' FROM n
"""
POSTGRESQL = """
INSERT INTO subscribers (id, public_id, email, email_key, ascii_email, attributes, created_at, updated_at, domain)
SELECT i, lpad(i::text, 16, '0'), 'p' || i || '@d' || (i % 5000) || '.example',
  'p' || i || '@d' || (i % 5000) || '.example', 'p' || i || '@d' || (i % 5000) || '.example',
  jsonb_build_object('first_name', 'Name ' || (i % 997), 'city', 'City ' || (i * 7919 % 200),
    'postcode', lpad((i * 31 % 9999)::text, 4, '0'), 'age', 16 + i % 70,
    'signed', to_char(to_timestamp(1577836800 + i * 211 % 220000000), 'YYYY-MM-DD'),
    'tags', CASE WHEN i % 5 = 0 THEN '["member","volunteer"]'::jsonb ELSE '["member"]'::jsonb END),
  :now, :now, 'd' || (i % 5000) || '.example' FROM generate_series(CAST(1 AS bigint), :people) AS i
"""
SUBSCRIBE = """
INSERT INTO subscriptions (list_id, subscriber_id, state, created_at, updated_at)
SELECT :list_id, id, CASE WHEN id % 20 = 0 THEN 'pending' ELSE 'confirmed' END,
  :now - (id * 7907 % 1000) * 86400000000, :now FROM subscribers
"""


def fill(connection: Connection, people: int) -> int:
    """People by the database itself; how they came in is measured elsewhere."""
    list_id = lists.ensure(connection, MailingList("weekly", "Weekly"))
    now = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    sql = SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL
    connection.execute(sa.text(sql), {"people": people, "now": now})
    connection.execute(sa.text(SUBSCRIBE), {"list_id": list_id, "now": now})
    for attribute in INDEXED:
        attributes.index(connection, attribute)
    return list_id


def seconds(store: Store, list_id: int, *where: sa.ColumnElement[bool]) -> tuple[float, int]:
    clock = process_time if store.engine.dialect.name == "sqlite" else perf_counter
    best, found = float("inf"), 0
    for _ in range(3):
        with store.read() as connection:
            start = clock()
            found = segments.count(connection, list_id, *where)
            best = min(best, clock() - start)
    return best, found


@contextmanager
def database(url: str) -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(url or f"sqlite:///{Path(folder) / 'bench.db'}")
        migrate.upgrade(store)
        yield store
        store.close()


def main(people: int, url: str) -> None:
    with database(url) as store:
        with store.write() as connection:
            list_id = fill(connection, people)
        if store.engine.dialect.name == "postgresql":
            # As its own vacuum would have done by the time somebody asks.
            with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
        plain, confirmed = seconds(store, list_id)
        print(f"{store.engine.dialect.name}, {confirmed:,} confirmed of {people:,} people; plain count {plain:.3f} s\n")
        print(f"{'seconds':>8} {'ratio':>7} {'people':>9}  segment")
        for text, note in SEGMENTS:
            where = segments.condition(parse(text), segments.confirmed_scope(list_id, NOW))
            took, found = seconds(store, list_id, where)
            print(f"{took:8.3f} {took / plain:6.1f}x {found:9,}  {text}   ({note})")


if __name__ == "__main__":
    given = [*sys.argv[1:], "", ""]
    main(int(given[0].replace(",", "") or 1_000_000), given[1])
