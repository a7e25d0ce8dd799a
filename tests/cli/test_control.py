"""`mailer pause`, `resume` and `cancel`: what they mean in numbers, and that nothing leaves after them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.errors import ConflictError
from mailer.model import IssueKind, IssueState
from mailer.services import control
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.sender import send_frozen
from mailer.store import issues as stored_issues
from mailer.store import ledger, scheduling
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, crowd, ledger_rows, mails, write_issue

SETTINGS = "\n[provider]\nname = 'outbox'\nbatch_size = 2\n"


@pytest.fixture
def issue(mailer: Any) -> Any:
    """An issue for five people, frozen in three batches; nothing has left."""
    mailer.add_settings(SETTINGS)
    add_people(mailer, "members", *crowd(5))
    write_issue(mailer)
    with open_mailer(Workspace(mailer.root), {}) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])
    return mailer


@pytest.fixture
def call_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, and not for as long as a provider may take."""
    monkeypatch.setattr("mailer.services.control.CALL_SECONDS", 0.2)


def claimed(mailer: Any, *, begin: bool = False) -> None:
    """A sender somewhere takes a batch, and hands it over."""
    with open_mailer(Workspace(mailer.root), {}) as program, program.store.write() as connection:
        batch = ledger.claim(connection, ISSUE, ledger.ClaimTerms("somebody", 60), program.now())
        assert batch is not None
        if begin:
            assert ledger.begin(connection, batch.id, "somebody", program.now())


def state(mailer: Any, name: str = ISSUE) -> IssueState:
    with open_mailer(Workspace(mailer.root), {}) as program, program.store.read() as connection:
        return stored_issues.state_of(connection, name)


@pytest.mark.usefixtures("call_that_never_ends")
def test_a_pause_says_what_it_means(issue: Any) -> None:
    claimed(issue, begin=True)
    run = issue.done("pause", ISSUE, "--reason", "the date was wrong")
    assert run.out.splitlines() == [
        f"{ISSUE} is paused: 0 mails handed over already, 3 mails kept back, 2 mails in flight, which end as they end",
        "because: the date was wrong",
        f"go on: mailer resume {ISSUE}; never: mailer cancel {ISSUE}",
    ]
    assert state(issue) is IssueState.PAUSED


def test_nothing_begins_after_a_pause(issue: Any) -> None:
    claimed(issue)
    issue.done("pause", ISSUE)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        terms = ledger.ClaimTerms("other", 60)
        assert ledger.claim(connection, ISSUE, terms, program.now()) is None
        assert not ledger.begin(connection, 1, "somebody", program.now()), "claimed before, not begun before"
    run = issue("send", ISSUE, "--yes")
    assert run.code == 3
    assert f"mailer resume {ISSUE}" in run.err
    assert mails(issue) == []


def test_a_second_pause_says_so_and_keeps_the_first_reason(issue: Any) -> None:
    issue.done("pause", ISSUE, "--reason", "first")
    run = issue.done("pause", ISSUE, "--reason", "second")
    assert f"{ISSUE} was paused already: 0 mails handed over" in run.out
    assert "because: first" in run.out
    told = issue.done("pause", ISSUE, "--json").json
    assert (told["already"], told["kept_back"], told["reason"]) == (True, 5, "first")
    assert [each["what"] for each in changes(issue)] == ["frozen", "paused"]


