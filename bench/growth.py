"""What the next issue costs after many others: its whole life, after 1, a tenth, and all of the earlier issues.

    .venv/bin/python -m bench.growth [ISSUES] [PEOPLE] [--on sqlite|postgresql]

500 issues of 100,000 people unless it is given, which are 50 million deliveries, and an event of every tenth. The
history is filled by statements over whole issues, in a folder that goes away (up to 20 GB); for PostgreSQL a server of
its own is started there. What is measured goes the way of a real send. The ratios tell: 1.00 is no growth. In brackets
the processor time of this process: of everything on SQLite, on a server of this side alone.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bench import ledger as bench
from bench.segments import fill
from mailer.model import EventKind, IssueState, Outcome, Receipt
from mailer.store import events as stored_events
from mailer.store import evidence, history, ledger, listing, migrate, scheduling
from mailer.store import issues as stored_issues
from mailer.store.database import Store, open_store
from mailer.store.tables import batches, deliveries, events, issues, subscriptions

STEPS = 20
"""So many batches are taken through their steps one by one; the rest of an issue is settled by statements."""

EVENTS = 10_000
TENTH = 10

DELIVERIES = sa.text(
    """INSERT INTO deliveries (issue_id, subscriber_id, list_id, batch_id, state, detail, provider_id, updated_at)
    SELECT :number, subscriber_id, list_id, :first + (row_number() OVER (ORDER BY subscriber_id)) / :size,
    'accepted', '202', 'x-1', :at FROM subscriptions WHERE state = 'confirmed' ORDER BY subscriber_id"""
)
# In no order of the deliveries, as they come.
EVENTS_OF = sa.text(
    """INSERT INTO events (key, delivery_id, issue_id, subscriber_id, kind, detail, at, received_at)
    SELECT (id * 2654435761 % 4294967296) || '-', id, issue_id, subscriber_id, 'delivered', '', :at, :at
    FROM deliveries WHERE issue_id = :number AND id % 10 = 0 ORDER BY id * 2654435761 % 4294967296"""
)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Costs:
    """Seconds of each step of one issue's life: on the wall, and of this process alone."""

    seconds: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def on(self, step: str) -> Iterator[None]:
        begin, processor = perf_counter(), process_time()
        yield
        self.seconds[step] = self.seconds.get(step, 0) + perf_counter() - begin
        self.processor[step] = self.processor.get(step, 0) + process_time() - processor


def life(store: Store, name: str) -> Costs:
    """Freeze, some batches, what waits, figures, events, the end."""
    costs = Costs()
    with costs.on("freeze"):
        bench.freeze(store, name)
    spent = bench.Spent()
    for batch in islice(bench.batches(store, name, spent), STEPS):
        with spent.on("begin"), store.write() as connection:
            ledger.begin(connection, batch.id, bench.OWNER, now())
        receipts = [Receipt(one.delivery_id, Outcome.ACCEPTED, "202", "x-1") for one in batch.recipients]
        with spent.on("record"), store.write() as connection:
            ledger.record(connection, batch.id, bench.OWNER, receipts, now())
    costs.seconds |= {step: spent.wall[step] for step in ("claim", "begin", "record")}
    costs.processor |= {step: spent.processor[step] for step in ("claim", "begin", "record")}
    looks(store, name, costs)
    settle(store, name)
    with costs.on("finish"), store.write() as connection:
        assert ledger.finish(connection, name, now())
    with costs.on("figures"), store.read() as connection:
        ledger.figures(connection, name)
    report(store, name, costs)
    return costs


def looks(store: Store, name: str, costs: Costs) -> None:
    """What workers and people ask while it is sent."""
    with costs.on("sweep"), store.write() as connection:
        ledger.sweep(connection, now())
    with costs.on("what is due"), store.read() as connection:
        scheduling.due(connection, now())
        scheduling.ready(connection, now())
        scheduling.next_moment(connection)
        scheduling.left_since(connection, stored_issues.number(connection, name), now())
    with costs.on("issues list"), store.read() as connection:
        rows = listing.frozen_issues(connection)[:TENTH]
        history.reported(connection, [row.id for row in rows])


def report(store: Store, name: str, costs: Costs) -> None:
    """Ten thousand events, a thousand at a time as they are posted."""
    with store.read() as connection:
        number = stored_issues.number(connection, name)
        query = sa.select(deliveries.c.id).where(deliveries.c.issue_id == number).order_by(deliveries.c.id)
        numbers = list(connection.execute(query.limit(EVENTS)).scalars())
    for start in range(0, len(numbers), bench.BATCH):
        chunk = numbers[start : start + bench.BATCH]
        with costs.on("events"), store.write() as connection:
            about = stored_events.delivered(connection, chunk)
            filed = [
                stored_events.Filed(f"{each * 2654435761 % 2**32:08x}", about[each], EventKind.DELIVERED, "", now())
                for each in chunk
            ]
            stored_events.add(connection, filed, now())
            evidence.accept_all(connection, (evidence.Proof(each) for each in chunk), now())


