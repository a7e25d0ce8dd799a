"""Processor time a person that the ledger takes for claim, point of no return and record, on both databases.

    .venv/bin/python -m bench.ledger [PEOPLE] [URL]

PEOPLE is 20,000 unless it is given, in batches of 1,000; URL a database to fill, otherwise a new SQLite file that
goes away. On a server the processor time is this side's alone, so the time on the wall stands beside it. `suppressed`:
with 200,000 entries of other people, which every claim has to look through. The last line is `Jotter.jot`, one answer
at a time, from 1, 4 and 16 threads.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import sqlalchemy as sa

from bench.segments import fill
from mailer.model import IssueKind, Outcome, Receipt, SuppressionReason
from mailer.store import ledger, migrate
from mailer.store.database import Store, insert_rows, open_store
from mailer.store.jotting import Jotter
from mailer.store.tables import suppressions

BATCH = 1000
OWNER = "bench"


def now() -> datetime:
    return datetime.now(UTC)


def freeze(store: Store, name: str) -> None:
    frozen = ledger.Frozen(name, IssueKind.BULLETIN, "Rivers", "hash", {"html": "<p>Hello</p>"}, ("weekly",))
    with store.derive() as connection:
        ledger.freeze(connection, frozen, now())


class Spent:
    """Processor time and time on the wall of each step."""

    def __init__(self) -> None:
        self.processor: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()

    @contextmanager
    def on(self, step: str) -> Iterator[None]:
        processor, wall = process_time(), perf_counter()
        yield
        self.processor[step] += process_time() - processor
        self.wall[step] += perf_counter() - wall

    def told(self, people: int) -> str:
        return ", ".join(
            f"{step} {1e6 * spent / people:.1f} us ({1e6 * self.wall[step] / people:.1f} on the wall)"
            for step, spent in self.processor.items()
        )


def batches(store: Store, issue: str, spent: Spent) -> Iterator[ledger.ClaimedBatch]:
    terms = ledger.ClaimTerms(OWNER, 600)
    while True:
        with spent.on("claim"), store.write() as connection:
            batch = ledger.claim(connection, issue, terms, now())
        if batch is None:
            return
        yield batch


def whole(store: Store, issue: str) -> str:
    """Batches with one answer for all."""
    spent, people = Spent(), 0
    for batch in batches(store, issue, spent):
        with spent.on("begin"), store.write() as connection:
            ledger.begin(connection, batch.id, OWNER, now())
        receipts = [Receipt(one.delivery_id, Outcome.ACCEPTED, "202", "x-1") for one in batch.recipients]
        with spent.on("record"), store.write() as connection:
            people += ledger.record(connection, batch.id, OWNER, receipts, now())
    return spent.told(people)


def jotted(store: Store, issue: str, threads: int) -> str:
    """Answers one by one, from so many threads, each with batches of its own."""
    marks, work = ledger.Marks("smtp", True, "this boot"), list(batches(store, issue, Spent()))
    with store.write() as connection:
        for batch in work:
            ledger.begin(connection, batch.id, OWNER, now(), marks)
    jotter, people = Jotter(store, 600, now), sum(len(batch.recipients) for batch in work)

    def run(share: list[ledger.ClaimedBatch]) -> None:
        for batch in share:
            for one in batch.recipients:
                assert jotter.jot(batch.id, OWNER, Receipt(one.delivery_id, Outcome.ACCEPTED, "250", "q"))

    spent = Spent()
    with spent.on(f"jot, {threads} threads"):
        running = [threading.Thread(target=run, args=(work[place::threads],)) for place in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    jotter.close()
    return spent.told(people)


def suppress(store: Store, number: int) -> None:
    rows = ((f"other{each}@d.example", 0, SuppressionReason.BOUNCED, "", now()) for each in range(number))
    with store.write() as connection:
        insert_rows(connection, suppressions, ("value", "list_id", "reason", "note", "created_at"), rows)
        connection.execute(sa.insert(suppressions).values(value="@gone.example", list_id=0, reason="manual", note="",
                                                          created_at=now()))  # fmt: skip


def main(people: int, url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(url or f"sqlite:///{Path(folder) / 'mailer.db'}")
        migrate.upgrade(store)
        with store.write() as connection:
            fill(connection, people)
        steps: list[tuple[str, Callable[[str], str]]] = [("plain", lambda issue: whole(store, issue))]
        steps += [(f"jots{n}", lambda issue, n=n: jotted(store, issue, n)) for n in (1, 4, 16)]  # type: ignore[misc]
        steps += [("suppressed", lambda issue: whole(store, issue))]
        for name, step in steps:
            if name == "suppressed":
                suppress(store, 200_000)
            freeze(store, name)
            print(f"{name}: {step(name)}", flush=True)
        store.close()


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["20000"])[0]), (sys.argv[2:] or [""])[0])
