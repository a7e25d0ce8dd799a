"""The server's clock, and that no host's own clock has a say in it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.app import Mailer, open_mailer, utc_now
from mailer.errors import StoreError
from mailer.store import serverclock
from mailer.store.serverclock import DRIFT, MEASURE_SECONDS, ServerClock
from mailer.workspace import Workspace
from tests import migrated, postgres

CLOSE = timedelta(seconds=0.5)  # this machine may be busy; apart are hours


class Host:
    """A host whose counting clock began at some time of its own, and goes on by itself and by `wait`."""

    def __init__(self, began: float) -> None:
        self._offset = began - time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() + self._offset

    def wait(self, seconds: float) -> None:
        self._offset += seconds


@pytest.fixture(scope="module")
def url(server: postgres.Server) -> Iterator[str]:
    """A file has no clock: here, every database is on the server."""
    made = server.create(migrated.name())
    yield made
    server.drop(made)


@pytest.fixture
def clock_at(url: str) -> Iterator[Callable[[Callable[[], float]], ServerClock]]:
    made: list[ServerClock] = []

    def make(elapsed: Callable[[], float]) -> ServerClock:
        made.append(ServerClock(url, elapsed))
        return made[-1]

    yield make
    for clock in made:
        clock.close()


def program(tmp_path: Path, url: str, now: Callable[[], datetime] | None = None, settings: str = "") -> Mailer:
    workspace = Workspace(tmp_path)
    workspace.settings_file.write_text(settings, encoding="utf-8")
    return open_mailer(workspace, {"DATABASE_URL": url}, now)


def near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < CLOSE


def test_hosts_whose_clocks_are_hours_apart_agree(
    clock_at: Callable[[Callable[[], float]], ServerClock],
) -> None:
    one, other = clock_at(Host(10.0)), clock_at(Host(90_000.0))
    assert near(one(), other())
    assert near(one(), datetime.now(UTC)), "the server of this test is on this machine"
    assert one().tzinfo is UTC


def test_what_passes_on_the_host_passes_on_the_clock(
    clock_at: Callable[[Callable[[], float]], ServerClock],
) -> None:
    host = Host(0.0)
    clock = clock_at(host)
    first = clock()
    host.wait(5)
    assert near(clock(), first + timedelta(seconds=5)), "it is counted, not asked, until it is time to"


def test_after_ten_seconds_the_server_is_asked_again(
    clock_at: Callable[[Callable[[], float]], ServerClock],
) -> None:
    host = Host(0.0)
    clock = clock_at(host)
    first = clock()
    host.wait(MEASURE_SECONDS * 1000)  # its oscillator is very wrong
    assert near(clock(), first)


def test_a_clock_that_is_set_in_the_middle_changes_nothing(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program(tmp_path, url) as opened:
        first = opened.now()
        monkeypatch.setattr("time.time", lambda: 4e9)
        monkeypatch.setattr("mailer.app.utc_now", lambda: first + timedelta(days=1))
        assert near(opened.now(), first)


def test_while_the_server_is_away_the_last_measurement_holds() -> None:
    server = postgres.start()
    host = Host(0.0)
    clock = ServerClock(server.url("postgres"), host)
    try:
        first = clock()
        server.process.kill()
        server.process.wait()
        host.wait(MEASURE_SECONDS + 1)
        assert near(clock(), first + timedelta(seconds=MEASURE_SECONDS + 1))
        server.process = postgres.launch(server.bin, server.folder, ())
        host.wait(MEASURE_SECONDS + 1)
        assert near(clock(), datetime.now(UTC)), "asked again as soon as it is back"
    finally:
        clock.close()
        server.stop()


def test_without_any_measurement_there_is_no_time() -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        clock = ServerClock(f"postgresql://user:secret@127.0.0.1:{port}/news")
        with pytest.raises(StoreError, match="news: the server cannot be reached") as caught:
            clock()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_slow_answer_does_not_replace_a_better_measurement(
    clock_at: Callable[[Callable[[], float]], ServerClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(0.0)
    clock = clock_at(host)
    first = clock()
    monkeypatch.setattr(serverclock, "NOW", sa.text("SELECT clock_timestamp() FROM pg_sleep(0.3)"))
    host.wait(MEASURE_SECONDS)
    clock()
    assert clock._anchor is not None
    assert clock._anchor.error < 0.15
    host.wait(0.15 / DRIFT)  # now what was counted may be wrong by more
    second = clock()
    assert clock._anchor.error >= 0.15
    assert near(second, first) or second - first < timedelta(seconds=1.5)


def test_who_holds_every_connection_of_the_store_may_ask(tmp_path: Path, url: str) -> None:
    opened = program(tmp_path, url, settings="[database]\npool = 2\n")
    with opened, opened.store.read(), opened.store.read():
        assert near(opened.now(), datetime.now(UTC))


def test_many_threads_make_one_connection(clock_at: Callable[[Callable[[], float]], ServerClock]) -> None:
    clock = clock_at(Host(0.0))
    times: list[datetime] = []
    threads = [threading.Thread(target=lambda: times.append(clock())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(near(each, times[0]) for each in times)
    assert clock._engine is not None
    assert clock._engine.pool.status().startswith("Pool size: 1  Connections in pool: 1")


def test_a_file_is_dated_by_this_machine(tmp_path: Path) -> None:
    with program(tmp_path, f"sqlite:///{tmp_path}/mailer.db") as opened:
        assert opened.now is utc_now


def test_a_clock_that_was_passed_in_is_the_clock(tmp_path: Path, url: str) -> None:
    with program(tmp_path, url, lambda: datetime(2001, 1, 1, tzinfo=UTC)) as opened:
        assert opened.now().year == 2001


def test_opening_the_program_asks_no_server(tmp_path: Path) -> None:
    """Nobody is at that address, and nothing of it is wanted yet."""
    with program(tmp_path, "postgresql://user@127.0.0.1:1/news"):
        pass


def test_it_counts_while_the_machine_sleeps_where_there_is_such_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", time.CLOCK_REALTIME, raising=False)
    assert abs(serverclock.elapsed() - time.time()) < 1
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert abs(serverclock.elapsed() - time.monotonic()) < 1


def test_help_knows_nothing_of_servers() -> None:
    code = "import mailer.cli, sys; sys.exit('sqlalchemy' in sys.modules or 'mailer.engine' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
