"""Several hosts that run `mailer work` on one database: killed, frozen, cut off, brought back, and then compared.

A host is a folder of its own, a machine's name of its own, and a process. Used by the tests at small size and by
`bench/kill.py --workers` at full size.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mailer.app import open_mailer
from mailer.errors import StoreError
from mailer.model import BatchState, DeliveryState
from mailer.services.binding import bind
from mailer.store.database import Store, open_store
from mailer.store.tables import batches, issues
from mailer.workspace import Workspace
from tests import postgres
from tests.acceptance import sinks
from tests.acceptance.forking import Fork, Sender
from tests.acceptance.killing import Bench, Cell, Ledger, contradicting, ledger_of, over
from tests.cli.campaign import ISSUE

LANES = (("local", "sqlite"), ("local", "postgresql"), ("procrastinate", "postgresql"))
"""Every engine over every database that it runs on."""

HELD = BatchState.CLAIMED, BatchState.SUBMITTING
WAITS = {"sendgrid": (0.05, 0.1, 0.2), "smtp": (0.002, 0.01, 0.02)}
"""Seconds until a sink answers: long enough that there is something in hand whenever a worker dies."""


@dataclass(frozen=True)
class Hosts(Cell):
    """A cell over several workers. `connections` is what each of them has."""

    engine: str = "local"
    workers: int = 4

    def __str__(self) -> str:
        return f"{self.engine}-{self.database}-{self.workers}-{self.provider}"


def hosts(provider: str, workers: int, lane: tuple[str, str], **others: object) -> Hosts:
    """The cell of these; the engine stands in its settings."""
    engine, database = lane
    sections = f'[work]\nengine = "{engine}"\n'
    # SMTP writes down each mail by itself.
    people = 240 if provider == "sendgrid" else 160
    made = {
        "connections": 2,
        "people": people,
        "kills": 3,
        "batch": 10,
        "limits": str(others.pop("limits", "")) + sections,
    }
    return Hosts(provider, database=database, engine=engine, workers=workers, **(made | others))  # type: ignore[arg-type]


@dataclass
class Host:
    """One machine with one worker."""

    name: str
    folder: Path
    environ: dict[str, str]
    fork: Fork
    network: str = ""
    sender: Sender | None = None
    past: list[Sender] = field(default_factory=list)

    def start(self) -> Sender:
        assert self.sender is None
        self.sender = self.run("work", "--json")
        self.past.append(self.sender)
        return self.sender

    def run(self, *words: str) -> Sender:
        """Another command on this machine."""
        return self.fork.start(self.folder, self.environ, *words, host=self.name, network=self.network)

    @property
    def runs(self) -> bool:
        return self.sender is not None and self.sender.poll() is None

    def signal(self, number: signal.Signals) -> None:
        assert self.sender is not None
        self.sender.signal(number)

    def kill(self) -> bool:
        """SIGKILL; whether it met a process that ran."""
        assert self.sender is not None
        code, self.sender = self.sender.kill(), None
        return code == -signal.SIGKILL

    def ended(self, seconds: float = 30) -> int:
        """Its exit code, once somebody asked it to stop. A second SIGTERM would end it at once."""
        assert self.sender is not None
        code, self.sender = self.sender.wait(seconds), None
        return code

    def heard(self) -> list[dict[str, str]]:
        """What its workers said, one after the other."""
        lines = [line for sender in self.past for line in sender.out.read_text().splitlines()]
        return [json.loads(line) for line in lines if line.endswith("}")]

    def errors(self) -> str:
        return "".join(sender.err.read_text() for sender in self.past)


@dataclass
class Cluster:
    """The hosts, their database and what the sink took."""

    cell: Hosts
    bench: Bench
    hosts: list[Host]
    store: Store
    reader: sinks.Reader

    # --- what is done to it ---------------------------------------------------------------------------------------

    def start(self) -> None:
        for host in self.hosts:
            host.start()

    def schedule(self, issue: str = ISSUE) -> None:
        """It is due at once; whichever worker comes first begins it."""
        self.tell("send", issue, "--at", "now", "--yes")

    def tell(self, *words: str, host: int = 0) -> Any:
        """What one command on a host says."""
        done = self.hosts[host].run(*words, "--json")
        assert done.wait() == 0, done.err.read_text()
        return json.loads(done.out.read_text())

    def until(self, ready: Callable[[], bool], what: str, seconds: float = 60, look: float = 0.02) -> float:
        """Wait until something is so; how long that took."""
        begun = time.monotonic()
        while not ready():
            if time.monotonic() - begun > seconds:
                raise TimeoutError(f"not {what} in {seconds:g} s: {self.state()}\n{self.errors()[-2000:]}")
            time.sleep(look)
        return time.monotonic() - begun

    def until_taken(self, mails: int, seconds: float = 60) -> None:
        self.until(lambda: self.count() >= mails, f"{mails} mails taken", seconds)

    def until_sent(self, seconds: float = 60) -> float:
        return self.until(lambda: self.issue() == "sent", "sent", seconds, 0.1)

    def stop(self) -> None:
        """All workers end in good order, and none had anything to complain of."""
        for host in self.hosts:
            if host.sender is not None:
                host.signal(signal.SIGTERM)
        for host in self.hosts:
            if host.sender is not None:
                assert host.ended() == 0, host.errors()
        assert "Traceback" not in self.errors(), self.errors()

    # --- what is known of it --------------------------------------------------------------------------------------

    def count(self) -> int:
        return len(self.reader.read())

    def taken(self) -> Counter[str]:
        return Counter(self.reader.addresses())

    def ask(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        with self.store.read() as connection:
            return list(connection.execute(query).all())

    def issue(self, name: str = ISSUE) -> str:
        """Its state; empty while it is not there, or the database is away."""
        try:
            rows = self.ask(sa.select(issues.c.state).where(issues.c.name == name))
        except StoreError:
            return ""
        return rows[0][0].value if rows else ""

    def held(self, host: Host, *states: BatchState) -> list[int]:
        """The batches that a host has in hand, or had when it died."""
        # A name of a host begins no other's: they have as many digits.
        theirs = sa.and_(batches.c.state.in_(states or HELD), batches.c.owner.startswith(f"{host.name}-"))
        return [row[0] for row in self.ask(sa.select(batches.c.id).where(theirs))]

    def ledger(self) -> Ledger:
        return ledger_of(self.bench.url)

    def state(self) -> str:
        found = self.ledger()
        counts = {state.value: count for state, count in found.counts().items() if count}
        return f"{found.issue}, {counts}, {self.count()} taken, " + ", ".join(
            f"{host.name} {'runs' if host.runs else 'does not run'}" for host in self.hosts
        )

    def errors(self) -> str:
        return "".join(host.errors() for host in self.hosts)

    def faults(self, most_doubts: int) -> list[str]:
        """Every way in which sink and ledger contradict the promise."""
        return contradicting(self.bench.people, self.taken(), self.ledger(), most_doubts)

    # --- the end --------------------------------------------------------------------------------------------------

    def settle(self) -> int:
        """Settle the doubts: what the sink has by what it would report, or a person who looked; the rest is sent again.

        How many there were. Workers go on meanwhile. Afterwards everybody has it once.
        """
        held = {who for who, state in self.ledger().people.items() if state is DeliveryState.DOUBTFUL}
        if not held:
            return 0
        got = [each for each in self.reader.read() if each.address in held]
        if got and self.cell.provider == "sendgrid":
            file = self.bench.folder / "events.json"
            file.write_text(json.dumps([report(each) for each in got]))
            self.tell("events", "import", str(file))
        for each in got if self.cell.provider == "smtp" else ():
            self.resolve("sent", "--email", each.address)
        if len(held) > len(got):
            self.resolve("resend", "--now")
        return len(held)

    def resolve(self, word: str, *more: str) -> None:
        """A person's word, which a late answer may have made needless."""
        done = self.hosts[0].run("doubts", "resolve", ISSUE, "--as", word, *more, "--yes")
        assert done.wait() == 0 or "in doubt" in done.err.read_text(), done.err.read_text()


