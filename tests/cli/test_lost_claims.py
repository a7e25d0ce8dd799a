"""A batch that one thread of a sender lost and another of the same sender claimed again: the first one is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from mailer.app import Mailer, open_mailer
from mailer.errors import StoreBusyError
from mailer.model import DeliveryState, How, IssueState, Outcome, Receipt, SubscriptionState
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.run import Run
from mailer.services.sending.sender import send_frozen
from mailer.services.writer import MailWriter
from mailer.store import issues as stored_issues
from mailer.store import ledger, pacing, subscribers
from mailer.store.subscriptions import Change, Origin, change
from mailer.workspace import Workspace
from tests.cli.campaign import ISSUE, add_people, write_issue

PEOPLE = ("ann@example.org,Ann,Oslo", "bo@example.org,Bo,Bergen", "cy@example.org,Cy,")


@pytest.fixture
def program(mailer: Any) -> Iterator[Mailer]:
    add_people(mailer, "members", *PEOPLE)
    write_issue(mailer, "Dear {{ subscriber.first_name }}, hello.")
    with open_mailer(Workspace(mailer.root), {}) as opened:
        freeze_issue(opened, plan_send(opened, ISSUE)[0])
        yield opened


def run_of(program: Mailer) -> Run:
    with program.store.read() as connection:
        issue = stored_issues.get(connection, ISSUE)
    assert issue is not None
    writer = MailWriter(ISSUE, issue.snapshot, program.workspace.secret_keys({}))
    return Run(program, program.make_provider(), writer)


def claimed(run: Run) -> ledger.ClaimedBatch:
    batch = run.claim()
    assert batch is not None
    return batch


def states(program: Mailer) -> dict[str, int]:
    with program.store.read() as connection:
        counts = ledger.figures(connection, ISSUE).deliveries
    return {state.value: number for state, number in counts.items() if number}


def leave(program: Mailer, email: str) -> None:
    with program.store.write() as connection:
        person = subscribers.get(connection, email)
        assert person is not None
        no = Change("members", person.id, SubscriptionState.UNSUBSCRIBED, Origin(How.LINK))
        assert change(connection, no, program.now())


def test_it_does_not_begin_what_another_thread_claimed_again(program: Mailer) -> None:
    """Its mails are those of the first claim, and somebody has left since."""
    run = run_of(program)
    lost = claimed(run)
    clock = program.now
    run.now = lambda: clock() + timedelta(hours=1)  # set forward, or the process stood still
    leave(program, "bo@example.org")
    run._sweep_at = 0.0
    again = claimed(run)
    assert (lost.id, len(lost.recipients), len(again.recipients)) == (again.id, 3, 2)
    assert not run.begin(lost, (), None)
    run.give_back(lost)
    assert run.begin(again, (), None)
    assert states(program) == {"excluded": 1, "submitting": 2}


def test_an_answer_written_down_twice_is_not_one_about_the_second_time(program: Mailer) -> None:
    """A server that dies in a commit leaves it open whether it was one, and so it is done again."""
    run = run_of(program)
    batch = claimed(run)
    assert run.begin(batch, (), None)
    answers = [Receipt(each.delivery_id, Outcome.NOT_SENT) for each in batch.recipients]
    run.record(batch, answers, last=True)
    again = claimed(run)
    assert again.id == batch.id
    assert run.begin(again, (), None)
    run.record(batch, answers, last=True)
    assert states(program) == {DeliveryState.SUBMITTING.value: 3}


def test_who_was_told_to_wait_claims_nothing_in_the_same_breath(program: Mailer) -> None:
    """The rate's row before the issue's, where everybody else has them the other way round: each would wait for the
    other."""
    run = run_of(program)
    each = ledger.ClaimTerms("us.1", 60, run.pace, most=1)
    run.terms = lambda: each  # type: ignore[method-assign]
    batch = claimed(run)
    assert run.begin(batch, (), None)
    late = [Receipt(batch.recipients[0].delivery_id, Outcome.RETRY, retry_after=5.0)]
    assert run.record(batch, late) is None
    with program.store.read() as connection:
        assert pacing.ready_at(connection, run.pace, program.now()) is not None


@pytest.mark.parametrize("step", ["claim", "begin"])
def test_a_busy_database_is_asked_again(program: Mailer, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = getattr(ledger, step), 0

    def busy(*words: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreBusyError("mailer: another process changed the same thing at the same moment")
        return real(*words)

    monkeypatch.setattr(ledger, step, busy)
    done = send_frozen(program, ISSUE)
    assert (done.state, done.accepted_now, calls > 1) == (IssueState.SENT, 3, True)
