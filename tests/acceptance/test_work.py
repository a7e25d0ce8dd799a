"""`mailer work` as a process of its own: scheduled, stopped, killed, without its database for a while."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests import postgres
from tests.acceptance.commands import command, environment, run, told
from tests.acceptance.test_killed_send import addressees, campaign, files
from tests.cli.campaign import ISSUE

PEOPLE = 600


@contextmanager
def working(folder: Path, *words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(*(words or ("work", "--json"))), cwd=folder, env=environment() | variables,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(stream: IO[str] | None, what: str) -> dict[str, str]:
    """The next line of that kind; what comes before is passed over."""
    assert stream is not None
    for line in stream:
        found: dict[str, str] = json.loads(line)
        if found["what"] == what:
            return found
    raise AssertionError(f"it ended without {what}")


def wait_until(ready: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.01)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_it_sends_what_is_scheduled_while_it_waits(tmp_path: Path) -> None:
    people = campaign(tmp_path, 20, batch_size=10, lease=30)
    with working(tmp_path) as process:
        run(tmp_path, "send", ISSUE, "--at", "+3s")
        assert heard(process.stdout, "begun")["detail"] == "20 recipients"
        assert heard(process.stdout, "finished")["detail"] == "20 accepted, 0 twice, 0 in doubt"
        code, err = end(process)
    assert code == 0
    assert "example.org" not in err
    assert addressees(tmp_path) == Counter(people)


def test_asked_to_stop_it_finishes_what_is_in_flight_and_the_next_goes_on(tmp_path: Path) -> None:
    people = campaign(tmp_path, PEOPLE, batch_size=5, lease=30)
    run(tmp_path, "send", ISSUE, "--at", "now", "--yes")
    with working(tmp_path) as process:
        wait_until(lambda: len(files(tmp_path)) >= 20)
        code, err = end(process)
    assert code == 0
    assert "stopping after what is in flight" in err
    before = len(files(tmp_path))
    assert before < PEOPLE
    deliveries = told(tmp_path, "status", ISSUE)["deliveries"]
    assert deliveries == {"accepted": before, "pending": PEOPLE - before}, "nothing is claimed or in doubt"
    assert "finished" in run(tmp_path, "send", "--due")
    assert addressees(tmp_path) == Counter(people)


def test_killed_again_and_again_it_sends_each_mail_once(tmp_path: Path) -> None:
    people = campaign(tmp_path, PEOPLE, batch_size=10, lease=1)
    run(tmp_path, "send", ISSUE, "--at", "now", "--yes")
    for number in (0, 80, 200):
        with working(tmp_path) as process:
            wait_until(lambda number=number: len(files(tmp_path)) >= number)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert set(addressees(tmp_path).values()) <= {1}
    with working(tmp_path) as process:
        assert f"{PEOPLE:,} accepted, 0 twice, 0 in doubt" in heard(process.stdout, "finished")["detail"]
        assert end(process)[0] == 0
    assert addressees(tmp_path) == Counter(people)


def test_runs_of_a_crontab_that_overlap_share_nothing_and_lose_nothing(tmp_path: Path) -> None:
    people = campaign(tmp_path, PEOPLE, batch_size=20, lease=30)
    run(tmp_path, "send", ISSUE, "--at", "now", "--yes")
    with working(tmp_path, "send", "--due") as one, working(tmp_path, "send", "--due") as two:
        answers = [process.communicate(timeout=120) for process in (one, two)]
        assert [one.returncode, two.returncode] == [0, 0], answers
    assert sorted(out.count("\n") for out, _ in answers) in ([0, 2], [2, 0]), answers
    assert addressees(tmp_path) == Counter(people)


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """One that may be stopped."""
    started = postgres.start()
    yield started
    started.stop()


def test_it_outlives_its_database(tmp_path: Path, server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.create()
    with monkeypatch.context() as patch:
        # The people are put where the worker looks for them.
        patch.setattr("tests.acceptance.commands.environment", lambda: environment() | {"DATABASE_URL": url})
        patch.setenv("DATABASE_URL", url)
        people = campaign(tmp_path, PEOPLE, batch_size=5, lease=2)
        run(tmp_path, "send", ISSUE, "--at", "now", "--yes")
        with working(tmp_path, DATABASE_URL=url) as process:
            wait_until(lambda: len(files(tmp_path)) >= 20)
            server.process.send_signal(signal.SIGINT)  # its fast shutdown
            server.process.wait(30)
            away = heard(process.stdout, "database")["detail"]
            # Who asks in the moment between the signal and the end is told that it shuts down.
            assert re.search(r"the server (cannot be reached|is shutting down).*; trying again in 1 s$", away)
            server.process = postgres.launch(server.bin, server.folder, ())
            finished = heard(process.stdout, "finished")
            assert finished["detail"] == f"{PEOPLE:,} accepted, 0 twice, 0 in doubt"
            assert end(process)[0] == 0
    assert addressees(tmp_path) == Counter(people)
