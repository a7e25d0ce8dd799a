"""`mailer send`: each person once, whatever happens between the freeze and the last mail."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailer.app import open_mailer
from mailer.cli.signals import stop_on_signal
from mailer.errors import StoreError
from mailer.model import Batch, DeliveryState, IssueState, Receipt, SuppressionReason
from mailer.providers.outbox import Outbox
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.results import SendOptions
from mailer.services.sending.run import Run
from mailer.services.sending.sender import send_frozen
from mailer.store import issues as stored_issues
from mailer.store import ledger, suppressions
from mailer.store.suppressions import Suppression
from mailer.workspace import Workspace
from tests.cli.campaign import (
    ISSUE,
    Piece,
    add_articles,
    add_people,
    addressees,
    crowd,
    ledger_rows,
    mails,
    write_issue,
)

PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen", "cy@example.org,Cy,")
EVERYBODY = ["ann@example.org", "bo@example.org", "cy@example.org"]


@pytest.fixture
def issue(mailer: Any) -> Any:
    """An issue for the three members."""
    add_people(mailer, "members", *PEOPLE)
    write_issue(mailer, "Dear {{ subscriber.first_name }}, hello.")
    return mailer


def sent(mailer: Any, *words: str, code: int = 0) -> Any:
    run = mailer("send", ISSUE, *words, "--json")
    assert run.code == code, run.err
    return run.json


def freeze(mailer: Any) -> None:
    """What a sender that died right after its freeze leaves."""
    with open_mailer(Workspace(mailer.root), {}) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])


def test_everybody_once_and_then_nobody(issue: Any) -> None:
    told = sent(issue)
    assert (told["state"], told["recipients"], told["accepted_now"], told["twice"]) == ("sent", 3, 3, 0)
    assert addressees(issue) == EVERYBODY
    before = [(path, path.stat().st_mtime_ns) for path in sorted((issue.root / "outbox").rglob("*"))]
    told = sent(issue)
    assert (told["accepted_now"], told["deliveries"]) == (0, {"accepted": 3})
    assert [(path, path.stat().st_mtime_ns) for path in sorted((issue.root / "outbox").rglob("*"))] == before
    run = issue.done("send", ISSUE)
    assert run.out.splitlines() == [f"{ISSUE} is sent: 3 accepted, 0 twice, 0 in doubt", "nothing was sent now"]


def test_a_file_that_changed_after_sending_is_a_conflict(issue: Any) -> None:
    sent(issue)
    write_issue(issue, "Other words.")
    run = issue("send", ISSUE)
    assert run.code == 1
    assert f'issue "{ISSUE}" was already sent, with other content than its file has now' in run.err
    assert len(mails(issue)) == 3
    assert sent(issue, "--frozen")["accepted_now"] == 0


def test_an_interrupted_send_goes_on_with_the_words_of_then(issue: Any) -> None:
    freeze(issue)
    write_issue(issue, "Other words.")
    run = issue("send", ISSUE)
    assert run.code == 1
    assert "is already being sent, with other content" in run.err
    assert f"mailer send {ISSUE} --frozen" in run.err
    assert mails(issue) == []
    assert sent(issue, "--frozen")["accepted_now"] == 3
    assert all("hello" in mail.as_string() for mail in mails(issue))


def test_an_interrupted_send_goes_on_by_itself_when_nothing_changed(issue: Any) -> None:
    freeze(issue)
    add_people(issue, "members", "late@example.org,Late,Oslo")
    assert sent(issue)["accepted_now"] == 3, "the audience is that of the freeze"
    assert addressees(issue) == EVERYBODY


def test_frozen_needs_something_frozen(issue: Any) -> None:
    run = issue("send", ISSUE, "--frozen")
    assert run.code == 1
    assert "was never sent" in run.err


def test_a_dry_run_is_a_plan(issue: Any) -> None:
    told = sent(issue, "--dry-run")
    assert (told["recipients"], told["state"]) == (3, None)
    assert set(ledger_rows(issue).values()) == {0}
    assert not (issue.root / "outbox").exists()


NOTED = '\n[checks.rules]\nno-articles = "note"\n'


def test_warnings_are_told_and_do_not_stop(issue: Any) -> None:
    run = issue.done("send", ISSUE)
    assert "warning: this bulletin has no article (no-articles)" in run.err


def test_notes_are_for_the_plan(issue: Any) -> None:
    (issue.root / "mailer.toml").write_text((issue.root / "mailer.toml").read_text() + NOTED)
    assert "note: this bulletin has no article" in issue.done("plan", ISSUE).out
    for words in (("test", ISSUE, "--to", "you@example.org"), ("send", ISSUE)):
        assert "no article" not in issue.done(*words).err


def test_nobody_on_the_list_sends_nothing(mailer: Any) -> None:
    write_issue(mailer)
    run = mailer("send", ISSUE)
    assert run.code == 1
    assert "nobody would receive this issue (no-recipients)" in run.err
    assert set(ledger_rows(mailer).values()) == {0}


def test_one_whose_mail_cannot_be_written_is_refused_and_stops_nobody(mailer: Any) -> None:
    """The plan looks at 500 people; the one who lacks the name is beyond them."""
    add_people(mailer, "members", *crowd(501), "zz@example.org,,Oslo")
    write_issue(mailer, "Dear {{ subscriber.first_name }}, hello.")
    told = sent(mailer, "--yes", code=3)
    assert (told["state"], told["deliveries"]) == ("sent", {"accepted": 501, "refused": 1})
    folder = mailer.root / "outbox" / ISSUE / "new"
    assert len(list(folder.iterdir())) == 501
    status = mailer.done("status", ISSUE, "--json").json
    ((reason, count),) = status["refusals"].items()
    assert count == 1
    assert reason.startswith(f"not written: issues/{ISSUE}.md:7: 'subscriber.first_name' has no value")
    assert "zz@example.org" not in reason
    run = mailer("send", ISSUE)
    assert run.code == 3
    assert "1 mails were refused" in run.err


def test_who_unsubscribed_or_was_suppressed_after_the_freeze_gets_nothing(issue: Any) -> None:
    freeze(issue)
    issue.done("subscribers", "unsubscribe", "ann@example.org", "--list", "members")
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        suppressions.add(connection, Suppression("cy@example.org", SuppressionReason.COMPLAINED), program.now())
    told = sent(issue)
    assert told["deliveries"] == {"accepted": 1, "excluded": 2}
    assert addressees(issue) == ["bo@example.org"]


def test_who_is_suppressed_before_is_left_out_with_the_reason(issue: Any) -> None:
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        suppressions.add(connection, Suppression("cy@example.org", SuppressionReason.COMPLAINED), program.now())
    told = sent(issue)
    assert (told["recipients"], told["left_out"]) == (2, {"suppressed": 1})
    assert addressees(issue) == ["ann@example.org", "bo@example.org"]


def test_everybody_left_between_freeze_and_claim(issue: Any) -> None:
    freeze(issue)
    for email in EVERYBODY:
        issue.done("subscribers", "unsubscribe", email, "--list", "members")
    assert (sent(issue)["state"], mails(issue)) == ("sent", [])


# --- confirmation ---------------------------------------------------------------------------------------------------


def test_above_the_limit_without_a_terminal_it_needs_a_word(issue: Any) -> None:
    issue.add_settings("[limits]\nconfirm_above = 2\n")
    run = issue("send", ISSUE, stdin=b"3\n")
    assert run.code == 2
    assert "goes to 3 people on members, which needs a word: --yes" in run.err
    assert set(ledger_rows(issue).values()) == {0}
    assert sent(issue, "--yes")["accepted_now"] == 3


def test_an_interrupted_send_needs_no_second_word(issue: Any) -> None:
    freeze(issue)
    issue.add_settings("[limits]\nconfirm_above = 2\n")
    assert sent(issue)["accepted_now"] == 3


@pytest.mark.parametrize(("typed", "code", "files"), [("3", 0, 3), ("y", 2, 0)])
def test_at_a_terminal_the_number_is_typed(issue: Any, typed: str, code: int, files: int) -> None:
    issue.add_settings("[limits]\nconfirm_above = 2\n")
    command = [sys.executable, "-m", "mailer", "-w", str(issue.root), "send", ISSUE]
    ours, its = pty.openpty()
    process = subprocess.Popen(command, stdin=its, stderr=its, stdout=subprocess.PIPE)
    os.close(its)
    shown = read_until(ours, "to send it")
    assert '"Rivers" goes to 3 people on members' in shown
    os.write(ours, f"{typed}\n".encode())
    process.communicate(timeout=60)
    os.close(ours)
    assert (process.returncode, len(mails(issue))) == (code, files)


def read_until(terminal: int, text: str) -> str:
    shown = ""
    while text not in shown:
        shown += os.read(terminal, 4096).decode()
    return shown


# --- the sender -----------------------------------------------------------------------------------------------------


def slow_outbox(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.3) -> list[int]:
    """Every call takes a while; the batches that were handed over, as they come."""
    begun: list[int] = []
    submit = Outbox.submit

    def slowly(self: Outbox, batch: Batch) -> tuple[Receipt, ...]:
        begun.append(batch.number)
        time.sleep(seconds)
        return submit(self, batch)

    monkeypatch.setattr(Outbox, "submit", slowly)
    return begun


def test_stopping_keeps_what_waits(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    issue.add_settings("[provider]\nbatch_size = 1\n")
    freeze(issue)
    begun = slow_outbox(monkeypatch)
    with open_mailer(Workspace(issue.root), {}) as program:
        done = send_frozen(program, ISSUE, SendOptions(stop=lambda: bool(begun)))
    monkeypatch.undo()
    assert (done.state, done.stopped, done.accepted_now) == (IssueState.SENDING, True, 1)
    assert done.figures.deliveries[DeliveryState.PENDING] == 2
    assert sent(issue)["accepted_now"] == 2
    assert addressees(issue) == EVERYBODY


def test_progress_counts_recipients(issue: Any) -> None:
    issue.add_settings("[provider]\nbatch_size = 2\n")
    freeze(issue)
    told: list[tuple[int, int]] = []
    with open_mailer(Workspace(issue.root), {}) as program:
        send_frozen(program, ISSUE, SendOptions(lambda progress: told.append((progress.done, progress.total))))
    assert told[-1] == (3, 3)


def test_an_issue_that_was_paused_asks_for_attention(issue: Any) -> None:
    freeze(issue)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        stored_issues.set_state(connection, ISSUE, IssueState.PAUSED, program.now())
    run = issue("send", ISSUE)
    assert run.code == 3
    assert "the issue is paused" in run.err
    assert mails(issue) == []


def test_a_cancelled_issue_is_not_sent(issue: Any) -> None:
    freeze(issue)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        stored_issues.set_state(connection, ISSUE, IssueState.CANCELLED, program.now())
    run = issue("send", ISSUE)
    assert run.code == 1
    assert f"issue {ISSUE} was cancelled" in run.err


def test_an_outbox_that_cannot_be_written_loses_nothing(issue: Any) -> None:
    (issue.root / "outbox").write_text("a file in the place of the folder")
    run = issue("send", ISSUE)
    assert run.code == 1
    assert run.err.splitlines()[-2].startswith("error: outbox: ")
    assert issue.done("status", ISSUE, "--json").json["deliveries"] == {"pending": 3}
    (issue.root / "outbox").unlink()
    assert sent(issue)["accepted_now"] == 3


@pytest.mark.parametrize("begun", [False, True])
def test_what_a_dead_sender_held_is_sent_when_its_lease_ends(issue: Any, begun: bool) -> None:
    """Also what it had begun: to the outbox a second time makes no second mail."""
    freeze(issue)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        batch = ledger.claim(connection, ISSUE, ledger.ClaimTerms("dead", 1.0), program.now())
        assert batch is not None
        if begun:
            assert ledger.begin(connection, batch.id, "dead", program.now(), ledger.Marks("outbox"))
    told = sent(issue)
    assert (told["accepted_now"], told["twice"]) == (3, 0)
    assert datetime.now(UTC) > batch.lease_until
    assert addressees(issue) == EVERYBODY


def test_what_another_provider_may_have_is_not_handed_over_again(issue: Any) -> None:
    """The outbox may get the same mail twice; a mail that a server may have taken is not its to write."""
    freeze(issue)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        batch = ledger.claim(connection, ISSUE, ledger.ClaimTerms("dead", 1.0), program.now())
        assert batch is not None
        assert ledger.begin(connection, batch.id, "dead", program.now(), ledger.Marks("smtp"))
    told = sent(issue, code=3)
    assert (told["accepted_now"], told["deliveries"]) == (0, {"doubtful": 3})
    assert mails(issue) == []


def test_batches_slower_than_the_lease_end_with_advice(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that is over before the mails are written must not be tried for ever."""
    freeze(issue)
    monkeypatch.setattr("mailer.services.sending.run.LEASE_SHARE", 0.0)
    with open_mailer(Workspace(issue.root), {}) as program, pytest.raises(StoreError) as caught:
        send_frozen(program, ISSUE)
    assert "lease_seconds" in str(caught.value.hint)
    assert mails(issue) == []
    monkeypatch.undo()
    assert sent(issue)["accepted_now"] == 3


def test_each_sender_has_a_name_of_its_own(issue: Any) -> None:
    with open_mailer(Workspace(issue.root), {}) as program:
        provider = program.make_provider()
        owners = {Run(program, provider, None).name for _ in range(3)}  # type: ignore[arg-type]
    assert len(owners) == 3


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_insists(first: signal.Signals) -> None:
    told: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signal(lambda: told.append("stopping")) as stop:
        assert not stop()
        signal.raise_signal(first)
        assert (stop(), told) == (True, ["stopping"])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_in_the_middle_of_a_print_still_stops() -> None:
    def tell() -> None:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    with stop_on_signal(tell) as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop()


def test_an_article_is_marked_as_sent_to_the_list(mailer: Any) -> None:
    keys = add_articles(mailer, Piece("Weir"))
    add_people(mailer, "members", *PEOPLE)
    path: Path = write_issue(mailer, "[articles]", articles=[{"key": keys["Weir"][:6]}])
    assert keys["Weir"][:6] in path.read_text()
    sent(mailer)
    assert mailer.done("articles", "show", keys["Weir"], "--json").json["sent"] == {"members": ISSUE}
