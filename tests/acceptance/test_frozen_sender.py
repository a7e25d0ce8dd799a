"""A sender that is frozen (SIGSTOP) for longer than its lease, and goes on as if nothing had been.

The machine slept, the disk hung, a debugger was attached: meanwhile another sender has taken over.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from mailer.model import DeliveryState
from tests.acceptance.forking import Fork, Sender
from tests.acceptance.killing import Bench, Cell, prepared, until

# Each answer takes so long that the freeze is in the middle of a call.
CELLS = [
    (Cell("sendgrid", 1, "sqlite", people=60, batch=10), 0.3),
    (Cell("sendgrid", 4, "postgresql", people=60, batch=10), 0.3),
    (Cell("smtp", 1, "postgresql", people=60, batch=10), 0.05),
    (Cell("smtp", 4, "sqlite", people=60, batch=10), 0.05),
]


@pytest.mark.parametrize(("cell", "wait"), CELLS, ids=[str(cell) for cell, _ in CELLS])
def test_another_takes_over_and_the_late_answer_counts(cell: Cell, wait: float, tmp_path: Path, fork: Fork) -> None:
    with prepared(cell, tmp_path, fork, [wait]) as bench:
        first = bench.start()
        until(first, lambda: bench.count() > cell.batch * cell.connections // 2)
        freeze_between_transactions(bench, first)
        second = bench.start()
        assert second.wait() == 3, second.err.read_text()
        before = bench.ledger()
        assert 0 < before.counts()[DeliveryState.DOUBTFUL] <= cell.in_flight
        assert bench.faults(cell.in_flight) == []
        first.signal(signal.SIGCONT)
        code = first.wait()
        assert code in (0, 3), first.err.read_text()
        # It may have had one on its way that had not left, knows that, and sent it now.
        assert bench.faults(0) == []
        assert bench.taken() == Counter(bench.people)
        assert told(second)["accepted_now"] + told(first)["accepted_now"] == cell.people


def freeze_between_transactions(bench: Bench, sender: Sender) -> None:
    """Who is frozen in the middle of a transaction keeps what it locked, which is another matter."""
    for _ in range(200):
        sender.signal(signal.SIGSTOP)
        time.sleep(0.02)
        if writable(bench.url):
            return
        sender.signal(signal.SIGCONT)
        time.sleep(0.003)
    raise AssertionError("it was always in a transaction")


def writable(url: str) -> bool:
    """Whether nobody holds a lock in the database."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.partition(":///")[2], timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            return True
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
        row = connection.execute(query).fetchone()
        return row is not None and row[0] == 1


def told(sender: Sender) -> dict[str, int]:
    found: dict[str, int] = json.loads(sender.out.read_text())
    return found
