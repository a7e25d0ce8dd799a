"""Lists of people: importing, exporting, counting a segment, freezing an audience, on SQLite and on PostgreSQL.

    python bench/lists.py [PEOPLE ...]          (10000 100000 1000000 unless said; a folder for it in TMPDIR)

Each step is a process of its own, so that its peak memory is its own. Beside it, in the same run, stand the floors:
`csv.reader` over the same file, and the same rows written into the same tables by the bare driver, already in memory:
`sqlite3.executemany`, or `COPY` of psycopg. The servers' own memory is not counted. fsync is on, on both.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

SIZES = (10_000, 100_000, 1_000_000)
CITIES = ("Oslo", "Bergen", "Trondheim", "Stavanger", "Tromsø", "Drammen", "Ålesund", "Bodø")
DOMAINS = ("gmail.com", "outlook.com", "example.org", "yahoo.com", "posteo.net", "online.no", "example.net")
FIRST = ("Ada", "Ben", "Cleo", "Dina", "Eva", "Finn", "Gro", "Hans", "Ida", "Jon", "Kari", "Lars", "Mia", "Nils")
LAST = ("Hansen", "Johansen", "Olsen", "Larsen", "Andersen", "Pedersen", "Nilsen", "Kristiansen", "Jensen")
SEGMENT = 'city == "Oslo" and postal_code > "5000"'
SERVER = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=128MB", "max_wal_size=2GB")
STEPS = ("import", "again", "count", "freeze", "export")
FLOORS = {"import": ("csv.reader", "driver")}


def write_people(path: Path, number: int) -> None:
    """People in no order, as an organisation's files are."""
    chosen = random.Random(number)
    places = list(range(number))
    chosen.shuffle(places)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["E-mail", "First name", "Last name", "City", "Postal code"])
        for place in places:
            first, last = chosen.choice(FIRST), chosen.choice(LAST)
            email = f"{first.lower()}.{last.lower()}{place}@{chosen.choice(DOMAINS)}"
            writer.writerow([email, first, last, chosen.choice(CITIES), f"{chosen.randrange(10_000):04}"])


# --- One step, in a process of its own --------------------------------------------------------------------------------


@contextmanager
def opened(url: str) -> Iterator[Any]:
    from mailer.store.database import open_store
    from mailer.store.migrate import upgrade

    store = open_store(url)
    upgrade(store)
    yield store
    store.close()


def entry() -> Any:
    from mailer.model import How, MailingList, SubscriptionState
    from mailer.services.subscribers import Entry
    from mailer.store.subscriptions import Origin

    definition = MailingList("weekly", "Weekly", opt_in="single")
    return Entry(definition, SubscriptionState.CONFIRMED, Origin(How.IMPORT, "a benchmark"))


def step_import(url: str, file: Path) -> Callable[[], int]:
    from mailer.services.imports import Options, import_subscribers

    def work() -> int:
        with opened(url) as store:
            return import_subscribers(store, entry(), file.read_bytes(), Options(file=file), datetime.now(UTC)).new

    with opened(url):
        return work


def step_again(url: str, file: Path) -> Callable[[], int]:
    """The same people once more, with --again: everybody is known."""
    from mailer.services.imports import Options, import_subscribers

    def work() -> int:
        with opened(url) as store:
            options = Options(file=file, again=True)
            return import_subscribers(store, entry(), file.read_bytes(), options, datetime.now(UTC)).unchanged

    return work


def step_count(url: str, file: Path) -> Callable[[], int]:
    import sqlalchemy as sa

    from mailer.audience.segment.reading import parse
    from mailer.store import lists
    from mailer.store.segments import Scope, condition
    from mailer.store.tables import subscribers, subscriptions

    segment = parse(SEGMENT)

    def work() -> int:
        with opened(url) as store, store.read() as connection:
            (list_id,) = lists.ids(connection, ["weekly"])
            query = (
                sa.select(sa.func.count())
                .select_from(subscriptions)
                .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
                .where(subscriptions.c.list_id == list_id)
                .where(condition(segment, Scope(list_id, datetime.now(UTC))))
            )
            return int(connection.execute(query).scalar_one())

    return work


def step_freeze(url: str, file: Path) -> Callable[[], int]:
    from mailer.model import IssueKind
    from mailer.store import ledger

    frozen = ledger.Frozen("bench", IssueKind.BULLETIN, "Rivers", "hash", {"html": "<p>Hello</p>"}, ("weekly",))

    def work() -> int:
        with opened(url) as store, store.write() as connection:
            return int(ledger.freeze(connection, frozen, datetime.now(UTC)).recipients)

    return work


def step_export(url: str, file: Path) -> Callable[[], int]:
    from mailer.services.exports import Wanted, export_file
    from mailer.store import lists
    from mailer.store.people import Which

    def work() -> int:
        with opened(url) as store:
            with store.read() as connection:
                (list_id,) = lists.ids(connection, ["weekly"])
            target = file.with_suffix(".exported")
            target.unlink(missing_ok=True)
            return export_file(store, Wanted(Which(list_id)), target, lambda number: None)

    return work


def floor_reader(url: str, file: Path) -> Callable[[], int]:
    def work() -> int:
        with file.open(newline="", encoding="utf-8") as lines:
            return sum(1 for _ in csv.reader(lines)) - 1

    return work


