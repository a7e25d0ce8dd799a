"""`mailer jobs`, and `--queue`: work that is left to whichever worker comes first."""

from __future__ import annotations

import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from mailer.app import open_mailer, utc_now
from mailer.model import JobKind, JobState
from mailer.services import jobs
from mailer.store import jobs as stored
from mailer.store import workers
from mailer.store.workers import Beat
from mailer.workspace import Workspace
from tests.cli.conftest import Program

PEOPLE = "email,city\nada@example.org,Oslo\nben@example.org,Bergen\nnobody,Nowhere\n"
EVENTS = [{"event": "delivered", "timestamp": 1795000000, "email": "ada@example.org", "sg_event_id": "x"}]


def carry(program: Program) -> list[str | None]:
    """As a worker does it."""
    with open_mailer(Workspace(program.root), os.environ) as mailer:
        with mailer.store.read() as connection:
            due = stored.due(connection, mailer.now(), 100)
        return [jobs.carry(mailer, number, "a worker", lambda: False) for number in due]


def left(program: Program, *more: str, text: str = PEOPLE) -> None:
    program.write("people.csv", text)
    file = str(program.root / "people.csv")
    program.done("subscribers", "import", file, "--list", "members", "--queue", *more)


def beats(mailer: Program) -> None:
    with open_mailer(Workspace(mailer.root), os.environ) as program, program.store.write() as connection:
        beat = Beat("here-1-x", "here", 1, "local", "1", 1, 0, (), 0, 0, 0, 0, False)
        workers.beat(connection, beat, program.now())


def test_there_are_no_jobs(mailer: Program) -> None:
    assert mailer.done("jobs", "list").out == "no jobs: an import or a file of events becomes one with --queue\n"
    assert mailer.done("jobs", "list", "--json").json == []
    run = mailer("jobs", "show", "7")
    assert (run.code, "there is no job 7" in run.err) == (1, True)
    run = mailer("jobs", "list", "--state", "odd")
    assert (run.code, "waiting, running, done, failed" in run.err) == (2, True)


def test_an_import_is_left_and_followed(mailer: Program, tmp_path: Path) -> None:
    mailer.write("people.csv", PEOPLE)
    file = str(mailer.root / "people.csv")
    run = mailer.done("subscribers", "import", file, "--list", "members", "--tag", "fair", "--queue")
    assert run.out == "job 1 waits for a worker: mailer jobs show 1\n"
    assert run.err == "no worker is at work: mailer work\n"
    (job,) = mailer.done("jobs", "list", "--json").json
    assert (job["kind"], job["what"], job["state"]) == ("import", "people.csv onto members", "waiting")
    assert "no worker is at work" in mailer.done("jobs", "show", "1").err
    (mailer.root / "people.csv").unlink()
    mailer.done("work", "--once")
    assert mailer.done("jobs", "list", "--state", "waiting", "--json").json == []
    shown = mailer.done("jobs", "show", "1", "--refused", str(tmp_path / "to correct")).out
    assert "2 new" in shown
    assert "1 row refused: mailer jobs show 1 --refused FOLDER writes them out" in shown
    refused = tmp_path / "to correct" / "people.csv.rejected.csv"
    assert "nobody" in refused.read_text()
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    assert mailer("jobs", "show", "1", "--refused", str(tmp_path / "to correct")).code == 1, "nothing is overwritten"
    assert mailer.done("subscribers", "list", "--list", "members", "--json").out.count("example.org") == 2
    assert not list(mailer.root.glob("*.rejected*"))


