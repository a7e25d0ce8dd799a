"""Real processes and threads on one database: each batch has one owner, and a kill loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.model import DeliveryState, IssueState, Outcome
from mailer.store import issues, ledger
from mailer.store.database import Store
from mailer.store.tables import deliveries
from tests.store.world import SERVERS_ONLY, World, receipts

PEOPLE = 72

# A sender that writes down whom it handed over, before it records that: what a provider would know.
SENDER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from mailer.model import Outcome, Receipt
from mailer.store import ledger
from mailer.store.database import open_store

url, owner, sink, pause = sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])
store = open_store(url, busy_timeout=30)
print("ready", flush=True)
sys.stdin.readline()
first = True
while True:
    with store.write() as connection:
        batch = ledger.claim(connection, "issue", ledger.ClaimTerms(owner, 3600), datetime.now(UTC))
    if batch is None:
        break
    if first:
        print("claimed", flush=True)
        sys.stdin.readline()
        first = False
    with store.write() as connection:
        if not ledger.begin(connection, batch.id, owner, datetime.now(UTC)):
            continue
    with sink.open("a") as file:
        for recipient in batch.recipients:
            file.write(f"{recipient.delivery_id}\\n")
    time.sleep(pause)
    receipts = [Receipt(recipient.delivery_id, Outcome.ACCEPTED) for recipient in batch.recipients]
    with store.write() as connection:
        ledger.record(connection, batch.id, owner, receipts, datetime.now(UTC))
"""


def start(url: str, owner: str, sink: Path, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SENDER, url, owner, str(sink), str(pause)]
    sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sender.stdout is not None
    assert sender.stdout.readline() == "ready\n"
    return sender


def go(sender: subprocess.Popen[str]) -> None:
    """Lets it claim a batch, and waits until it has."""
    assert sender.stdin is not None
    assert sender.stdout is not None
    sender.stdin.write("\n")
    sender.stdin.flush()
    assert sender.stdout.readline() == "claimed\n"


def go_on(sender: subprocess.Popen[str]) -> None:
    """Lets it send the batch it has, and all the others that it gets."""
    assert sender.stdin is not None
    sender.stdin.write("\n")
    sender.stdin.flush()


def end(sender: subprocess.Popen[str]) -> int:
    sender.communicate(timeout=60)
    return sender.returncode


def prepared(world: World, size: int = 3) -> World:
    world.now = datetime.now(UTC)
    world.add("weekly", *(f"p{number}" for number in range(PEOPLE)))
    world.freeze("weekly", batch_size=size)
    return world


def handed_over(*sinks: Path) -> Counter[int]:
    return Counter(int(line) for sink in sinks if sink.exists() for line in sink.read_text().split())


def test_two_processes_share_the_batches(world: World, url: str, tmp_path: Path) -> None:
    prepared(world)
    sinks = [tmp_path / "one", tmp_path / "two"]
    senders = [start(url, sink.name, sink, 0.002) for sink in sinks]
    # Each has a batch before any of them goes on: a slow start of one would leave everything to the other.
    for step in (go, go_on):
        for sender in senders:
            step(sender)
    assert [end(sender) for sender in senders] == [0, 0]
    assert all(handed_over(sink) for sink in sinks), "each of them sent what it had claimed"
    assert handed_over(*sinks) == Counter(all_deliveries(world.store))
    assert world.figures().deliveries[DeliveryState.ACCEPTED] == PEOPLE
    assert world.finish()