def floor_driver(url: str, file: Path) -> Callable[[], int]:
    """The rows of an import, made before, into an empty database: three statements, one transaction, no question."""
    people = rows_of(file)
    with opened(url) as store, store.write() as connection:
        connection.exec_driver_sql("INSERT INTO lists (id, name, title) VALUES (1, 'weekly', 'Weekly')")
    with opened(url) as store:
        return (lambda: sqlite_rows(url, people)) if store.is_file else (lambda: server_rows(url, people))


AT = 1_790_000_000_000_000


def rows_of(file: Path) -> list[tuple[Any, ...]]:
    from mailer.store.publicids import public_ids

    with file.open(newline="", encoding="utf-8") as lines:
        read = csv.reader(lines)
        next(read)
        names = ("first_name", "last_name", "city", "postal_code")
        found = [(row[0], json.dumps(dict(zip(names, row[1:], strict=True)), ensure_ascii=False)) for row in read]
    ids = public_ids(len(found))
    return [
        (at, new, email, email, email, text, AT, AT, email.partition("@")[2])
        for at, (new, (email, text)) in enumerate(zip(ids, found, strict=True), 1)
    ]


SUBSCRIBERS = "id, public_id, email, email_key, ascii_email, attributes, created_at, updated_at, domain"
SUBSCRIPTIONS = "list_id, subscriber_id, state, created_at, updated_at"
EVENTS = "list_id, subscriber_id, state, source, at, how"


def sqlite_rows(url: str, people: list[tuple[Any, ...]]) -> int:
    import sqlite3

    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -32768"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(f"INSERT INTO subscribers ({SUBSCRIBERS}) VALUES ({', '.join('?' * 9)})", people)  # noqa: S608
    connection.executemany(
        f"INSERT INTO subscriptions ({SUBSCRIPTIONS}) VALUES (1, ?, 'confirmed', {AT}, {AT})",  # noqa: S608
        ((person[0],) for person in people),
    )
    connection.executemany(
        f"INSERT INTO subscription_events ({EVENTS}) VALUES (1, ?, 'confirmed', '', {AT}, 'import')",  # noqa: S608
        ((person[0],) for person in people),
    )
    connection.execute("COMMIT")
    return len(people)


def server_rows(url: str, people: list[tuple[Any, ...]]) -> int:
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for table, names, rows in (
            ("subscribers", SUBSCRIBERS, people),
            ("subscriptions", SUBSCRIPTIONS, ((1, person[0], "confirmed", AT, AT) for person in people)),
            ("subscription_events", EVENTS, ((1, person[0], "confirmed", "", AT, "import") for person in people)),
        ):
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    return len(people)


WORK: dict[str, Callable[[str, Path], Callable[[], int]]] = {
    "import": step_import,
    "again": step_again,
    "count": step_count,
    "freeze": step_freeze,
    "export": step_export,
    "csv.reader": floor_reader,
    "driver": floor_driver,
}


def one_step(name: str, url: str, file: Path) -> None:
    """Does it and prints what it took, as JSON."""
    import resource

    work = WORK[name](url, file)
    begin, used = time.perf_counter(), time.process_time()
    number = work()
    took, cpu = time.perf_counter() - begin, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": took, "cpu": cpu, "megabytes": peak, "number": number}))


# --- All of them ------------------------------------------------------------------------------------------------------


def run(name: str, url: str, file: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--step", name, url, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def line(kind: str, people: int, name: str, took: dict[str, float], beside: str = "") -> None:
    rate = people / took["seconds"]
    print(
        f"{kind:<11} {people:>9,}  {name:<11} {took['seconds']:>8.2f} s  {took['cpu']:>7.2f} s CPU  "
        f"{rate:>10,.0f}/s  {took['megabytes']:>5.0f} MB  {beside}",
        flush=True,
    )


def measure(kind: str, new_url: Callable[[], str], file: Path, people: int) -> dict[str, float]:
    floors = {}
    for name in ("csv.reader", "driver"):
        floors[name] = run(name, new_url(), file)
        line(kind, people, name, floors[name], "a floor")
    url, times = new_url(), {}
    for name in STEPS:
        took = run(name, url, file)
        beside = f"{took['number']:,.0f} people"
        if name == "import":
            both = floors["csv.reader"]["seconds"] + floors["driver"]["seconds"]
            beside = (
                f"{took['seconds'] / floors['driver']['seconds']:.2f} x driver, {took['seconds'] / both:.2f} x both"
            )
        line(kind, people, name, took, beside)
        times[name] = took["seconds"]
    return times


def growth(kind: str, times: dict[int, dict[str, float]]) -> None:
    """How cost grows: the time of ten times as many people, divided by ten."""
    sizes = sorted(times)
    for small, large in pairwise(sizes):
        factor = large / small
        told = ", ".join(f"{name} {times[large][name] / times[small][name] / factor:.2f}" for name in STEPS)
        print(f"{kind}: a person of {large:,} costs, beside one of {small:,}: {told}")


def main(sizes: list[int]) -> None:
    from tests import postgres

    server = postgres.start(*SERVER)
    try:
        with tempfile.TemporaryDirectory() as folder:
            numbers = iter(range(1000))
            kinds: dict[str, Callable[[], str]] = {
                "sqlite": lambda: f"sqlite:///{folder}/{next(numbers)}.db",
                "postgresql": server.create,
            }
            for kind, new_url in kinds.items():
                times = {}
                for people in sizes:
                    file = Path(folder) / f"{people}.csv"
                    if not file.exists():
                        write_people(file, people)
                    times[people] = measure(kind, new_url, file, people)
                growth(kind, times)
    finally:
        server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        one_step(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main([int(word) for word in sys.argv[1:]] or list(SIZES))
    os.sync()
