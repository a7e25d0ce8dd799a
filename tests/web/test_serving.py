"""Jobs that are done beside the requests: at once, by one of several, and laid down when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from mailer.errors import StoreError
from mailer.model import JobKind, JobState
from mailer.services import serving
from mailer.services.binding import bind
from mailer.services.jobs import carrying
from mailer.services.jobs.errand import STOPPED, Errand, Result
from mailer.services.serving import Background
from mailer.store import jobs
from tests.web.house import House


class Kind:
    """Stands in for the module of a kind of job. `begun` has the numbers, in order."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.free = Event()
        self.free.set()

    def work(self, errand: Errand) -> Result:
        self.begun.append(errand.job.id)
        while not self.free.wait(0.01):
            if errand.stop():
                return STOPPED
        return Result("done", vanish=errand.job.key is None)


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> dict[JobKind, Kind]:
    """Every kind of job does nothing but be counted."""
    made = {kind: Kind() for kind in JobKind}
    monkeypatch.setattr(carrying, "KINDS", {kind: kind for kind in JobKind})
    monkeypatch.setattr(carrying, "import_module", lambda kind: made[kind])
    return made


@pytest.fixture
def said() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def background(
    house: House, kinds: dict[JobKind, Kind], said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Background]:
    """Looks by itself once an hour, so that what is seen is seen because it was woken."""
    monkeypatch.setattr(serving, "LOOK_SECONDS", 3600)
    with Background(house.program, lambda what, detail: said.append((what, detail))) as found:
        yield found


def leave(house: House, kind: JobKind, number: int = 1) -> list[int]:
    with house.program.store.write() as connection:
        return [jobs.add(connection, kind, {}, house.moment) or 0 for _ in range(number)]


def states(house: House) -> dict[JobState, int]:
    with house.program.store.read() as connection:
        return {state: number for state, number in jobs.counts(connection).items() if state is not JobState.DONE}


def until(ready: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_woken_it_does_what_was_left_and_nothing_else(
    house: House, background: Background, kinds: dict[JobKind, Kind]
) -> None:
    leave(house, JobKind.IMPORT)
    forms, posts = leave(house, JobKind.SIGNUP, 3), leave(house, JobKind.EVENTS, 3)
    background.wake()
    until(lambda: sum(states(house).values()) == 1)
    assert (sorted(kinds[JobKind.SIGNUP].begun), sorted(kinds[JobKind.EVENTS].begun)) == (forms, posts)
    assert kinds[JobKind.IMPORT].begun == [], "what takes long is left to workers"


def test_a_provider_that_cannot_be_used_is_told_at_the_start(
    house: House, kinds: dict[JobKind, Kind], said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = house.program.settings.provider.model_copy(update={"name": "sendgrid"})
    house.program.settings = house.program.settings.model_copy(update={"provider": provider})
    with Background(house.program, lambda what, detail: said.append((what, detail))):
        until(lambda: [detail for what, detail in said if what == "waits" and "sendgrid needs an API key" in detail])


def test_what_is_due_by_the_clock_is_done_once_a_period(
    house: House, background: Background, kinds: dict[JobKind, Kind]
) -> None:
    pruning = kinds[JobKind.PRUNE].begun
    until(lambda: len(pruning) == 1)
    house.later(days=1)
    background.wake()
    until(lambda: len(pruning) == 2)
    for _ in range(3):
        background.wake()
    leave(house, JobKind.SYNC)
    background.wake()
    until(lambda: kinds[JobKind.SYNC].begun)
    assert len(pruning) == 2


def test_a_form_does_not_wait_for_reports(house: House, background: Background, kinds: dict[JobKind, Kind]) -> None:
    kinds[JobKind.EVENTS].free.clear()
    leave(house, JobKind.EVENTS, 40)
    background.wake()
    until(lambda: kinds[JobKind.EVENTS].begun)
    leave(house, JobKind.SIGNUP)
    background.wake()
    until(lambda: kinds[JobKind.SIGNUP].begun)


def test_of_two_each_job_is_done_by_one(house: House, background: Background, kinds: dict[JobKind, Kind]) -> None:
    left = leave(house, JobKind.EVENTS, 30)
    with Background(house.program, lambda what, detail: None) as other:
        background.wake()
        other.wake()
        until(lambda: not states(house))
    assert sorted(kinds[JobKind.EVENTS].begun) == left


def test_what_is_in_hand_is_laid_down_when_it_ends(house: House, kinds: dict[JobKind, Kind]) -> None:
    kinds[JobKind.EVENTS].free.clear()
    leave(house, JobKind.EVENTS, 2)
    with Background(house.program, lambda what, detail: None):
        until(lambda: kinds[JobKind.EVENTS].begun and kinds[JobKind.PRUNE].begun)
    assert states(house) == {JobState.WAITING: 2}, "others may begin them at once"


def test_what_another_process_left_is_seen_within_the_look(
    house: House, kinds: dict[JobKind, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "LOOK_SECONDS", 0.05)
    with Background(house.program, lambda what, detail: None):
        leave(house, JobKind.SIGNUP)
        until(lambda: kinds[JobKind.SIGNUP].begun)


def test_where_the_database_is_not_at_home_forms_are_left_to_workers(
    house: House, kinds: dict[JobKind, Kind], said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bind(house.program)
    house.program.environ = {**house.program.environ, "MAILER_IDENTITY": "another machine"}
    monkeypatch.setattr(serving, "LOOK_SECONDS", 0.02)
    with Background(house.program, lambda what, detail: said.append((what, detail))):
        leave(house, JobKind.SIGNUP)
        leave(house, JobKind.EVENTS)
        until(lambda: kinds[JobKind.EVENTS].begun and said)
        assert kinds[JobKind.SIGNUP].begun == []
        house.program.environ = {}
        until(lambda: kinds[JobKind.SIGNUP].begun)
    waits = [detail for what, detail in said if what == "waits"]
    assert len(waits) == 1 and waits[0].startswith("sign-ups are left to workers of another place")


def test_a_database_that_goes_and_comes_is_said_once_each(
    house: House, kinds: dict[JobKind, Kind], said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(serving, "AWAY_SECONDS", (0.02,))
    real, failures = jobs.due, [StoreError("away\nwith a row"), ValueError("zoe@example.org"), StoreError("away")]

    def due(*words: Any) -> list[int]:
        if failures:
            raise failures.pop()
        return real(*words)

    monkeypatch.setattr(jobs, "due", due)
    with Background(house.program, lambda what, detail: said.append((what, detail))):
        leave(house, JobKind.EVENTS)
        until(lambda: kinds[JobKind.EVENTS].begun)
    assert "zoe" not in str(said) and "row" not in str(said)
    assert {what for what, _ in said} >= {"database", "fault", "job"}
    assert ("database", "it answers again") in said