def report(mail: sinks.Taken) -> dict[str, object]:
    """What SendGrid would say of a mail that it took."""
    return {
        "event": "processed", "timestamp": int(mail.at), "email": mail.address, "mailer_delivery": mail.reference,
        "sg_event_id": mail.reference,
    }  # fmt: skip


@contextmanager
def gathered(
    cell: Hosts,
    folder: Path,
    fork: Fork,
    waits: Iterable[float] = (),
    server: postgres.Server | None = None,
) -> Iterator[Cluster]:
    """Hosts that are bound to one database, with people, an issue that is not frozen yet, and a sink; at rest."""
    log = folder / "sink.log"
    with (
        sinks.running(cell.provider, log, cell.seed, tuple(waits) or WAITS[cell.provider]) as port,
        joined(cell, folder, fork, port, log, server=server) as cluster,
    ):
        yield cluster


@contextmanager
def joined(
    cell: Hosts,
    folder: Path,
    fork: Fork,
    port: int,
    log: Path,
    *,
    server: postgres.Server | None = None,
    networks: Iterable[str] = (),
) -> Iterator[Cluster]:
    """The same over a sink of the caller's. `networks`: the network namespaces of the hosts."""
    reader = sinks.Reader(log)
    first = folder / "host-0"
    first.mkdir()
    with over(cell, first, fork, port, reader.addresses, server) as bench:
        store = open_store(bench.url)
        places = [*networks, *[""] * cell.workers][: cell.workers]
        cluster = Cluster(
            cell, bench, [host(bench, number, place) for number, place in enumerate(places)], store, reader
        )
        try:
            yield cluster
        finally:
            for each in cluster.hosts:
                if each.sender is not None:
                    each.kill()
            store.close()


