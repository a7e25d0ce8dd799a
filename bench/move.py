"""Rows a second that `mailer db move` carries, from a file to a server and back, beside what the database itself needs.

    .venv/bin/python -m bench.move URL [DELIVERIES]

URL is an empty database on a server, which is left filled; DELIVERIES is 300,000 unless it is given, and as many
people, subscriptions and lines of consent come with them. `limit`: the same rows of all tables with nothing but COPY
on the server and executemany in the file, without reading, comparing or waiting for anything else.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time
from typing import TypeVar

import sqlalchemy as sa

from bench.segments import fill
from mailer.model import IssueKind
from mailer.store import ledger, migrate, moving
from mailer.store.database import Store, open_store

DELIVERIES = 300_000
Result = TypeVar("Result")


def main() -> None:
    url, deliveries = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else DELIVERIES
    with tempfile.TemporaryDirectory() as folder:
        source, back, plain = (made(f"sqlite:///{folder}/{name}.db") for name in ("source", "back", "plain"))
        server = made(url)
        filled(source, deliveries)
        rows = total(source)
        print(f"{rows:,} rows, {Path(folder, 'source.db').stat().st_size / 1e6:,.0f} MB")
        timed("to the server", rows, lambda: moved(source, server))
        timed("back to a file", rows, lambda: moved(server, back))
        timed("limit, executemany", rows, lambda: put_alone(source, plain))
        emptied(server)
        timed("limit, COPY", rows, lambda: put_alone(source, server))
        print(f"most memory: {getrusage(RUSAGE_SELF).ru_maxrss / 1000:,.0f} MB")


def made(url: str) -> Store:
    store = open_store(url)
    migrate.upgrade(store)
    return store


def filled(store: Store, deliveries: int) -> None:
    frozen = ledger.Frozen("issue", IssueKind.BULLETIN, "Rivers", "hash", {"html": "<p>Hello</p>"}, ("weekly",))
    with store.derive() as connection:
        fill(connection, deliveries)
        ledger.freeze(connection, frozen, datetime.now(UTC))


def total(store: Store) -> int:
    with store.read() as connection:
        return sum(moving.count(connection, shape) for shape in moving.shapes())


def moved(source: Store, target: Store) -> None:
    with source.write() as leaving:
        moving.hold(leaving)
        tallies = moving.carry(leaving, target, lambda rows: None)
        with target.write() as arriving:
            assert moving.finish(leaving, arriving, tallies) == []


def put_alone(source: Store, target: Store) -> float:
    """Seconds of processor and wall that writing alone takes, of rows that were read and written out before."""
    spent = wall = 0.0
    with source.read() as leaving:
        for shape in moving.shapes():
            for portion in moving._portions(leaving, shape):
                began, seconds = process_time(), perf_counter()
                moving._put(target, shape, portion, "sqlite")
                spent, wall = spent + process_time() - began, wall + perf_counter() - seconds
    print(f"  writing alone: {wall:.1f} s on the wall, {spent:.1f} s of this processor")
    return spent


def emptied(store: Store) -> None:
    with store.write() as connection:
        for shape in reversed(moving.shapes()):
            connection.execute(sa.delete(shape.table))


def timed(what: str, rows: int, work: Callable[[], Result]) -> None:
    began, seconds = process_time(), perf_counter()
    work()
    spent, wall = process_time() - began, perf_counter() - seconds
    print(f"{what}: {rows / wall:,.0f} rows a second, {wall:.1f} s; {1e6 * spent / rows:.1f} us of processor a row")


if __name__ == "__main__":
    main()
