"""`mailer work --status`: what people see of the workers of all hosts, at a desk and on a phone."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.cli import watching
from mailer.cli.hosts import picture
from mailer.model import IssueKind
from mailer.services.hosts import Attention, Hosts, Oldest, Waiting, Worker, WorkerState
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.store import issues, workers
from mailer.store.backlog import IssueBacklog, JobBacklog, PausedIssue
from mailer.store.workers import Beat
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, crowd, write_issue

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NOTHING = Waiting((), (), JobBacklog(0, None, 0, None), None, 0, ())
BEAT = Beat("one-7-aa", "one", 7, "local", "0.1.0", 4, 0, (), 0, 0, 0, 0, False)


def program(mailer: Any) -> Any:
    return open_mailer(Workspace(mailer.root), {})


def beat(mailer: Any, beat: Beat = BEAT, ago: float = 0) -> None:
    with program(mailer) as opened, opened.store.write() as connection:
        workers.beat(connection, beat, opened.now() - ago * SECOND)


def freeze(mailer: Any) -> None:
    add_people(mailer, "members", *crowd(3))
    write_issue(mailer)
    with program(mailer) as opened:
        freeze_issue(opened, plan_send(opened, ISSUE)[0])


# --- the command ------------------------------------------------------------------------------------------------------


def test_nobody_is_there_and_nothing_waits(mailer: Any) -> None:
    done = mailer.done("work", "--status")
    assert (done.out, done.err) == ("no worker is there, and nothing waits for one\n", "")
    told = mailer.done("work", "--status", "--json").json
    assert (told["hosts"], told["workers"], told["attention"]) == (0, [], [])


def test_work_that_waits_for_nobody_is_told_and_ends_with_3(mailer: Any) -> None:
    freeze(mailer)
    done = mailer("work", "--status")
    assert done.code == 3
    lines = done.out.splitlines()
    assert lines[:2] == ["no worker is there", f"waits: 1 batch of {ISSUE}"]
    assert lines[2].startswith(f"oldest: a batch of {ISSUE}, for ")
    assert done.err.splitlines() == ["attention: work waits and no worker is there", "hint: start one: mailer work"]
    told = mailer("work", "--status", "--json")
    assert (told.code, told.json["waiting"]["issues"][0]["due"]) == (3, 1)
    beat(mailer)
    assert mailer.done("work", "--status").out.startswith("1 worker on 1 host: nothing is sent now\n")


def test_a_send_that_has_just_begun_is_not_called_nothing(mailer: Any) -> None:
    beat(mailer, replace(BEAT, busy=2, issues=(ISSUE,)))
    assert mailer.done("work", "--status").out.startswith("1 worker on 1 host: nothing is handed over yet\n")


def test_who_schedules_is_told_whether_a_worker_is_there(mailer: Any) -> None:
    add_people(mailer, "members", *crowd(3))
    write_issue(mailer)
    assert "mailer work, or mailer send --due" in mailer.done("send", ISSUE, "--at", "+2h").err
    beat(mailer)
    assert "a worker is at work and sends it then" in mailer.done("send", ISSUE, "--at", "+2h").err


def test_workers_that_would_send_differently_are_pointed_out(mailer: Any) -> None:
    alike = replace(BEAT, provider="smtp", key="0123456789ab")
    beat(mailer, alike)
    beat(mailer, replace(alike, name="two-8-bb", host="two"))
    beat(mailer, replace(alike, name="old-9-cc", host="old", provider="outbox", key="ba9876543210"), ago=3)
    with program(mailer) as opened, opened.store.write() as connection:
        workers.end(connection, "old-9-cc", opened.now())
    assert mailer.done("work", "--status").err == "", "one that is gone counts no more"
    beat(mailer, replace(alike, name="new-9-dd", host="new", provider="outbox", key="ba9876543210"))
    done = mailer("work", "--status")
    assert done.code == 3
    assert "see to: workers send through different providers: outbox, smtp\n" in done.out
    assert "see to: workers sign links with different keys: 0123456789ab, ba9876543210\n" in done.out
    assert "the same mailer.toml" in done.err


def test_a_worker_that_fell_silent_is_pointed_out(mailer: Any) -> None:
    beat(mailer)
    beat(mailer, Beat("two-8-bb", "two", 8, "local", "0.1.0", 4, 2, (ISSUE,), 5, 5_000, 5, 5_000, False), ago=180)
    done = mailer("work", "--status")
    assert done.code == 3
    assert "two (process 8) has been silent for 3 min" in done.err
    told = mailer("work", "--status", "--json").json
    assert [(each["host"], each["state"], each["mails_a_minute"]) for each in told["workers"]] == [
        ("one", "idle", 0),
        ("two", "stalled", 0),
    ]
    assert told["mails_a_minute"] == 0


def test_what_waits_for_a_person(mailer: Any) -> None:
    freeze(mailer)
    beat(mailer)
    with program(mailer) as opened, opened.store.write() as connection:
        issues.pause(connection, ISSUE, "too many refusals", opened.now())
    done = mailer("work", "--status")
    assert done.code == 3
    assert f"see to: {ISSUE} is paused: too many refusals\n" in done.out
    assert f"mailer resume {ISSUE}" in done.err


def test_here_is_this_host_alone_for_a_health_check(mailer: Any) -> None:
    freeze(mailer)
    beat(mailer, ago=60)
    assert f"no worker is there on {platform.node()}" in mailer("work", "--status", "--here").err
    mine = Beat("x", platform.node(), 1, "local", "0.1.0", 1, 0, (), 0, 0, 0, 0, False)
    beat(mailer, mine)
    told = mailer.done("work", "--status", "--here", "--json").json
    assert [each["host"] for each in told["workers"]] == [platform.node()]


@pytest.mark.parametrize("as_json", [False, True])
def test_watching_tells_it_again_and_again(mailer: Any, monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    """Where no terminal is: a line each time, and what a person should see to."""
    freeze(mailer)
    naps: list[float] = []

    def pause(seconds: float, stop: Any) -> bool:
        naps.append(seconds)
        beat(mailer)
        return len(naps) < 2

    monkeypatch.setattr(watching, "pause", pause)
    done = mailer.done("work", "--status", "--watch", *(["--json"] if as_json else []))
    assert naps == [watching.TELL_SECONDS] * 2
    lines = done.out.splitlines()
    if as_json:
        assert [len(json.loads(line)["workers"]) for line in lines] == [0, 1]
        return
    assert [re.sub(r"^[\d:]{8} UTC ", "", line) for line in lines] == [
        "no worker is there",
        "see to: work waits and no worker is there",
        "1 worker on 1 host: nothing is sent now",
    ]


# --- the picture ------------------------------------------------------------------------------------------------------


def worker(host: str, state: WorkerState = WorkerState.WORKING, *, version: str = "0.1.0", sends: str = "") -> Worker:
    alive = state is not WorkerState.STALLED
    names = (sends,) if sends else ()
    since = NOW - (7260 if alive else 185) * SECOND
    fast = (58, 58_000) if sends else (0, 0)
    return Worker(
        host, 31_245, state, since, "procrastinate", version, 4, 4 if sends else 0, names, 900, 900_000, *fast
    )


def hosts(*found: Worker, waiting: Waiting = NOTHING, attention: Sequence[str] = ()) -> Hosts:
    alive = [each for each in found if each.alive]
    return Hosts(
        at=NOW,
        hosts=len({each.host for each in alive}),
        workers=found,
        batches_a_minute=sum(each.batches_a_minute for each in alive),
        mails_a_minute=sum(each.mails_a_minute for each in alive),
        versions=tuple(sorted({each.version for each in alive})),
        engines=tuple(sorted({each.engine for each in alive})),
        waiting=waiting,
        attention=tuple(Attention(text, "look") for text in attention),
    )


LONG = "2026-11-22-the-rivers-of-the-north-and-of-the-south"
BUSY = hosts(
    worker("sender-1.mail.example.org", sends=LONG),
    worker("sender-2.mail.example.org", WorkerState.STALLED),
    worker("sender-3.mail.example.org", WorkerState.IDLE, version="0.2.0"),
    waiting=Waiting(
        (IssueBacklog(LONG, IssueKind.BULLETIN, 9_884, NOW - 250 * SECOND, 4),),
        ("2026-11-22-alert",),
        JobBacklog(2, NOW, 1, NOW),
        Oldest(f"a batch of {LONG}", NOW - 250 * SECOND),
        12,
        (PausedIssue("old", "", NOW),),
    ),
    attention=["sender-2 has been silent for 3 min", "12 mails in doubt"],
)


def test_on_a_phone_a_worker_is_two_lines_and_none_is_wider_than_the_screen() -> None:
    lines = picture(BUSY, 60)
    assert lines[:2] == ["2 workers on 2 hosts: 58 batches, 58,000 mails a minute", "versions at once: 0.1.0, 0.2.0"]
    assert lines[3:6] == [
        "sender-1.mail.example.org 31245: working, 2 h 01 min",
        "  58,000 mails a minute, 4 of 4 threads busy",
        f"  {LONG}",
    ]
    assert lines[6] == "sender-2.mail.example.org 31245: stalled, 3 min 05 s"
    assert max(map(len, lines[:-5])) <= 60


def test_at_a_desk_a_worker_is_a_row() -> None:
    lines = picture(BUSY, 100)
    assert lines[3].split() == [
        "HOST",
        "PROCESS",
        "STATE",
        "FOR",
        "BUSY",
        "BATCHES/MIN",
        "MAILS/MIN",
        "VERSION",
        "ISSUES",
    ]
    assert max(map(len, lines[3:7])) <= 100
    whole = picture(BUSY, None)
    assert whole[4].split()[-1] == LONG
    assert "2 h 01 min" in whole[4]


@pytest.mark.parametrize("width", [60, 120, None])
def test_what_waits_stands_below(width: int | None) -> None:
    assert picture(BUSY, width)[-6:] == [
        "waits: 2026-11-22-alert is to begin",
        f"waits: 9,884 batches of {LONG}",
        "waits: 2 jobs",
        f"oldest: a batch of {LONG}, for 4 min 10 s",
        "see to: sender-2 has been silent for 3 min",
        "see to: 12 mails in doubt",
    ]


def test_nothing_odd_is_said_of_workers_that_are_alike() -> None:
    lines = picture(hosts(worker("one"), worker("two")), 60)
    assert not [line for line in lines if "at once" in line]
    assert lines[0] == "2 workers on 2 hosts: nothing is sent now"
    assert lines[-1].endswith("busy"), "no empty line where nothing follows"