def changes(mailer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = mailer.done("status", ISSUE, "--json").json["changes"]
    return found


def test_a_resumed_issue_goes_on_where_it_stopped(issue: Any) -> None:
    issue.done("pause", ISSUE)
    run = issue.done("resume", ISSUE)
    assert run.out.splitlines()[0] == f"{ISSUE} may be sent again: 5 mails left"
    assert f"mailer send {ISSUE}" in run.out
    again = issue.done("resume", ISSUE)
    assert again.out.splitlines()[0] == f"{ISSUE} was being sent already: 5 mails left"
    issue.done("send", ISSUE, "--yes")
    assert len(mails(issue)) == 5
    assert [each["what"] for each in changes(issue)] == ["frozen", "paused", "resumed", "sent"]


def test_who_resumes_after_the_last_moment_is_told(issue: Any) -> None:
    over = datetime.now(UTC) - timedelta(minutes=5)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        connection.exec_driver_sql(f"UPDATE issues SET not_after = {int(over.timestamp() * 1e6)}")  # noqa: S608
    issue.done("pause", ISSUE)
    run = issue.done("resume", ISSUE)
    assert f"its time ended at {over:%Y-%m-%d %H:%M} UTC; it goes out all the same" in run.out
    issue.done("send", ISSUE, "--yes")
    assert len(mails(issue)) == 5


@pytest.mark.usefixtures("call_that_never_ends")
def test_a_cancelled_issue_is_cancelled_for_good(issue: Any) -> None:
    claimed(issue, begin=True)
    assert issue.done("cancel", ISSUE, "--dry-run").out.splitlines() == [
        f"{ISSUE} would be cancelled: 0 mails handed over already, 3 mails would never be sent, "
        "2 mails in flight, which end as they end"
    ]
    assert state(issue) is IssueState.SENDING
    told = issue.done("cancel", ISSUE, "--yes", "--json").json
    assert (told["state"], told["kept_back"], told["in_flight"], told["already"]) == ("cancelled", 3, 2, False)
    again = issue.done("cancel", ISSUE)
    assert f"{ISSUE} was cancelled already: 0 mails handed over already, 3 mails never to be sent" in again.out
    for words in (("resume",), ("pause",)):
        run = issue(*words, ISSUE)
        assert run.code == 1
        assert f"issue {ISSUE} was cancelled" in run.err


def test_what_was_sent_cannot_be_stopped(issue: Any) -> None:
    issue.done("send", ISSUE, "--yes")
    for word in ("pause", "resume", "cancel"):
        run = issue(word, ISSUE)
        assert run.code == 1
        assert f"error: issue {ISSUE} was sent; there is nothing left to stop or to send" in run.err


@pytest.mark.parametrize("word", ["pause", "resume", "cancel"])
def test_a_draft_and_a_name_that_is_none(issue: Any, word: str) -> None:
    write_issue(issue, name="later")
    assert "issue later was not sent yet" in issue(word, "later").err
    assert f'unknown issue "2026-11-22-river": did you mean "{ISSUE}"?' in issue(word, "2026-11-22-river").err


def test_cancelling_needs_a_word_where_nobody_can_be_asked(issue: Any) -> None:
    run = issue("cancel", ISSUE)
    assert run.code == 2
    assert f"5 mails of {ISSUE} will never be sent, which needs a word: --yes" in run.err
    assert state(issue) is IssueState.SENDING


@pytest.mark.parametrize(("typed", "code", "after"), [("5", 0, IssueState.CANCELLED), ("y", 2, IssueState.SENDING)])
def test_a_person_types_the_number(issue: Any, typed: str, code: int, after: IssueState) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    command = [sys.executable, "-m", "mailer", "--workspace", str(issue.root), "cancel", ISSUE]
    done = subprocess.run(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, check=False, timeout=120)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code
    assert state(issue) is after


def schedule(mailer: Any) -> None:
    """The issue `later` waits for its time."""
    write_issue(mailer, name="later")
    with open_mailer(Workspace(mailer.root), {}) as program, program.store.write() as connection:
        now = program.now()
        frozen = ledger.Frozen("later", IssueKind.BULLETIN, "Rivers", "h", {}, ("members",))
        scheduling.schedule(connection, frozen, scheduling.Schedule(now + timedelta(hours=5)), now)


def test_a_scheduled_issue_is_a_draft_again(issue: Any) -> None:
    schedule(issue)
    run = issue("pause", "later")
    assert run.code == 1
    assert "issue later is scheduled; nothing of it is being sent" in run.err
    assert "mailer cancel later" in run.err
    assert "is scheduled, not paused" in issue("resume", "later").err
    assert "later would be a draft again" in issue.done("cancel", "later", "--dry-run").out
    assert "later is a draft again: 0 mails handed over already, 0 mails kept back" in issue.done("cancel", "later").out
    listed = {each["name"]: each["state"] for each in issue.done("issues", "list", "--json").json}
    assert listed == {"later": "draft", ISSUE: "sending"}


def test_of_two_who_stop_it_at_once_the_second_one_is_told(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the write somebody else sent the rest."""
    before = control.refuse_over

    def meanwhile(row: stored_issues.IssueRow) -> None:
        before(row)
        monkeypatch.setattr(control, "refuse_over", before)
        with open_mailer(Workspace(issue.root), {}) as program:
            send_frozen(program, ISSUE)

    monkeypatch.setattr(control, "refuse_over", meanwhile)
    with open_mailer(Workspace(issue.root), {}) as program, pytest.raises(ConflictError, match="is sent"):
        control.cancel(program, ISSUE)
    assert ledger_rows(issue)["deliveries"] == 5
    assert len(mails(issue)) == 5
