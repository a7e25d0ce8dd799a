"""What the growth and the hygiene of a list cost: time and peak memory, beside counting the same rows.

    .venv/bin/python bench/reports.py [PEOPLE] [DATABASE URL]

Makes a list of PEOPLE (default 1,000,000) in an empty database, of which a quarter came by a form and a fifth left
again: about 1.45 events a person. The default is a SQLite file in a temporary folder. Each figure is taken in a
process of its own.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import sqlalchemy as sa

from mailer.audience.hygiene import Examination
from mailer.model import How, MailingList, SubscriptionState
from mailer.reports.growth import grow
from mailer.services.hygiene import disposable_domains
from mailer.store import growth, hygiene, lists
from mailer.store.database import insert_rows, open_store
from mailer.store.migrate import upgrade
from mailer.store.tables import subscribers, subscription_events, subscriptions

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DOMAINS = ["gmail.com"] * 40 + ["hotmail.com", "gmx.de", "yahoo.fr", "icloud.com"] * 8 + ["gmial.com", "yopmail.com"]
CHUNK = 20_000
CONFIRMED, PENDING, LEFT = (
    SubscriptionState.CONFIRMED,
    SubscriptionState.PENDING,
    SubscriptionState.UNSUBSCRIBED,
)


def person(number: int) -> tuple[str, str]:
    domain = random.choice([*DOMAINS, f"d{number % 50_000}.example"])
    return f"{random.choice(['p', 'info', 'a.b+x'])}{number}@{domain}", domain


def history(number: int) -> Iterator[tuple[SubscriptionState, datetime, How]]:
    at = NOW - timedelta(hours=random.randrange(24, 24 * 3650))
    if number % 4 == 0:
        yield PENDING, at, How.FORM
    yield CONFIRMED, at + timedelta(hours=1), How.CONFIRM_LINK if number % 4 == 0 else How.IMPORT
    if number % 5 == 0:
        yield LEFT, at + timedelta(hours=20), How.ONE_CLICK


def seed(url: str, people: int) -> None:
    random.seed(1)
    store = open_store(url)
    upgrade(store)
    with store.write() as connection:
        list_id = lists.ensure(connection, MailingList("weekly", "Weekly"))
        for start in range(1, people + 1, CHUNK):
            seed_chunk(connection, list_id, range(start, min(start + CHUNK, people + 1)))
    store.close()


def seed_chunk(connection: sa.Connection, list_id: int, numbers: range) -> None:
    rows, states, events = [], [], []
    for number in numbers:
        email, domain = person(number)
        rows.append((number, f"{number:016}", email, email, email, {"city": "Oslo"}, NOW, NOW, domain))
        for state, at, how in history(number):
            events.append((list_id, number, state, "import of a.csv", at, how))
        states.append((list_id, number, state, at, at))
    names = ("id", "public_id", "email", "email_key", "ascii_email", "attributes", "created_at", "updated_at", "domain")
    insert_rows(connection, subscribers, names, rows)
    insert_rows(connection, subscriptions, ("list_id", "subscriber_id", "state", "created_at", "updated_at"), states)
    insert_rows(connection, subscription_events, ("list_id", "subscriber_id", "state", "source", "at", "how"), events)


def measure(url: str, what: str) -> None:
    store = open_store(url)
    wall, cpu = perf_counter(), process_time()
    with store.read() as connection:
        list_id = lists.ids(connection, ["weekly"])[0]
        found = WORK[what](connection, list_id)
    status = Path("/proc/self/status").read_text()  # getrusage would count the process that started this one
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    print(f"{what:12} {perf_counter() - wall:6.2f} s  {process_time() - cpu:6.2f} s CPU  {peak:4} MB  {found}")


def count_events(connection: sa.Connection, list_id: int) -> str:
    events = subscription_events.c
    query = sa.select(events.state, sa.func.count()).where(events.list_id == list_id).group_by(events.state)
    return f"{sum(number for _, number in connection.execute(query)):,} events"


def draw(connection: sa.Connection, list_id: int) -> str:
    series = grow(growth.movements(connection, "weekly"), NOW.date())
    assert series.confirmed == lists.counts(connection, "weekly")[CONFIRMED]
    return f"{series.confirmed:,} confirmed"


def read_keys(connection: sa.Connection, list_id: int) -> str:
    return f"{sum(1 for _ in hygiene.addresses(connection, list_id)):,} addresses"


def examine(connection: sa.Connection, list_id: int) -> str:
    tally = Examination(disposable_domains(Path("nowhere")))
    for key, ascii_only in hygiene.addresses(connection, list_id):
        tally.look_at(key, ascii_only)
    tally.shared_mailboxes()
    return ", ".join(f"{kind} {number:,}" for kind, number in tally.people.items())


def consents(connection: sa.Connection, list_id: int) -> str:
    old = hygiene.count(connection, hygiene.old_consent(list_id, NOW - timedelta(days=730)))
    return f"{old:,} old, {hygiene.count(connection, hygiene.no_evidence(list_id)):,} without evidence"


WORK = {"count": count_events, "growth": draw, "keys": read_keys, "addresses": examine, "consents": consents}


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/mailer.db"
        seed(url, people)
        for what in WORK:
            subprocess.run([sys.executable, __file__, "--measure", url, what], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], sys.argv[3])
    else:
        main()
