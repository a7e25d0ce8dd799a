"""Senders that are killed, and a comparison of what the sink took with what the ledger says, record by record.

Used by the tests at small size and by `bench/kill.py` at full size.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from mailer.model import BatchState, DeliveryState
from mailer.store.database import open_store
from mailer.store.tables import batches, deliveries, issues, subscribers
from tests import migrated, postgres
from tests.acceptance import sinks
from tests.acceptance.commands import environment, fill, header, workspace
from tests.acceptance.forking import Fork, Sender
from tests.cli.campaign import ISSUE

KEY = "SG.a-key-of-nobody.and-its-secret"
# A template of one line: what is tested is the sender, and a design would only make the files big.
SENDER = "{{ organisation.name }}, {{ organisation.postal_address }}"
BARE = {
    "bare.mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>{% include '@body.txt' %} "
    f"{SENDER} <a href='{{{{ links.unsubscribe }}}}'>Unsubscribe</a>"
    "</mj-text></mj-column></mj-section></mj-body></mjml>",
    "bare.txt.jinja": f"{{% include '@body.txt' %}}\n{SENDER}\n{{{{ links.unsubscribe }}}}\n",
}
PROVIDERS = ("outbox", "smtp", "sendgrid")
DATABASES = ("sqlite", "postgresql")
CONNECTIONS = (1, 4)
DOUBTS = DeliveryState.DOUBTFUL, DeliveryState.SUBMITTING


def campaign(folder: Path, people: int, batch_size: int, lease: float, provider: str = "", more: str = "") -> list[str]:
    """An issue ready to be sent to so many people; their addresses. `provider`, `more`: lines of mailer.toml."""
    settings = f"[provider]\nbatch_size = {batch_size}\n{provider}[limits]\nlease_seconds = {lease}\n{more}"
    workspace(folder, settings)
    for name in ("issues", "templates"):
        (folder / name).mkdir()
    for name, text in BARE.items():
        (folder / "templates" / name).write_text(text)
    front = 'kind: bulletin\nsubject: "Rivers"\ntemplate: bare\nlists: [weekly]\n'
    (folder / "issues" / f"{ISSUE}.md").write_text(f"---\n{front}---\n\nHello {{{{ subscriber.email }}}}.\n")
    return fill(folder, "weekly", people)


# --- what is known afterwards -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ledger:
    """What the ledger says: the state of each person's delivery, and how the issue and its batches stand."""

    people: Mapping[str, DeliveryState]
    batches: Mapping[BatchState, int]
    issue: str

    def counts(self) -> Counter[DeliveryState]:
        return Counter(self.people.values())

    @property
    def doubts(self) -> int:
        return sum(self.counts()[state] for state in DOUBTS)


def ledger_of(url: str) -> Ledger:
    """Read from the database with a connection of its own."""
    store = open_store(url)
    try:
        with store.read() as connection:
            query = sa.select(subscribers.c.email, deliveries.c.state).join_from(
                deliveries, subscribers, subscribers.c.id == deliveries.c.subscriber_id
            )
            rows = connection.execute(query).all()
            found = {row.email: row.state for row in rows}
            assert len(found) == len(rows), "two deliveries for one person"
            by_state = sa.select(batches.c.state, sa.func.count()).group_by(batches.c.state)
            counts = connection.execute(by_state).all()
            issue = connection.execute(sa.select(issues.c.state).where(issues.c.name == ISSUE)).scalar()
            return Ledger(found, {row[0]: row[1] for row in counts}, issue.value if issue else "not frozen")
    finally:
        store.close()


def doubts_of(url: str) -> int | None:
    """How many are in doubt, or will be once a lease ends; None while nothing is frozen."""
    store = open_store(url)
    try:
        with store.read() as connection:
            query = sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state)
            counts = {row[0]: row[1] for row in connection.execute(query)}
            return sum(counts.get(state, 0) for state in DOUBTS) if counts else None
    finally:
        store.close()