def settle(store: Store, name: str) -> None:
    """What is left of an issue is accepted, not measured."""
    with store.write() as connection:
        number = stored_issues.number(connection, name)
        mine = {table: table.c.issue_id == number for table in (batches, deliveries)}
        for table, where in mine.items():
            connection.execute(sa.update(table).where(where, table.c.state != "accepted").values(state="accepted"))


def fill_history(store: Store, first: int, last: int) -> None:
    """Issues that were sent, by statements that write them as a send leaves them."""
    begin = perf_counter()
    for number in range(first, last):
        with store.derive() as connection:
            _sent(connection, f"past-{number:05}")
        if (number + 1) % 10 == 0 or number + 1 == last:
            print(f"  {number + 1} issues, {perf_counter() - begin:.0f} s", flush=True)
    if not store.is_file:
        with store.write() as connection:
            connection.exec_driver_sql("ANALYZE")


def _sent(connection: Connection, name: str) -> None:
    moment = now()
    row = {"kind": "bulletin", "subject": "Rivers", "hash": "h", "snapshot": {"html": "x" * 60_000}, "batch_size": 1000}
    times = {"frozen_at": moment, "updated_at": moment, "started_at": moment, "finished_at": moment}
    words = {"segment": "", "local_time": "", "reason": ""}
    made = connection.execute(sa.insert(issues).values(name=name, state=IssueState.SENT, **row, **times, **words))
    number = int(made.inserted_primary_key[0])  # type: ignore[index]
    first = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(batches.c.id), 0))).scalar_one()) + 1
    at = int(moment.timestamp() * 1e6)
    people = connection.execute(sa.select(sa.func.count()).where(subscriptions.c.state == "confirmed")).scalar_one()
    rows = [
        {"id": first + place, "issue_id": number, "number": place + 1, "state": "accepted", "attempts": 1,
         "updated_at": moment, "provider": "bench", "in_order": False, "boot": "", "hold": ""}
        for place in range(people // bench.BATCH + 1)
    ]  # fmt: skip
    connection.execute(sa.insert(batches), rows)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT setval('batches_id_seq', {first + len(rows)})")
    values = {"number": number, "first": first, "at": at, "size": bench.BATCH}
    connection.execute(DELIVERIES, values)
    connection.execute(EVENTS_OF, {"number": number, "at": at})


def measured(store: Store, people: int, wanted: int) -> None:
    """The tables of costs at 1, a tenth and all earlier issues."""
    with store.write() as connection:
        fill(connection, people)
    bench.freeze(store, "first of all")  # what is needed once is not counted
    settle(store, "first of all")
    base: Costs | None = None
    before = 0
    for number in sorted({1, max(1, wanted // TENTH), wanted}):
        fill_history(store, before, number)
        before = number
        runs = [life(store, f"measured-{number}-{each}") for each in range(3)]
        # The least of three: what else the machine did is not growth.
        seconds = {step: min(run.seconds[step] for run in runs) for step in runs[0].seconds}
        processor = {step: min(run.processor[step] for run in runs) for step in runs[0].seconds}
        base = base or Costs(seconds, processor)
        with store.read() as connection:
            rows = connection.execute(sa.select(sa.func.max(deliveries.c.id))).scalar_one()
        print(f"after {number} issues, {rows:,} deliveries, {store.size() / 1e9:.2f} GB", flush=True)
        for step, spent in seconds.items():
            wall = f"{1000 * spent:9.1f} ms x {spent / base.seconds[step]:.2f}"
            own = f"({1000 * processor[step]:9.1f} ms x {processor[step] / max(1e-6, base.processor[step]):.2f})"
            print(f"  {step:12} {wall}   {own}", flush=True)
    with store.read() as connection:
        print(f"{connection.execute(sa.select(sa.func.count()).select_from(events)).scalar_one():,} events")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("issues", type=int, nargs="?", default=500)
    parser.add_argument("people", type=int, nargs="?", default=100_000)
    parser.add_argument("--on", choices=("sqlite", "postgresql"), default="sqlite")
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server and the folder go away all the same
    if told.on == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            run(f"sqlite:///{Path(folder) / 'mailer.db'}", told.people, told.issues)
        return
    from tests import postgres

    server = postgres.start("shared_buffers=1GB", "max_wal_size=8GB", "autovacuum=on", "maintenance_work_mem=512MB")
    try:
        run(server.create(), told.people, told.issues)
    finally:
        server.stop()


def run(url: str, people: int, wanted: int) -> None:
    store = open_store(url)
    try:
        migrate.upgrade(store)
        measured(store, people, wanted)
    except KeyboardInterrupt:
        print("interrupted")
    finally:
        store.close()


if __name__ == "__main__":
    main()
