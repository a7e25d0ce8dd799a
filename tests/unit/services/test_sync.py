"""What becomes of each source, over a real store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailer.articles.source import SourceSpec
from mailer.errors import FetchError
from mailer.fetch import FetchPolicy
from mailer.model import SourceState
from mailer.services import sources
from mailer.services import sync as module
from mailer.services.concurrency import concurrently
from mailer.services.sources import Reading, Source
from mailer.services.sync import Status, sync
from mailer.store import sources as stored
from mailer.store.database import Store, open_store
from mailer.store.migrate import upgrade
from mailer.workspace import Workspace

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/mailer.db")
    upgrade(opened)
    yield opened
    opened.close()


def listing(root: Path, name: str) -> Source:
    """A source of one article in a file of its name."""
    (root / f"{name}.txt").write_text(f"Title of {name}\n\nIts text.\n")
    return Source("listing", SourceSpec(name), Workspace(root), FetchPolicy(), f"{name}.txt")


def test_a_fault_of_the_program_is_raised_after_the_others_are_saved(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(source: Source, state: SourceState, now: datetime) -> Reading:
        if source.name == "b":
            raise ZeroDivisionError("a fault in a parser")
        return sources.read(source, state, now)

    monkeypatch.setattr(module, "read", broken)
    outcomes = []
    with pytest.raises(ZeroDivisionError):
        for outcome in sync(store, [listing(tmp_path, name) for name in "abc"], NOW):
            outcomes.append((outcome.source, outcome.status, outcome.new))  # noqa: PERF401 - what came before counts
    assert sorted(outcomes) == [("a", Status.READ, 1), ("c", Status.READ, 1)]


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [(None, None), (60.0, timedelta(minutes=1)), (10.0**9, timedelta(days=1))],
)
def test_a_failure_keeps_the_validators_and_the_pause(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    retry_after: float | None,
    pause: timedelta | None,
) -> None:
    def refused(source: Source, state: SourceState, now: datetime) -> Reading:
        raise FetchError("it answers 429", status=429, retry_after=retry_after)

    before = SourceState(etag='"a"', last_modified="x", fetched_at=NOW)
    with store.write() as connection:
        stored.save_state(connection, "a", before, None)
    monkeypatch.setattr(module, "read", refused)
    (outcome,) = sync(store, [listing(tmp_path, "a")], NOW)
    assert (outcome.status, outcome.detail) == (Status.FAILED, "it answers 429")
    with store.read() as connection:
        assert stored.state(connection, "a") == replace(before, not_before=NOW + pause if pause else None)
        assert stored.errors(connection) == {"a": "it answers 429"}


def test_a_good_answer_clears_the_error(store: Store, tmp_path: Path) -> None:
    with store.write() as connection:
        stored.save_state(connection, "a", SourceState(), "it was down")
    list(sync(store, [listing(tmp_path, "a")], NOW))
    with store.read() as connection:
        assert stored.errors(connection) == {}


@pytest.mark.parametrize(
    ("state", "asked", "status"),
    [
        (SourceState(gone=True), False, Status.GONE),
        (SourceState(gone=True), True, Status.READ),
        (SourceState(not_before=NOW + timedelta(seconds=1)), False, Status.WAITING),
        (SourceState(not_before=NOW + timedelta(seconds=1)), True, Status.WAITING),
        (SourceState(not_before=NOW), False, Status.READ),
    ],
)
def test_when_a_source_is_left_alone(
    store: Store, tmp_path: Path, state: SourceState, asked: bool, status: Status
) -> None:
    with store.write() as connection:
        stored.save_state(connection, "a", state, None)
    (outcome,) = sync(store, [listing(tmp_path, "a")], NOW, asked=asked)
    assert outcome.status is status
    assert bool(outcome.detail) is (status is not Status.READ)


def test_tasks_run_at_the_same_time_and_each_answers_once() -> None:
    meeting = threading.Barrier(3, timeout=20)

    def meet(number: int) -> int:
        meeting.wait()
        if number == 1:
            raise ValueError("one fails")
        return number * 10

    answers = dict(concurrently([lambda n=n: meet(n) for n in range(3)], 3))  # type: ignore[misc]
    assert (answers[0], answers[2]) == (0, 20)
    assert isinstance(answers[1], ValueError)


def test_no_more_threads_than_allowed() -> None:
    names = {name for _, name in concurrently([lambda: threading.current_thread().name] * 20, 1)}
    assert len(names) == 1
    assert list(concurrently([], 4)) == []