def contradicting(people: Sequence[str], taken: Counter[str], ledger: Ledger, most_doubts: int) -> list[str]:
    """Every way in which a sink and a ledger contradict the promise, a line each; none when it was kept."""
    twice = [each for each, count in taken.items() if count > 1]
    strangers = taken.keys() - set(people)
    accepted = {who for who, state in ledger.people.items() if state is DeliveryState.ACCEPTED}
    held = {who for who, state in ledger.people.items() if state in DOUBTS}
    final = {DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.DOUBTFUL}
    found = {
        "got it twice": len(twice),
        "got it and are nobody's": len(strangers),
        "are not in the ledger": len(set(people) - ledger.people.keys()),
        "are accepted in the ledger and the sink never saw them": len(accepted - taken.keys()),
        "are in the sink and neither accepted nor in doubt": len(taken.keys() - accepted - held),
        "are in no final state": sum(state not in final for state in ledger.people.values()),
        f"are in doubt, more than {most_doubts}": max(0, len(held) - most_doubts),
    }
    return [f"{count} {words}" for words, count in found.items() if count]


# --- one cell of the matrix -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """What is sent to how many people over what, and how often the sender is killed."""

    provider: str
    connections: int
    database: str
    people: int = 400
    kills: int = 4
    batch: int = 20
    lease: float = 2.0
    seed: int = 20261122
    limits: str = ""
    """Lines of mailer.toml: more of [limits], and whole sections behind them."""

    def __str__(self) -> str:
        return f"{self.provider}-{self.connections}-{self.database}"

    @property
    def in_flight(self) -> int:
        """How many mails may be on their way, and unanswered, when a sender dies."""
        each = {"outbox": 0, "smtp": 1, "sendgrid": self.batch}[self.provider]
        return each * self.connections


@dataclass
class Found:
    """What came of a cell. `hits`: kills after which more was in doubt; `lost`: people without mail or doubt."""

    cell: Cell
    kills: int
    hits: int
    taken: int
    twice: int
    lost: int
    ledger: Ledger
    seconds: float
    faults: list[str]


@dataclass
class Bench:
    """A workspace with its sink and database."""

    cell: Cell
    folder: Path
    url: str
    environ: dict[str, str]
    fork: Fork
    people: list[str]
    addresses: Callable[[], Sequence[str]] | None
    """The address of every mail that the sink took so far; None for the outbox, whose files say it."""

    def start(self, *words: str) -> Sender:
        return self.fork.start(self.folder, self.environ, *(words or ("send", ISSUE, "--yes", "--json")))

    def count(self) -> int:
        """How many mails the sink has taken."""
        if self.addresses:
            return len(self.addresses())
        new = self.folder / "outbox" / ISSUE / "new"
        return len(os.listdir(new)) if new.is_dir() else 0

    def files(self) -> list[Path]:
        new = self.folder / "outbox" / ISSUE / "new"
        return sorted(new.glob("*.eml")) if new.is_dir() else []

    def taken(self) -> Counter[str]:
        return Counter(self.addresses() if self.addresses else (header(path, "To") for path in self.files()))

    def ledger(self) -> Ledger:
        return ledger_of(self.url)

    def faults(self, most_doubts: int) -> list[str]:
        return contradicting(self.people, self.taken(), self.ledger(), most_doubts)

    def check_completed(self, most_doubts: int) -> None:
        """Send once more: the issue comes to its end, and everybody is once in it."""
        last = self.start()
        assert last.wait() in (0, 3), last.err.read_text()
        assert self.faults(most_doubts) == []
        assert self.ledger().issue == "sent"


def check_clear(sender: Sender, *words: str) -> None:
    """It ended with one line that a person can read, which has these words."""
    code, err = sender.wait(), sender.err.read_text()
    assert code in (1, 3), err
    assert "Traceback" not in err
    assert sum(line.startswith(("error:", "attention:")) for line in err.splitlines()) == 1, err
    assert all(word in err for word in words), err


@contextmanager
def prepared(
    cell: Cell, folder: Path, fork: Fork, waits: Iterable[float] = (), server: postgres.Server | None = None
) -> Iterator[Bench]:
    """The workspace of a cell, with people and an issue that is not frozen yet, and its sink at work.

    `waits`: how long the sink thinks about an answer, one of them by chance. `server`: another than the tests share.
    """
    if cell.provider == "outbox":
        with over(cell, folder, fork, server=server) as bench:
            yield bench
        return
    log = folder / "sink.log"
    with sinks.running(cell.provider, log, cell.seed, waits) as port:
        reader = sinks.Reader(log)
        with over(cell, folder, fork, port, reader.addresses, server) as bench:
            yield bench


