"""Workers seen from outside: their beats, who is there, and what waits; and the heart that beats."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from mailer.model import IssueKind, JobKind, JobState, Outcome
from mailer.services import beating
from mailer.services.beating import Counters, Heart, Speed
from mailer.services.hosts import WorkerState, seen
from mailer.services.program import Program
from mailer.store import backlog, issues, tables, workers
from mailer.store.database import Store, open_store
from mailer.store.workers import Beat, WorkerRow
from mailer.workspace.signing import SecretKey
from tests.store.world import MINUTE, NOW, SERVERS_ONLY, World

SECOND = timedelta(seconds=1)
BEAT = Beat("one-7-aa", "one", 7, "local", "0.1.0", 4, 2, ("rivers",), 10, 10_000, 6, 6_000, False)


def say(world: World, beat: Beat = BEAT, at: datetime = NOW) -> None:
    with world.store.write() as connection:
        workers.beat(connection, beat, at)


def end(world: World, name: str, at: datetime) -> None:
    with world.store.write() as connection:
        workers.end(connection, name, at)


def listed(store: Store, since: datetime = NOW - timedelta(days=1)) -> list[WorkerRow]:
    with store.read() as connection:
        return workers.listed(connection, since)


def speed(world: World, at: datetime) -> int:
    with world.store.read() as connection:
        return workers.batches_a_minute(connection, at)


# --- beats ------------------------------------------------------------------------------------------------------------


def test_a_worker_is_as_it_was_last_heard_of(world: World) -> None:
    say(world)
    say(world, replace(BEAT, busy=0, issues=(), batches=11, stopping=True), NOW + 2 * SECOND)
    (row,) = listed(world.store)
    assert (row.started_at, row.seen_at, row.ended_at) == (NOW, NOW + 2 * SECOND, None)
    assert (row.busy, row.issues, row.batches, row.mails, row.stopping) == (0, (), 11, 10_000, True)


def test_who_went_in_good_order_says_so_and_has_nothing_in_hand(world: World) -> None:
    say(world)
    end(world, BEAT.name, NOW + SECOND)
    (row,) = listed(world.store)
    assert (row.ended_at, row.busy, row.issues, row.mails_a_minute, row.mails) == (NOW + SECOND, 0, (), 0, 10_000)


def test_only_those_who_are_there_count_for_the_speed(world: World) -> None:
    say(world)
    say(world, replace(BEAT, name="two", batches_a_minute=4), NOW + 8 * SECOND)
    say(world, replace(BEAT, name="ended", batches_a_minute=100))
    end(world, "ended", NOW + SECOND)
    assert [speed(world, NOW + seconds * SECOND) for seconds in (8, 10, 11, 19)] == [10, 10, 4, 0]
    assert speed(world, NOW - MINUTE) == 0, "the clock was set back, and nobody has spoken since"


def test_listed_by_host_and_the_old_are_forgotten(world: World) -> None:
    for name, host, at in (("c", "two", 0), ("b", "one", 3), ("a", "one", 2), ("old", "one", -60)):
        say(world, replace(BEAT, name=name, host=host), NOW + at * MINUTE)
    assert [row.name for row in listed(world.store, NOW)] == ["a", "b", "c"]
    with world.store.write() as connection:
        assert workers.forget_old(connection, NOW) == 1
    assert [row.name for row in listed(world.store)] == ["a", "b", "c"]


# --- states -----------------------------------------------------------------------------------------------------------


def row(seconds: float, *, started: float = -100, host: str = "one", **values: Any) -> WorkerRow:
    at = {"started_at": NOW + started * SECOND, "seen_at": NOW + seconds * SECOND, "ended_at": None}
    named = {name: getattr(BEAT, name) for name in BEAT.__dataclass_fields__}
    return WorkerRow(**{**named, **at, "host": host, **values})


@pytest.mark.parametrize(
    ("worker", "state"),
    [
        (row(-1), WorkerState.WORKING),
        (row(-10), WorkerState.WORKING),
        (row(-1, busy=0), WorkerState.IDLE),
        (row(-1, stopping=True), WorkerState.STOPPING),
        (row(-11), WorkerState.STALLED),
        (row(-11, stopping=True), WorkerState.STALLED),
        (row(3600), WorkerState.STALLED),
        (row(-1, ended_at=NOW), WorkerState.GONE),
    ],
)
def test_what_the_last_words_of_a_worker_say(worker: WorkerRow, state: WorkerState) -> None:
    (found,) = seen([worker], NOW)
    assert found.state is state
    assert found.alive == (found.mails_a_minute > 0)


def test_one_that_was_started_again_takes_the_place_of_one_silent_one() -> None:
    silent = [row(-90), row(-80)]
    assert [each.state.value for each in seen([*silent, row(-1, started=-70)], NOW)] == ["gone", "stalled", "working"]
    elsewhere = row(-1, started=-70, host="two")
    assert [each.state.value for each in seen([*silent, elsewhere], NOW)] == ["stalled", "stalled", "working"]
    earlier = row(-1, started=-95)
    assert [each.state.value for each in seen([silent[0], earlier], NOW)] == ["stalled", "working"]


def test_one_that_is_gone_is_shown_for_ten_minutes_and_a_stalled_one_for_longer() -> None:
    rows = [row(-599, ended_at=NOW), row(-601, ended_at=NOW), row(-5000, started=-6000, host="two")]
    assert [each.state.value for each in seen(rows, NOW)] == ["gone", "stalled"]


# --- what waits -------------------------------------------------------------------------------------------------------


def test_what_waits_is_what_could_be_done_now(world: World) -> None:
    world.add("weekly", *"abcdef")
    world.freeze("weekly", batch_size=2, kind=IssueKind.ALERT)
    with world.store.read() as connection:
        (found,) = backlog.sending(connection, world.now)
    assert (found.name, found.kind, found.due, found.since, found.in_hand) == ("issue", IssueKind.ALERT, 3, NOW, 0)
    world.later(1)
    world.claimed(lease=60)
    world.submit(Outcome.ACCEPTED, owner="two")
    with world.store.read() as connection:
        (found,) = backlog.sending(connection, world.now)
        assert (found.due, found.since, found.in_hand) == (1, NOW, 1)
        (found,) = backlog.sending(connection, world.now + 2 * MINUTE)
        assert (found.due, found.in_hand) == (2, 0), "its lease has run out"


def test_a_paused_issue_waits_for_a_person_and_not_for_a_worker(world: World) -> None:
    world.add("weekly", "a")
    world.freeze("weekly")
    with world.store.write() as connection:
        issues.pause(connection, "issue", "too many refusals", world.later())
    with world.store.read() as connection:
        assert backlog.sending(connection, world.now) == []
        (found,) = backlog.paused(connection)
    assert (found.name, found.reason, found.since) == ("issue", "too many refusals", world.now)


def test_jobs_that_are_due_and_those_that_failed(world: World) -> None:
    kept: dict[str, Any] = {"kind": JobKind.SYNC, "arguments": {}, "attempts": 0, "detail": "", "created_at": NOW}
    states = [
        (JobState.WAITING, NOW - MINUTE, None),
        (JobState.WAITING, NOW + MINUTE, None),
        (JobState.RUNNING, NOW - 2 * MINUTE, NOW),
        (JobState.RUNNING, NOW, NOW + MINUTE),
        (JobState.FAILED, NOW, None),
        (JobState.DONE, NOW, None),
    ]
    with world.store.write() as connection:
        for state, due_at, lease in states:
            values = {"state": state, "due_at": due_at, "lease_until": lease, "updated_at": NOW}
            connection.execute(sa.insert(tables.jobs).values({**kept, **values}))
    with world.store.read() as connection:
        assert backlog.of_jobs(connection, NOW) == backlog.JobBacklog(2, NOW - 2 * MINUTE, 1, NOW)


# --- the heart --------------------------------------------------------------------------------------------------------


def program(store: Store, now: Callable[[], datetime] = lambda: NOW) -> Program:
    settings = SimpleNamespace(work=SimpleNamespace(engine="local"), provider=SimpleNamespace(name="smtp"))
    told = {"environ": {"MAILER_SECRET_KEY": "k" * 64}, "workspace": SimpleNamespace(key_file=Path("nowhere"))}
    return cast(Program, SimpleNamespace(store=store, settings=settings, now=now, **told))


def wait_for(store: Store, ready: Callable[[list[WorkerRow]], bool]) -> list[WorkerRow]:
    until = time.monotonic() + 20
    while not ready(rows := listed(store)):
        assert time.monotonic() < until, rows
        time.sleep(0.005)
    return rows


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "BEAT_SECONDS", 0.02)


@pytest.mark.usefixtures("fast")
def test_the_heart_tells_what_the_worker_does_until_it_stops(world: World) -> None:
    say(world, replace(BEAT, name="of-yesterday"), NOW - timedelta(hours=25))
    counted = Counters(busy=1, issues=("rivers",))
    heart = Heart(program(world.store), "one-7-bb", 3, lambda: counted)
    heart.start()
    (found,) = wait_for(world.store, lambda rows: [row.name for row in rows] == ["one-7-bb"])
    assert (found.threads, found.busy, found.issues, found.engine) == (3, 1, ("rivers",), "local")
    assert (found.provider, found.key) == ("smtp", SecretKey(b"k" * 64).fingerprint)
    counted = Counters(batches=2, mails=2_000, stopping=True)
    (found,) = wait_for(world.store, lambda rows: rows[0].stopping)
    assert (found.batches, found.mails, found.batches_a_minute, found.mails_a_minute) == (2, 2_000, 12, 12_000)
    heart.stop()
    (found,) = listed(world.store)
    assert found.ended_at == NOW
    with world.store.read() as connection:
        names = connection.execute(sa.select(tables.workers.c.name)).scalars().all()
    assert names == ["one-7-bb"], "those of yesterday are cleared away"


@pytest.mark.usefixtures("fast")
def test_it_beats_while_the_threads_write(world: World) -> None:
    """One writer at a time in SQLite: a heart that waits for its turn, and a worker that never rests."""
    over, lock = threading.Event(), threading.Lock()

    def write() -> None:
        while not over.is_set():
            with lock, world.store.write() as connection:
                workers.beat(connection, replace(BEAT, name="busy"), NOW)

    writers = [threading.Thread(target=write) for _ in range(3)]
    ticks = iter(range(1_000_000))
    heart = Heart(program(world.store, lambda: NOW + next(ticks) * SECOND), "heart", 1, Counters)
    for thread in writers:
        thread.start()
    try:
        heart.start()
        for since in (0, 1, 2):
            wait_for(world.store, lambda rows, since=since: any(row.seen_at > NOW + since * SECOND for row in rows))  # type: ignore[misc]
    finally:
        over.set()
        for thread in writers:
            thread.join()
        heart.stop()


@pytest.mark.usefixtures("fast")
@SERVERS_ONLY
def test_a_database_that_is_away_is_waited_for(world: World, url: str, request: pytest.FixtureRequest) -> None:
    ticks = iter(range(1_000_000))
    heart = Heart(program(world.store, lambda: NOW + next(ticks) * SECOND), "heart", 1, Counters)
    heart.start()
    (before,) = wait_for(world.store, lambda rows: len(rows) == 1)
    request.getfixturevalue("server").cut(url)
    other = open_store(url)
    try:
        wait_for(other, lambda rows: rows[0].seen_at > before.seen_at + 3 * SECOND)
    finally:
        other.close()
        heart.stop()


def test_a_heart_that_cannot_say_goodbye_does_not_keep_the_process(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beating, "END_SECONDS", 0.05)
    asked = threading.Event()
    never = threading.Event()

    def hang() -> Counters:
        asked.set()
        never.wait()
        return Counters()

    heart = Heart(program(cast(Store, None)), "heart", 1, hang)
    heart.start()
    asked.wait()
    begun = time.monotonic()
    heart.stop()
    assert time.monotonic() - begun < 5
    assert heart._thread.is_alive()


@pytest.mark.parametrize(
    ("samples", "batches_a_minute"),
    [
        ([(0, 0)], 0),
        ([(0, 0), (2, 4)], 24),  # at least ten seconds: four batches in two seconds are no speed yet
        ([(0, 0), (20, 20)], 60),
        ([(0, 0), (100, 0), (120, 40)], 120),  # since it began, not since it was started
        ([(0, 0), (30, 30), (60, 60), (90, 60)], 30),
        ([(0, 0), (30, 30), (60, 30), (91, 30)], 0),
        ([(at, at * 3) for at in range(0, 200, 2)], 180),
    ],
)
def test_how_fast_it_goes(samples: list[tuple[float, int]], batches_a_minute: int) -> None:
    speed = Speed()
    told = [speed.a_minute(batches, batches * 1000, at) for at, batches in samples]
    assert told[-1] == (batches_a_minute, batches_a_minute * 1000)