def test_nobody_is_told_to_start_a_worker_where_one_is(mailer: Program) -> None:
    beats(mailer)
    mailer.write("posts.json", json.dumps(EVENTS))
    run = mailer.done("events", "import", str(mailer.root / "posts.json"), "--queue", "--json")
    assert (run.json, run.err) == ({"job": 1}, "")
    assert mailer.done("jobs", "list").err == ""
    assert carry(mailer) == [
        "job 1, events: 1 event read, 0 new; 1 about mails that were not sent from this database"
    ]  # fmt: skip
    run = mailer.done("jobs", "list")
    assert "sendgrid" in run.out
    assert "1 event read" in run.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--map", "Nonesuch=email"), "Nonesuch"),
        (("--consent-text",), "no consent text"),
        (("--sheet", "2"), "only a workbook has sheets"),
        (("--list", "nonesuch"), "nonesuch"),
    ],
)
def test_what_can_be_found_wrong_at_once_is(mailer: Program, words: tuple[str, ...], said: str) -> None:
    file = str(mailer.write("people.csv", PEOPLE))
    run = mailer("subscribers", "import", file, "--list", "members", *words, "--queue")
    assert (run.code in (1, 2), said in run.err) == (True, True), run.err
    assert mailer.done("jobs", "list", "--json").json == []


def test_a_dry_run_is_done_at_once(mailer: Program) -> None:
    left(mailer, "--tag", "fair", text=PEOPLE.replace("nobody,Nowhere\n", ""))
    run = mailer("subscribers", "import", str(mailer.root / "people.csv"), "--list", "members", "--queue", "-h")
    assert "--queue" in run.out
    file = str(mailer.root / "people.csv")
    assert "2 new" in mailer.done("subscribers", "import", file, "--list", "members", "--queue", "--dry-run").out
    assert len(mailer.done("jobs", "list", "--json").json) == 1


def test_a_failed_job_is_tried_again_or_dropped(mailer: Program) -> None:
    left(mailer)
    left(mailer)
    (mailer.root / "subscribers/members.toml").rename(mailer.root / "away.toml")
    assert all("failed: " in str(said) for said in carry(mailer))
    shown = mailer.done("jobs", "show", "1", "--json").json
    assert (shown["state"], shown["attempts"]) == ("failed", 1)
    assert "members" in shown["detail"]
    (mailer.root / "away.toml").rename(mailer.root / "subscribers/members.toml")
    assert mailer.done("jobs", "retry", "1").out == "job 1 waits for a worker: mailer jobs show 1\n"
    carry(mailer)
    assert mailer.done("jobs", "show", "1", "--json").json["state"] == "done"
    run = mailer("jobs", "retry", "1")
    assert (run.code, "job 1 is done; there is nothing to try again" in run.err) == (1, True)
    said = "deleted: job 2, import of people.csv onto members, which is failed\n"
    assert mailer.done("jobs", "drop", "2", "--dry-run").out == f"would be {said}"
    assert mailer.done("jobs", "drop", "2").out == said
    assert [job["id"] for job in mailer.done("jobs", "list", "--json").json] == [1]


def test_a_job_in_hand_is_not_dropped(mailer: Program) -> None:
    left(mailer)
    with open_mailer(Workspace(mailer.root), os.environ) as program, program.store.write() as connection:
        assert stored.claim(connection, 1, "another.token", 60, program.now()) is not None
    for words in (("drop", "1"), ("drop", "1", "--dry-run"), ("retry", "1")):
        run = mailer("jobs", *words)
        assert (run.code, "has" in run.err) == (1, True)
    assert mailer.done("jobs", "show", "1", "--json").json["worker"] == "another"


def test_who_is_forgotten_is_told_of_files_that_wait(mailer: Program) -> None:
    mailer.done("subscribers", "add", "ada@example.org", "--list", "members")
    told = mailer.done("subscribers", "forget", "ada@example.org", "--dry-run").out
    assert "jobs" not in told
    left(mailer)
    told = mailer.done("subscribers", "forget", "ada@example.org", "--yes").out
    assert "out of reach: the files of jobs and their refused rows (mailer jobs drop deletes one): 1" in told
    assert "1 kept out" in str(carry(mailer))
    assert "ada" not in mailer.done("subscribers", "list", "--list", "members", "--json").out


def test_a_job_by_the_clock_is_listed_by_its_period(mailer: Program) -> None:
    with open_mailer(Workspace(mailer.root), os.environ) as program, program.store.write() as connection:
        stored.add(connection, JobKind.SYNC, {}, utc_now() + timedelta(hours=1), key="sync 2026-11-23T10:00Z")
    (job,) = mailer.done("jobs", "list", "--state", JobState.WAITING.value, "--json").json
    assert job["what"] == "2026-11-23T10:00Z"