@contextmanager
def over(
    cell: Cell,
    folder: Path,
    fork: Fork,
    port: int = 0,
    addresses: Callable[[], Sequence[str]] | None = None,
    server: postgres.Server | None = None,
) -> Iterator[Bench]:
    """The same over a sink of the test's own, at a port of this machine."""
    lines = {
        "outbox": "",
        "smtp": f'host = "127.0.0.1"\nport = {port}\ntls = "none"\ntimeout = 1\n',
        "sendgrid": f'base_url = "http://127.0.0.1:{port}"\ntimeout = 1\n',
    }
    with _database(cell, folder, server) as url:
        settings = f'name = "{cell.provider}"\nconnections = {cell.connections}\n{lines[cell.provider]}'
        web = f'{cell.limits}[web]\nbase_url = "https://news.example.org"\n[database]\nurl = "{url}"\n'
        people = campaign(folder, cell.people, cell.batch, cell.lease, settings, web)
        yield Bench(cell, folder, url, {**environment(), "SENDGRID_API_KEY": KEY}, fork, people, addresses)


@contextmanager
def _database(cell: Cell, folder: Path, server: postgres.Server | None) -> Iterator[str]:
    if cell.database == "sqlite":
        yield f"sqlite:///{folder}/mailer.db"
        return
    url = server.create() if server else postgres.shared().create(migrated.name())
    server = server or postgres.shared()
    try:
        yield url
    finally:
        server.drop(url)


def run_cell(cell: Cell, folder: Path, fork: Fork) -> Found:
    """Kill, kill again, send to the end, compare."""
    begun = time.monotonic()
    with prepared(cell, folder, fork) as bench:
        kills, hits = kill_again_and_again(bench)
        last = bench.start()
        code = last.wait()
        wrong = bench.faults(cell.in_flight * kills)
        ledger = bench.ledger()
        wrong += contradictions(last, code, ledger)
        if not kills:
            wrong.append("nobody was killed")
        taken = bench.taken()
        known = taken.keys() | {who for who, state in ledger.people.items() if state is DeliveryState.DOUBTFUL}
        return Found(
            cell,
            kills,
            hits,
            taken.total(),
            sum(count > 1 for count in taken.values()),
            len(set(bench.people) - known),
            ledger,
            time.monotonic() - begun,
            wrong,
        )


def kill_again_and_again(bench: Bench) -> tuple[int, int]:
    """Kills at seeded moments: while the issue is frozen, then whenever the sink has so many mails, and a little later.

    How many there were, and how many of them left more in doubt than there was. All goals lie in the first part, so
    that there is something left to do for the last sender.
    """
    cell, chance = bench.cell, random.Random(bench.cell.seed)
    early = max(1, cell.kills // 20)
    goals = sorted(chance.sample(range(1, int(cell.people * 0.8)), cell.kills - early))
    kills = hits = 0
    doubts: int | None = None
    for goal in [*([0] * early), *goals]:
        # Never before this sender has done something: else the kills would only meet programs that begin.
        least = max(bench.count() + 1, goal)
        # What was frozen is gone on with either way: as it is, or after a look whether the file still says the same.
        as_it_is = doubts is not None and chance.random() < 0.5
        sender = bench.start("send", ISSUE, "--frozen", "--json") if as_it_is else bench.start()
        if goal == 0:
            time.sleep(chance.uniform(0.02, 0.6))
        else:
            until(sender, lambda least=least: bench.count() >= least)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.05))
        if sender.kill() == -signal.SIGKILL:
            kills += 1
        before, doubts = doubts or 0, doubts_of(bench.url)
        hits += (doubts or 0) > before
    return kills, hits


def until(sender: Sender, ready: Callable[[], bool]) -> None:
    """Wait while the sender is at work, until something is so."""
    while sender.poll() is None and not ready():
        time.sleep(0.002)


def contradictions(sender: Sender, code: int, ledger: Ledger) -> list[str]:
    """What the last sender says of the issue against what the ledger has."""
    if code not in (0, 3):
        return [f"the last sender ended with {code}: {sender.err.read_text()[-500:]}"]
    said = json.loads(sender.out.read_text())
    counts = {state.value: count for state, count in ledger.counts().items() if count}
    found = [] if ledger.issue == "sent" else [f"the issue is {ledger.issue}"]
    if said["deliveries"] != counts or said["twice"]:
        found.append(f"it says {said['deliveries']} and the ledger has {counts}")
    if code != (3 if ledger.counts()[DeliveryState.DOUBTFUL] else 0):
        found.append(f"exit code {code}")
    return found