def test_killed_processes_leave_doubts_and_nothing_else(world: World, url: str, tmp_path: Path) -> None:
    prepared(world)
    sinks = []
    for kill in range(3):
        sink = tmp_path / f"sink{kill}"
        sinks.append(sink)
        sender = start(url, f"sender{kill}", sink, 0.01)
        go(sender)
        go_on(sender)
        while len(handed_over(sink)) < 7 + 5 * kill:
            time.sleep(0.002)
        sender.send_signal(signal.SIGKILL)
        end(sender)
    world.now = datetime.now(UTC)
    world.later(120)
    swept = world.sweep()
    assert swept.doubtful + swept.returned <= 3, "no more than one batch for each kill"
    taken = handed_over(*sinks)
    while (batch := world.claim("last")) is not None:
        assert world.begin(batch, "last")
        taken.update(one.delivery_id for one in batch.recipients)
        world.record(batch, receipts(batch, Outcome.ACCEPTED), "last")
    assert max(taken.values()) == 1, "nobody twice"
    figures = world.figures().deliveries
    assert figures[DeliveryState.ACCEPTED] + figures[DeliveryState.DOUBTFUL] == PEOPLE, "nobody lost"
    accepted = set(all_deliveries(world.store, DeliveryState.ACCEPTED))
    assert accepted <= set(taken)
    assert set(taken) - accepted <= set(all_deliveries(world.store, DeliveryState.DOUBTFUL))
    assert world.finish()


def test_threads_of_one_process(world: World) -> None:
    prepared(world)
    taken: list[int] = []
    faults: list[BaseException] = []

    def send(owner: str) -> None:
        try:
            while (batch := claim(world.store, owner)) is not None:
                with world.store.write() as connection:
                    assert ledger.begin(connection, batch.id, owner, world.now)
                taken.extend(one.delivery_id for one in batch.recipients)
                answers = receipts(batch, Outcome.ACCEPTED)
                with world.store.write() as connection:
                    assert ledger.record(connection, batch.id, owner, answers, world.now) == len(answers)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=send, args=(f"thread{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(taken) == sorted(all_deliveries(world.store))
    assert world.finish()


@pytest.mark.parametrize("state", [IssueState.PAUSED, IssueState.CANCELLED])
def test_nothing_begins_once_a_pause_or_a_cancellation_is_done(world: World, state: IssueState) -> None:
    # More than the threads can begin before this one has its turn, however slow the machine is.
    people = 1000
    world.add("weekly", *(f"p{number}" for number in range(people)))
    world.freeze("weekly", batch_size=1)
    begun: list[float] = []
    faults: list[BaseException] = []
    halted = threading.Event()

    def send(owner: str) -> None:
        try:
            while not halted.is_set() and (batch := world.claim(owner)) is not None:
                # Before it asks, not after: a thread may be kept waiting at any point after the commit.
                asked = time.monotonic()
                if world.begin(batch, owner):
                    begun.append(asked)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=send, args=(f"thread{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    while len(begun) < 4:
        time.sleep(0.001)
    with world.store.write() as connection:
        if state is IssueState.PAUSED:
            issues.pause(connection, "issue", "", world.now)
        else:
            ledger.cancel(connection, "issue", world.now)
    done = time.monotonic()
    time.sleep(0.05)
    halted.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert max(begun) < done
    assert not world.claim("late")
    assert len(begun) == world.figures().deliveries[DeliveryState.SUBMITTING] < people


@SERVERS_ONLY
def test_who_pauses_waits_for_what_is_just_beginning(world: World) -> None:
    """Else a batch could begin by a look at the issue from before the pause, and be committed after it."""
    prepared(world)
    batch = world.claimed()
    paused = threading.Event()

    def pause() -> None:
        with world.store.write() as connection:
            issues.pause(connection, "issue", "", world.now)
        paused.set()

    thread = threading.Thread(target=pause)
    with world.store.write() as connection:
        assert ledger.begin(connection, batch.id, "one", world.now)
        thread.start()
        assert not paused.wait(0.3), "not while something begins"
    thread.join()
    assert paused.is_set()
    assert world.claim("two") is None


def claim(store: Store, owner: str) -> ledger.ClaimedBatch | None:
    with store.write() as connection:
        return ledger.claim(connection, "issue", ledger.ClaimTerms(owner, 3600), datetime.now(UTC))


def all_deliveries(store: Store, state: DeliveryState | None = None) -> list[int]:
    query = sa.select(deliveries.c.id)
    with store.read() as connection:
        return list(connection.execute(query if state is None else query.where(deliveries.c.state == state)).scalars())
