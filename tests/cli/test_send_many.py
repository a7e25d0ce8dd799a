"""`mailer send` in several threads, beside others, and with a database that fails in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.app import open_mailer
from mailer.errors import ProviderError, StoreError
from mailer.model import Batch, BatchState, DeliveryState, EventKind, IssueState, Outcome, Receipt
from mailer.providers.outbox import Outbox
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.results import SendOptions, SendResult, Why
from mailer.services.sending.run import Run
from mailer.services.sending.sender import send_frozen
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store.tables import events
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, addressees, crowd, mails, write_issue

PEOPLE = 40
EVENT = ("key", "delivery_id", "issue_id", "subscriber_id", "kind", "detail", "at", "received_at")
Submit = Callable[[Outbox, Batch], tuple[Receipt, ...]]


@pytest.fixture
def issue(mailer: Any) -> Any:
    """A frozen issue for forty people, in batches of two."""
    add_people(mailer, "members", *crowd(PEOPLE))
    write_issue(mailer, "Dear {{ subscriber.first_name }}, hello.")
    mailer.add_settings("[provider]\nbatch_size = 2\n[limits]\nlease_seconds = 5\n")
    with open_mailer(Workspace(mailer.root), {}) as program:
        freeze_issue(program, plan_send(program, ISSUE)[0])
    return mailer


class Post:
    """In place of the outbox: four calls at once, each a while; who was handed over, and how many at one time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 0.05, idempotent: bool = False) -> None:
        self.submit: Submit = Outbox.submit
        self.seconds = seconds
        self.lock = threading.Lock()
        self.begun: list[int] = []
        self.at_once = self.most = 0
        self.answer: Callable[[Batch], tuple[Receipt, ...] | None] = lambda batch: None
        self.together: threading.Barrier | None = None
        self.outboxes: list[Outbox] = []
        capabilities = replace(Outbox.capabilities, calls=None, idempotent=idempotent)
        monkeypatch.setattr(Outbox, "capabilities", capabilities)
        monkeypatch.setattr(Outbox, "submit", lambda outbox, batch: self.take(outbox, batch))

    def take(self, outbox: Outbox, batch: Batch) -> tuple[Receipt, ...]:
        with self.lock:
            self.begun += batch.delivery_ids
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            first = outbox not in self.outboxes
            self.outboxes.append(outbox)
        try:
            time.sleep(self.seconds)
            if self.together is not None and (first or self.together.parties > 2) and not self.together.broken:
                self.together.wait()
            answer = self.answer(batch)
            return self.submit(outbox, batch) if answer is None else answer
        finally:
            with self.lock:
                self.at_once -= 1


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    return Post(monkeypatch)


def send(mailer: Any, **options: Any) -> SendResult:
    with open_mailer(Workspace(mailer.root), {}) as program:
        return send_frozen(program, ISSUE, SendOptions(**options))


def in_the_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    return thread, found


def wait_for(ready: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.005)


def each_once(mailer: Any) -> None:
    everybody = [row.partition(",")[0] for row in crowd(PEOPLE)]
    assert addressees(mailer) == everybody


def test_as_many_calls_at_once_as_the_settings_allow(issue: Any, post: Post) -> None:
    # Nobody goes on before four are there.
    post.together = threading.Barrier(4, timeout=30)
    done = send(issue)
    assert (done.accepted_now, done.state, done.twice) == (PEOPLE, IssueState.SENT, 0)
    assert post.most == 4
    assert len(post.begun) == len(set(post.begun)) == PEOPLE
    each_once(issue)
    assert not [thread for thread in threading.enumerate() if thread.name == "sending"]


def test_one_connection_is_one_call_at_once(issue: Any, post: Post) -> None:
    settings = issue.root / "mailer.toml"
    settings.write_text(settings.read_text().replace("batch_size = 2", "batch_size = 2\nconnections = 1"))
    send(issue)
    assert post.most == 1


