"""What is found to be done in the issues being sent, and taking one batch by its number."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailer.model import IssueKind, IssueState, Outcome
from mailer.store import feeding, ledger
from mailer.store import issues as stored_issues
from mailer.store.tables import batches
from tests.store.world import MINUTE, World, names, receipts

PACE = ledger.Pace("outbox", per_minute=60)


@pytest.fixture
def frozen(world: World) -> World:
    world.add("members", "ann", "bo", "cy", "di", "eve")
    world.freeze("members", batch_size=2)
    return world


def due(world: World, issue: int = 1, most: int = 10) -> list[int]:
    with world.store.read() as connection:
        return feeding.due_batches(connection, issue, world.now, most)


def test_batches_that_are_due_in_their_order(frozen: World) -> None:
    first, second, third = due(frozen)
    assert due(frozen, most=2) == [first, second]
    with frozen.store.write() as connection:
        later = sa.update(batches).where(batches.c.id == second).values(due_at=frozen.now + MINUTE)
        connection.execute(later)
    assert due(frozen) == [first, third]
    frozen.claimed()
    assert due(frozen) == [third]
    frozen.later(1)
    assert due(frozen) == [second, third]


def test_a_batch_is_taken_by_its_number_or_nothing_is(frozen: World) -> None:
    first, second, _ = due(frozen)
    assert frozen.claimed(batch=second).id == second
    assert frozen.claim("two", batch=second) is None
    assert names(frozen.claimed("two", batch=first)) == ["ann", "bo"]


def test_of_a_divided_batch_the_rest_keeps_its_number(frozen: World) -> None:
    first = due(frozen)[0]
    part = frozen.claimed(batch=first, most=1)
    assert (part.id != first, names(part)) == (True, ["ann"])
    assert names(frozen.claimed("two", batch=first, most=1)) == ["bo"]
    assert frozen.claim("three", batch=first, most=1) is None


@pytest.mark.parametrize(("ahead", "taken"), [(None, True), (2.0, True), (0.5, False)])
def test_a_slot_is_waited_for_as_long_as_is_said(frozen: World, ahead: float | None, taken: bool) -> None:
    frozen.claimed(pace=PACE)
    assert (frozen.claim("two", pace=PACE, ahead=ahead) is not None) is taken


def test_issues_being_sent_alerts_first(frozen: World) -> None:
    frozen.later(1)
    frozen.freeze("members", name="urgent", kind=IssueKind.ALERT)
    frozen.freeze("members", name="third")
    with frozen.store.write() as connection:
        stored_issues.pause(connection, "third", "why", frozen.now)
    with frozen.store.read() as connection:
        found = feeding.sending(connection)
        assert [each.row.name for each in found] == ["urgent", "issue"]
        assert found[1].batch_size == 2
        standing = feeding.standings(connection, [1, 3, 99])
    assert {number: (each.state, each.reason) for number, each in standing.items()} == {
        1: (IssueState.SENDING, ""),
        3: (IssueState.PAUSED, "why"),
    }


def test_the_issue_of_a_batch_that_waits(frozen: World) -> None:
    first, second, _ = due(frozen)
    frozen.claimed(batch=first)
    with frozen.store.read() as connection:
        found = [feeding.issue_of(connection, number) for number in (first, second, 99)]
    assert [each.name if each else None for each in found] == [None, "issue", None]
    with frozen.store.write() as connection:
        stored_issues.pause(connection, "issue", "", frozen.now)
        assert feeding.issue_of(connection, second) is None
        issue = feeding.issue_numbered(connection, 1)
        assert issue is not None
        assert issue.state is IssueState.PAUSED
        assert feeding.issue_numbered(connection, 99) is None


def test_who_holds_batches_and_what_dead_ones_left(frozen: World) -> None:
    frozen.claimed("one", lease=30)
    frozen.claimed("two", lease=90)
    with frozen.store.read() as connection:
        assert feeding.holders(connection, 1, frozen.now) == {"one", "two"}
        assert not feeding.left_behind(connection, frozen.now)
        later = frozen.now + timedelta(seconds=31)
        assert feeding.holders(connection, 1, later) == {"two"}
        assert feeding.left_behind(connection, later)


def test_what_is_open_and_what_is_in_doubt(frozen: World) -> None:
    for outcome in (Outcome.ACCEPTED, Outcome.DOUBTFUL, Outcome.ACCEPTED):
        with frozen.store.read() as connection:
            assert feeding.is_open(connection, 1)
        batch = frozen.claimed()
        frozen.begin(batch, marks=ledger.Marks("sink"))
        frozen.record(batch, receipts(batch, outcome))
    with frozen.store.read() as connection:
        assert not feeding.is_open(connection, 1)
        assert feeding.doubts_of(connection, 1, "sink")
        assert not feeding.doubts_of(connection, 1, "another")