def host(bench: Bench, number: int, network: str = "") -> Host:
    """A host beside those that are there: the folder copied, as a person would, and bound."""
    name, folder = f"host-{number}", bench.folder.parent / f"host-{number}"
    if number:
        shutil.copytree(bench.folder, folder, ignore=shutil.ignore_patterns("mailer.db*", "outbox"))
    environ = {**bench.environ, "MAILER_IDENTITY": name}
    with open_mailer(Workspace(folder), environ) as mailer:
        bind(mailer, keep=True)
    return Host(name, folder, environ, bench.fork, network)


# --- the kill matrix ------------------------------------------------------------------------------------------------


@dataclass
class Found:
    """What came of a cell."""

    cell: Hosts
    kills: int
    doubts: int
    taken: int
    twice: int
    lost: int
    seconds: float
    faults: list[str]
    takeovers: list[float] = field(default_factory=list)
    """For each kill that left something: seconds until none of it was the dead worker's any more."""

    @property
    def allowed(self) -> int:
        return self.cell.in_flight * self.kills


def run_cell(cell: Hosts, folder: Path, fork: Fork) -> Found:
    """Kill workers by a seed and start them again, let them come to the end, compare, settle, compare again."""
    begun = time.monotonic()
    with gathered(cell, folder, fork) as cluster:
        cluster.schedule()
        cluster.start()
        kills = kill_by_seed(cluster)
        return ended(cluster, kills, begun)


def kill_by_seed(cluster: Cluster) -> int:
    """One worker after the other, each once the sink has so many mails and a little later; started again at once."""
    cell, chance = cluster.cell, random.Random(cluster.cell.seed)
    goals = sorted(chance.sample(range(1, int(cell.people * 0.7)), cell.kills - 1))
    kills = 0
    for goal in [0, *goals]:
        if goal == 0:
            time.sleep(chance.uniform(0.02, 0.6))
        else:
            cluster.until_taken(goal)
            time.sleep(chance.uniform(0, 0.05))
        victim = chance.choice(cluster.hosts)
        kills += victim.kill()
        victim.start()
    return kills


def ended(cluster: Cluster, kills: int, begun: float, takeovers: Iterable[float] = ()) -> Found:
    """Wait for the end of the issue, settle what is in doubt, and say what came of it."""
    cell = cluster.cell
    cluster.until_sent(60 + cell.people / 50)
    faults = cluster.faults(cell.in_flight * kills)
    doubts = cluster.settle()
    if doubts:
        cluster.until_sent()
    cluster.stop()
    faults += [f"after the doubts were settled: {fault}" for fault in cluster.faults(0)]
    taken = cluster.taken()
    twice = sum(count > 1 for count in taken.values())
    lost = len(set(cluster.bench.people) - taken.keys())
    if not kills:
        faults.append("nobody was killed")
    seconds = time.monotonic() - begun
    return Found(cell, kills, doubts, taken.total(), twice, lost, seconds, faults, list(takeovers))


def ended_workers(cluster: Cluster) -> list[str]:
    """The hosts whose worker has ended by itself."""
    return [each.name for each in cluster.hosts if each.sender is not None and not each.runs]


def kill_for_good(cluster: Cluster, victims: Iterable[Host], seconds: float = 60) -> list[float]:
    """Hosts that never return: for each that had something in hand, how long until others had seen to it."""
    times: list[float] = []
    dead: list[tuple[Host, float]] = []
    for victim in victims:
        assert victim.kill()
        dead.append((victim, time.monotonic()))
    left = [(victim, at) for victim, at in dead if cluster.held(victim)]
    end = time.monotonic() + seconds
    while left:
        assert time.monotonic() < end, f"nobody took over: {cluster.state()}"
        time.sleep(0.02)
        free = [(victim, at) for victim, at in left if not cluster.held(victim)]
        times += [time.monotonic() - at for _, at in free]
        left = [each for each in left if each not in free]
    return times


def freeze(cluster: Cluster) -> Host:
    """SIGSTOP to one that has calls on their way; who it is.

    Between two transactions: who is frozen inside of one keeps what it locked, which is another matter.
    """
    for _ in range(500):
        for victim in cluster.hosts:
            if not cluster.held(victim, BatchState.SUBMITTING):
                continue
            victim.signal(signal.SIGSTOP)
            time.sleep(0.03)
            if cluster.held(victim, BatchState.SUBMITTING) and not locks_left(cluster.store):
                return victim
            victim.signal(signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError(f"it was always in a transaction, or had nothing on its way: {cluster.state()}")


def locks_left(store: Store) -> bool:
    """Whether somebody holds a transaction open and does nothing in it."""
    if store.is_file:
        import sqlite3

        with sqlite3.connect(str(store.engine.url.database), timeout=1, isolation_level=None) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return True
            return False
    idle = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND xact_start IS NOT NULL AND clock_timestamp() - state_change > interval '25 milliseconds'"
    )
    with store.engine.connect() as connection:
        return bool(connection.execute(sa.text(idle)).scalar_one())


def cpu_seconds(pid: int) -> float:
    """Processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