def test_asked_to_stop_it_finishes_what_is_in_flight_and_gives_the_rest_back(issue: Any, post: Post) -> None:
    done = send(issue, stop=lambda: bool(post.begun))
    assert done.why is Why.ASKED
    assert done.accepted_now == len(post.begun) < PEOPLE
    left = {state: count for state, count in done.figures.batches.items() if count}
    assert left == {BatchState.ACCEPTED: len(post.begun) // 2, BatchState.PENDING: (PEOPLE - len(post.begun)) // 2}
    assert send(issue).accepted_now == PEOPLE - done.accepted_now
    each_once(issue)


@pytest.mark.parametrize("change", ["paused", "cancelled"])
def test_after_a_pause_or_a_cancellation_nothing_begins(issue: Any, post: Post, change: str) -> None:
    post.answer = lambda _: time.sleep(0.2)  # so that it is not over before the change, however slow the machine is
    thread, found = in_the_background(lambda: send(issue))
    wait_for(lambda: len(post.begun) >= 8)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        if change == "paused":
            stored_issues.pause(connection, ISSUE, "a wrong date", program.now())
        else:
            ledger.cancel(connection, ISSUE, program.now())
    begun, at = len(post.begun), time.monotonic()
    thread.join(10)
    assert time.monotonic() - at < 1.5
    # Begun before it, and on its way to the provider.
    assert len(post.begun) - begun <= 8
    (done,) = found
    assert (done.why, done.state) == (Why(change), IssueState(change))
    assert done.detail == ("a wrong date" if change == "paused" else "")
    assert done.accepted_now == len(post.begun) == len(mails(issue))


def test_an_error_in_one_thread_stops_the_others_in_good_order(issue: Any, post: Post) -> None:
    def fail(batch: Batch) -> None:
        if len(post.begun) > 10:
            raise ZeroDivisionError("a mistake in the program")

    post.answer = fail
    with pytest.raises(ZeroDivisionError):
        send(issue)
    with open_mailer(Workspace(issue.root), {}) as program, program.store.read() as connection:
        figures = ledger.figures(connection, ISSUE)
    assert figures.deliveries[DeliveryState.ACCEPTED] == len(mails(issue)) >= 2
    assert figures.batches[BatchState.CLAIMED] == 0
    assert 1 <= figures.batches[BatchState.SUBMITTING] <= 4


def test_the_provider_refuses_at_the_first_call_and_nothing_is_changed(issue: Any, post: Post) -> None:
    def refuse(batch: Batch) -> None:
        raise ProviderError("post: the office is closed", hint="Nothing was sent.")

    post.answer = refuse
    run = issue("send", ISSUE, "--frozen")
    assert run.code == 1
    assert "error: post: the office is closed" in run.err
    assert f"{ISSUE} is sending: 0 accepted, 0 twice, 0 in doubt, 40 pending" in run.out
    post.answer = lambda batch: None
    assert send(issue).accepted_now == PEOPLE


def test_the_provider_refuses_in_the_middle_and_the_issue_is_paused(issue: Any, post: Post) -> None:
    def refuse(batch: Batch) -> None:
        if len(post.begun) > 20:
            raise ProviderError("post: the key was revoked", hint="Make another one.")

    post.answer = refuse
    run = issue("send", ISSUE, "--frozen", "--json")
    assert run.code == 3
    assert "attention: the issue was paused: post: the key was revoked" in run.err
    assert f"hint: Make another one; then: mailer resume {ISSUE}, mailer send {ISSUE}" in run.err
    assert (run.json["state"], run.json["ended"], run.json["detail"]) == (
        "paused", "tripped", "post: the key was revoked",
    )  # fmt: skip
    assert run.json["deliveries"]["accepted"] + run.json["deliveries"]["pending"] == PEOPLE
    assert issue("send", ISSUE, "--frozen").code == 3
    assert len(mails(issue)) == run.json["deliveries"]["accepted"]


# --- two at once ----------------------------------------------------------------------------------------------------


def test_of_two_senders_one_works_and_the_other_says_so(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post(monkeypatch, seconds=0.2)
    thread, found = in_the_background(lambda: send(issue, alone=True))
    wait_for(lambda: bool(post.begun))
    run = issue("send", ISSUE, "--frozen", "--json")
    assert run.code == 3
    assert "another sender is at work on it (" in run.err
    assert ", process " in run.err
    assert (run.json["ended"], run.json["accepted_now"]) == ("elsewhere", 0)
    thread.join(20)
    assert found[0].accepted_now == PEOPLE
    each_once(issue)


def test_a_sender_at_work_always_holds_a_batch(issue: Any, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else another one could find nothing held, and take it for dead: the next batch is taken with the last answer."""
    settings = issue.root / "mailer.toml"
    settings.write_text(settings.read_text().replace("batch_size = 2", "batch_size = 2\nconnections = 1"))
    claims: list[Run] = []
    claim = Run.claim

    def counted(run: Run) -> ledger.ClaimedBatch | None:
        claims.append(run)
        return claim(run)

    monkeypatch.setattr(Run, "claim", counted)
    assert send(issue).accepted_now == PEOPLE
    assert len(claims) <= 4


def test_workers_share_an_issue(issue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    post, both = Post(monkeypatch), threading.Event()

    def until_both(batch: Batch) -> None:
        # Else whoever is first has sent everything before the other one is there.
        if len({id(outbox) for outbox in post.outboxes}) > 1:
            both.set()
        both.wait(30)

    post.answer = until_both
    thread, found = in_the_background(lambda: send(issue))
    other = send(issue)
    thread.join(20)
    assert found[0].accepted_now + other.accepted_now == PEOPLE
    assert min(found[0].accepted_now, other.accepted_now) > 0
    each_once(issue)


def test_a_dead_sender_is_no_other_sender(issue: Any, post: Post) -> None:
    """Its batch does not move: after its lease it is in doubt, and everybody else gets theirs."""
    with open_mailer(Workspace(issue.root), {}) as program, program.store.write() as connection:
        batch = ledger.claim(connection, ISSUE, ledger.ClaimTerms("mill-4711-aabbccdd", 2.0), program.now())
        assert batch is not None
        assert ledger.begin(connection, batch.id, "mill-4711-aabbccdd", program.now())
    run = issue("send", ISSUE, "--frozen", "--json")
    assert run.code == 3
    assert "2 mails are in doubt" in run.err
    assert (run.json["accepted_now"], run.json["ended"]) == (PEOPLE - 2, "done")
    assert run.json["batches"]["doubtful"] == 1


# --- limits -----------------------------------------------------------------------------------------------------------


def test_what_the_warm_up_allows_today(issue: Any, post: Post) -> None:
    settings = issue.root / "mailer.toml"
    settings.write_text(settings.read_text().replace("[limits]\n", "[limits]\nwarmup = [10, 1000]\n"))
    run = issue("send", ISSUE, "--frozen", "--json")
    assert run.code == 3
    assert "the mails that the warm-up allows today are sent; more may go from " in run.err
    assert f"hint: then: mailer send {ISSUE}" in run.err
    assert (run.json["ended"], run.json["accepted_now"], len(mails(issue))) == ("cap", 10, 10)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert datetime.fromisoformat(run.json["resume_at"]) == tomorrow


def test_a_rate_holds_for_all_threads(issue: Any, post: Post) -> None:
    begun = time.monotonic()
    run = issue.done("send", ISSUE, "--frozen", "--max-rate", "600", "--json")
    # Ten mails at once and a tenth of a second for each of the others.
    assert 2.5 < time.monotonic() - begun < 20
    assert run.json["accepted_now"] == PEOPLE


def test_it_does_not_wait_longer_than_it_may(issue: Any, post: Post) -> None:
    post.answer = lambda batch: tuple(Receipt(each, Outcome.RETRY, "later") for each in batch.delivery_ids)
    done = send(issue, wait=0)
    assert done.why is Why.WAITS
    assert done.resume_at is not None
    assert done.resume_at > datetime.now(UTC)
    assert len(post.begun) == PEOPLE


def test_too_many_refusals_pause_the_issue(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    add_people(mailer, "members", *crowd(400))
    write_issue(mailer)
    mailer.add_settings("[provider]\nbatch_size = 20\n")
    post = Post(monkeypatch, seconds=0.01)
    post.answer = lambda batch: tuple(
        Receipt(each, Outcome.REFUSED if each % 5 == 0 else Outcome.ACCEPTED, "policy: 550 5.7.26 who are you")
        for each in batch.delivery_ids
    )
    run = mailer("send", ISSUE, "--yes", "--json")
    assert run.code == 3
    assert "mails were refused (" in run.err
    assert "policy)" in run.err
    assert "look at SPF, DKIM and DMARC" in run.err
    assert (run.json["state"], run.json["ended"]) == ("paused", "tripped")
    assert 100 <= len(post.begun) <= 200
    assert run.json["refusals"] == {"policy: 550 5.7.26 who are you": len(post.begun) // 5}
    status = mailer.done("status", ISSUE, "--json").json
    assert "refused" in str(status)


def test_too_many_mails_that_come_back_pause_the_issue(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    add_people(mailer, "members", *crowd(200))
    write_issue(mailer)
    mailer.add_settings("[provider]\nbatch_size = 2\n")
    monkeypatch.setattr("mailer.services.sending.workers.BOUNCES_SECONDS", 0.05)
    post = Post(monkeypatch, seconds=0.05)

    def report(batch: Batch) -> None:
        number, new = batch.delivery_ids[0], []
        if number % 4 == 1:
            fields = (number, 1, number, EventKind.BOUNCED_HARD, "550 5.1.1", datetime.now(UTC), datetime.now(UTC))
            new = [dict(zip(EVENT, (f"event {number}", *fields), strict=True))]
        with open_mailer(Workspace(mailer.root), {}) as program, program.store.write() as connection:
            for each in new:
                connection.execute(sa.insert(events), each)

    post.answer = report
    run = mailer("send", ISSUE, "--yes", "--json")
    assert run.code == 3
    assert " mails came back" in run.err
    assert (run.json["state"], run.json["ended"]) == ("paused", "tripped")
    assert 100 <= len(post.begun) < 200


# --- a database that fails ----------------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, name: str, times: float, after: int = 2) -> list[float]:
    """The disk is full, from one call on for so many calls."""
    calls: list[float] = []
    work = getattr(ledger, name)

    def fail(*given: Any, **named: Any) -> Any:
        calls.append(time.monotonic())
        if after < len(calls) <= after + times:
            raise StoreError("mailer.db: cannot be written: the disk is full", hint="Free some space.")
        return work(*given, **named)

    monkeypatch.setattr(ledger, name, fail)
    return calls


def test_answers_are_written_down_once_the_disk_has_room_again(
    issue: Any, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    failing(monkeypatch, "record", 8)
    done = send(issue, tell=lambda progress: told.append(progress.waiting))
    assert (done.accepted_now, done.state) == (PEOPLE, IssueState.SENT)
    each_once(issue)


def test_answers_that_cannot_be_written_down_are_said_to_be_in_doubt(
    issue: Any, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = issue.root / "mailer.toml"
    settings.write_text(settings.read_text().replace("lease_seconds = 5", "lease_seconds = 1"))
    with monkeypatch.context() as patch:
        failing(patch, "record", float("inf"))
        run = issue("send", ISSUE, "--frozen")
    assert run.code == 1
    assert "error: mailer.db: cannot be written: the disk is full; what became of 2 mails of batch" in run.err
    assert "could not be written down, so they will be in doubt" in run.err
    assert "Traceback" not in run.err
    time.sleep(1.1)
    done = send(issue)
    doubtful = done.figures.deliveries[DeliveryState.DOUBTFUL]
    assert 2 <= doubtful <= 8
    assert done.figures.deliveries[DeliveryState.ACCEPTED] == PEOPLE - doubtful
    each_once(issue)


@pytest.mark.parametrize("step", ["claim", "begin"])
def test_a_disk_that_is_full_before_the_call_loses_nothing(
    issue: Any, post: Post, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, step, float("inf"), after=4)
        with pytest.raises(StoreError, match="the disk is full"):
            send(issue)
    handed = len(post.begun)
    assert handed == len(mails(issue)) < PEOPLE
    done = send(issue)
    assert done.accepted_now == PEOPLE - handed
    assert done.figures.deliveries[DeliveryState.DOUBTFUL] == 0
    each_once(issue)


def test_no_second_word_of_an_error(issue: Any, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four threads meet the same trouble: one line."""
    with monkeypatch.context() as patch:
        failing(patch, "claim", float("inf"), after=4)
        run = issue("send", ISSUE, "--frozen")
    assert run.err.count("the disk is full") == 1


def test_a_clock_that_steps_back_changes_nothing(issue: Any, post: Post) -> None:
    with open_mailer(Workspace(issue.root), {}) as program:
        true = program.now
        program.now = lambda: true() - timedelta(hours=2) * (len(post.begun) > 10)
        done = send_frozen(program, ISSUE)
    assert (done.accepted_now, done.state) == (PEOPLE, IssueState.SENT)
    each_once(issue)
