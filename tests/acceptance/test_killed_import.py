"""An import that is killed again and again, in a real process, and the tables afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.services.importrows import ROWS as CHUNK
from mailer.store.database import Store, open_store
from mailer.store.tables import imports, lists, subscribers, subscription_events, subscriptions, suppression_events
from mailer.store.tables import suppressions as suppressed
from tests import migrated, postgres
from tests.acceptance.commands import command, environment, told, workspace
from tests.thoroughness import sized

SEED = 20261122
ROWS, KILLS = sized(80_000, 200_000), sized(3, 20)
ROWS_ON_A_SERVER, KILLS_ON_A_SERVER = sized(50_000, 60_000), sized(2, 5)
ROWS_UNTIL_STOPPED = sized(60_000, 100_000)
FILE = "people.csv"
WORDS = ("subscribers", "import", FILE, "--list", "weekly", "--tag", "fair", "--json")


def people(rows: int) -> str:
    """Mostly new people; some twice, some refused, some who left or whose address is dead, in no order."""
    chosen = random.Random(SEED)
    lines = ["email,first_name,last_name,city,status"]
    for number in range(rows):
        kind = chosen.random()
        name = f"reader{chosen.randrange(10 * rows)}"
        if kind < 0.01:
            lines.append(f"{name} at example.org,,,,")
        elif kind < 0.02:
            lines.append(f"{name}@example.org,Ann,,,unsubscribed")
        elif kind < 0.03:
            lines.append(f"{name}@example.org,,,,bounced")
        elif kind < 0.06:
            lines.append(f"Known{chosen.randrange(500)}@example.org,Bo,Ek,City {number},")
        else:
            lines.append(f"{name}@example.org,Ann,Li,City {number % 90},")
    return "\n".join(lines) + "\n"


def campaign(folder: Path, content: str) -> Path:
    """A workspace with some people already, and the file."""
    folder.mkdir()
    workspace(folder)
    known = "".join(f"known{number}@example.org,{'unsubscribed' if number % 5 == 0 else ''}\n" for number in range(500))
    told(folder, "subscribers", "import", "-", "--list", "weekly", stdin=f"email,status\n{known}")
    (folder / FILE).write_text(content)
    return folder


def start(folder: Path, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*WORDS), cwd=folder, env=environment() | more,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(importer: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = importer.communicate(timeout=300)
    return importer.returncode, out, err


def report(out: str) -> dict[str, Any]:
    """What is told of the file, without what differs between a run that was cut off and one that was not."""
    found: dict[str, Any] = json.JSONDecoder().raw_decode(out)[0]
    return {name: value for name, value in found.items() if name not in ("resumed_at", "rejected_files")}


def rows_done(store: Store) -> int:
    query = sa.select(imports.c.rows_done).where(imports.c.name == FILE)
    with store.read() as connection:
        return connection.execute(query).scalar() or 0


def content(store: Store) -> dict[str, Any]:
    """The tables without times and numbers: the events of each person in their order."""
    person = subscribers.c.email_key
    queries = {
        "people": sa.select(person, subscribers.c.email, subscribers.c.ascii_email, subscribers.c.attributes,
                            subscribers.c.domain),
        "states": sa.select(person, lists.c.name, subscriptions.c.state)
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .join(lists, lists.c.id == subscriptions.c.list_id),
        "events": sa.select(person, subscription_events.c.state, subscription_events.c.how,
                            subscription_events.c.source, imports.c.name)
        .join(subscription_events, subscription_events.c.subscriber_id == subscribers.c.id)
        .outerjoin(imports, imports.c.id == subscription_events.c.import_id)
        .order_by(subscription_events.c.id),
        "suppressions": sa.select(suppressed.c.value, suppressed.c.list_id, suppressed.c.reason, suppressed.c.note),
        "suppression_events": sa.select(suppression_events.c.value, suppression_events.c.reason,
                                        suppression_events.c.note),
        "imports": sa.select(imports.c.name, imports.c.state, imports.c.rows_done, imports.c.counts),
    }  # fmt: skip
    with store.read() as connection:
        found = {name: [tuple(row) for row in connection.execute(query)] for name, query in queries.items()}
    # A stable sort: the events of each person stay in order.
    return {name: sorted(rows, key=lambda row: str(row[0])) for name, rows in found.items()}


def kill_and_go_on(folder: Path, store: Store, kills: int, rows: int, **more: str) -> tuple[int, str]:
    """Kill it at moments over the whole of its work, and then let it end; how often it was killed, what it told."""
    moments = random.Random(SEED)
    killed = 0
    # Two chunks before the end, so that on a fast machine as well there is something left to do.
    for place in sorted(moments.sample(range(rows - 2 * CHUNK), kills)):
        importer = start(folder, **more)
        # Until so many rows are in, and then a little: in the middle of a chunk, of a commit, of reading.
        while importer.poll() is None and rows_done(store) < place:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.25))
        importer.send_signal(signal.SIGKILL)
        code, _, err = end(importer)
        assert code in (-signal.SIGKILL, 3), err
        killed += code == -signal.SIGKILL
    code, out, err = end(start(folder, **more))
    assert code == 3, err
    return killed, out


@pytest.fixture
def on_server() -> Iterator[list[str]]:
    server = postgres.shared()
    urls = [server.create(migrated.name()) for _ in range(2)]
    yield urls
    for url in urls:
        server.drop(url)


def test_killed_again_and_again_it_ends_like_one_that_was_not(tmp_path: Path) -> None:
    text = people(ROWS)
    quiet, disturbed = campaign(tmp_path / "quiet", text), campaign(tmp_path / "disturbed", text)
    code, expected, err = end(start(quiet))
    assert code == 3, err
    store = open_store(f"sqlite:///{disturbed}/mailer.db")
    killed, out = kill_and_go_on(disturbed, store, KILLS, ROWS)
    assert killed == KILLS
    undisturbed = open_store(f"sqlite:///{quiet}/mailer.db")
    assert content(store) == content(undisturbed)
    assert report(out) == report(expected)
    for one in (store, undisturbed):
        one.close()
    names = ["people.csv", "people.csv.rejected.csv"]
    assert sorted(path.name for path in disturbed.glob("people*")) == names
    assert (disturbed / names[1]).read_bytes() == (quiet / names[1]).read_bytes()
    again = told(disturbed, *WORDS[:-1][:2], str(disturbed / FILE), *WORDS[3:-1])
    assert (again["new"], again["done_before"] is None) == (0, False)


def test_killed_on_a_server_as_well(tmp_path: Path, on_server: list[str]) -> None:
    text = people(ROWS_ON_A_SERVER)
    stores, outs = [], []
    for number, url in enumerate(on_server):
        stores.append(open_store(url))
        folder = workspace_of(tmp_path / str(number), text)
        if number:
            outs.append(kill_and_go_on(folder, stores[-1], KILLS_ON_A_SERVER, ROWS_ON_A_SERVER, DATABASE_URL=url)[1])
        else:
            outs.append(end(start(folder, DATABASE_URL=url))[1])
    assert content(stores[0]) == content(stores[1])
    assert report(outs[0]) == report(outs[1])
    for store in stores:
        store.close()


def workspace_of(folder: Path, content: str) -> Path:
    folder.mkdir()
    (workspace(folder) / FILE).write_text(content)
    return folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_its_rows_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    folder = campaign(tmp_path / "campaign", people(ROWS_UNTIL_STOPPED))
    store = open_store(f"sqlite:///{folder}/mailer.db")
    importer = start(folder)
    while importer.poll() is None and not rows_done(store):
        time.sleep(0.002)
    importer.send_signal(number)
    code, out, err = end(importer)
    assert code == 3, err
    assert "stopping after these rows" in err
    assert f"go on: mailer subscribers import {FILE} --list weekly" in err
    told_rows = json.JSONDecoder().raw_decode(out)[0]["rows"]
    assert told_rows == rows_done(store) < ROWS_UNTIL_STOPPED
    store.close()
    (waiting,) = [one for one in told(folder, "subscribers", "imports") if one["state"] == "running"]
    assert (waiting["name"], waiting["rows"]) == (FILE, told_rows)
    code, out, err = end(start(folder))
    assert json.JSONDecoder().raw_decode(out)[0]["resumed_at"] == told_rows
    assert os.path.exists(folder / f"{FILE}.rejected.csv")
