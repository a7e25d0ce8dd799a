"""`mailer status`, `--watch`, `issues list` and `issues show`: how issues stand, for people and for programs."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.cli import watching
from mailer.cli.watching import line, picture
from mailer.model import BatchState, DeliveryState, IssueState
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.watching import Look
from mailer.store import issues as stored_issues
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, Piece, add_articles, add_people, crowd, write_issue

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def issue(mailer: Any) -> Any:
    """An issue with two articles for three members, one of whom cannot be mailed."""
    add_people(mailer, "members", *crowd(3))
    keys = add_articles(mailer, Piece("Nets & gloves"), Piece("The weir"))
    write_issue(mailer, articles=[{"key": key} for key in keys.values()])
    mailer.done("subscribers", "unsubscribe", "reader0002@example.org", "--list", "members")
    return mailer


def freeze(mailer: Any) -> None:
    with open_mailer(Workspace(mailer.root), {}) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])


def pause(mailer: Any, reason: str) -> None:
    with open_mailer(Workspace(mailer.root), {}) as program, program.store.write() as connection:
        stored_issues.pause(connection, ISSUE, reason, program.now())


def test_a_paused_issue_says_why_and_since_when(issue: Any) -> None:
    freeze(issue)
    pause(issue, "every tenth mail came back")
    told = issue.done("status", ISSUE, "--json").json
    assert told["figures"]["reason"] == "every tenth mail came back"
    assert [(each["what"], each["detail"]) for each in told["changes"]] == [
        ("frozen", ""),
        ("paused", "every tenth mail came back"),
    ]
    assert (told["deliveries"], told["batches"], told["left_out"]) == (
        {"pending": 2},
        {"pending": 1},
        {"unsubscribed": 1},
    )
    shown = issue.done("status", ISSUE).out
    assert re.search(r"^state +paused: every tenth mail came back$", shown, re.MULTILINE)
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d +paused +every tenth mail came back$", shown, re.MULTILINE)


def test_everything_about_an_issue(issue: Any) -> None:
    issue.done("send", ISSUE)
    told = issue.done("issues", "show", ISSUE, "--json").json
    assert list(told["articles"].values()) == ["Nets & gloves", "The weir"]
    assert told["status"]["figures"]["accepted"] == 2
    assert told["refused_by"] == {}
    shown = issue.done("issues", "show", ISSUE).out
    for words in ("Nets & gloves", "2 accepted", "1 unsubscribed", "frozen", "sent"):
        assert words in shown
    assert 'unknown issue "later"' in issue("issues", "show", "later").err


def test_drafts_and_what_was_sent(issue: Any) -> None:
    write_issue(issue, name="2026-12-01-next", kind="alert", subject="Flood")
    issue.write("issues/broken.md", "---\nnonsense: [\n---\n")
    issue.done("send", ISSUE)

    def found(*words: str) -> list[tuple[str, str, str | None]]:
        rows = issue.done("issues", "list", *words, "--json").json
        return [(row["name"], row["state"], row["kind"]) for row in rows]

    drafts = [("broken", "draft", None), ("2026-12-01-next", "draft", "alert")]
    assert found() == [*drafts, (ISSUE, "sent", "bulletin")]
    assert found("--state", "draft") == drafts
    assert found("--state", "sent") == [(ISSUE, "sent", "bulletin")]
    assert found("--kind", "alert") == drafts[1:]
    assert found("--limit", "1") == drafts[:1]
    run = issue.done("issues", "list", "--limit", "2")
    assert ISSUE not in run.out
    assert "... and 1 older one: mailer issues list --limit 3" in run.err
    shown = issue.done("issues", "list").out
    assert re.search(rf"^{ISSUE} +sent +\S+ +2 +2 +1 +Rivers$", shown, re.MULTILINE)
    assert "LEFT OUT" in shown
    assert "REFUSED" not in shown, "there is nothing in that column"
    assert issue.done("status").out == shown


def test_a_state_that_is_none(issue: Any) -> None:
    run = issue("issues", "list", "--state", "snet")
    assert run.code == 2
    assert 'unknown state "snet": did you mean "sent"?' in run.err


# --- watching -------------------------------------------------------------------------------------------------------


def look(state: IssueState = IssueState.SENDING, **values: Any) -> Look:
    counts = dict.fromkeys(DeliveryState, 0)
    counts |= {DeliveryState(name): number for name, number in values.pop("mails", {"accepted": 30}).items()}
    batches = {BatchState(name): number for name, number in values.pop("batches", {"accepted": 1}).items()}
    given = {"reason": "", "rate": 0.0, "at_work": 0, "due_at": None, **values}
    return Look(ISSUE, NOW, state, deliveries=counts, batches=dict.fromkeys(BatchState, 0) | batches, **given)


def test_the_picture_of_a_send() -> None:
    assert picture(look(mails={"accepted": 24, "doubtful": 1, "pending": 75}, rate=2.5, batches={"pending": 3})) == [
        f"{ISSUE} is sending",
        "[##########..............................]  25%  25 of 100",
        "2 a second, 75 left, 30 s to go",
        "mails:    75 pending, 24 accepted, 1 in doubt",
        "batches:  3 pending",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mails": {"pending": 5}}, f"5 left; nobody is sending it: mailer send {ISSUE}"),
        ({"mails": {"pending": 5}, "at_work": 1}, "5 left; under way"),
        ({"mails": {"pending": 5}, "due_at": NOW + timedelta(hours=1)}, "5 left; waits until 2026-11-22 10:00:00 UTC"),
        ({"mails": {"pending": 5}, "state": IssueState.PAUSED}, f"5 left; go on: mailer resume {ISSUE}"),
        ({"mails": {"accepted": 5}, "state": IssueState.SENT}, "nothing is left to send"),
        ({"mails": {"pending": 5}, "rate": 0.05}, "3.0 a minute, 5 left, 1 min 40 s to go"),
    ],
)
def test_why_nothing_moves(given: dict[str, Any], words: str) -> None:
    assert picture(look(**given))[2] == words
    assert line(look(**given)).endswith(words)


def test_a_cancelled_issue_is_over_when_nothing_is_on_its_way() -> None:
    assert not look(IssueState.CANCELLED, batches={"submitting": 1}).over
    assert look(IssueState.CANCELLED).over
    assert not look(IssueState.PAUSED).over


def test_watching_what_is_sent_ends_at_once(issue: Any) -> None:
    issue.done("send", ISSUE)
    run = issue.done("status", ISSUE, "--watch")
    assert re.fullmatch(rf"\d\d:\d\d:\d\d UTC {ISSUE} is sent: 2 accepted; nothing is left to send\n", run.out)
    told = json.loads(issue.done("status", ISSUE, "--watch", "--json").out)
    assert (told["state"], told["done"], told["left"], told["seconds_left"]) == ("sent", 2, 0, None)


def test_watching_needs_an_issue(issue: Any) -> None:
    run = issue("status", "--watch")
    assert run.code == 2
    assert "mailer status ISSUE --watch" in run.err
    assert "was not sent yet" in issue("status", ISSUE, "--watch").err


def test_a_log_hears_of_it_from_time_to_time(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sends it while it is watched."""
    freeze(issue)

    def meanwhile(seconds: float, stop: Any) -> bool:
        assert seconds == watching.TELL_SECONDS
        with open_mailer(Workspace(issue.root), {}) as program:
            from mailer.services.sending.sender import send_frozen

            send_frozen(program, ISSUE)
        return True

    monkeypatch.setattr(watching, "pause", meanwhile)
    first, second = issue.done("status", ISSUE, "--watch").out.splitlines()
    assert f"2 pending; 2 left; nobody is sending it: mailer send {ISSUE}" in first
    assert "is sent: 2 accepted; nothing is left to send" in second


def test_a_terminal_is_drawn_anew_until_ctrl_c(issue: Any) -> None:
    freeze(issue)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mailer", "--workspace", str(issue.root), "status", ISSUE, "--watch"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    with closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        text = read_until(terminal, b"\x1b[5A")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert text.count(b"is sending") >= 1
    assert b"[........................................]   0%  0 of 2" in text


def read_until(terminal: Any, mark: bytes) -> bytes:
    text, end = b"", time.monotonic() + 60
    while mark not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            text += terminal.read(4096)
    assert mark in text, text
    return text
