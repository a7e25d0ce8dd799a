"""Two transactions at the same moment over one issue's batches: whichever is first, nobody is left behind by both."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.engine import Connection

from mailer.model import IssueState, Outcome
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store.ledger import ClaimedBatch, Pace
from tests.store.test_interleaved import begun
from tests.store.world import NOW, World, receipts


@pytest.fixture
def sending(world: World) -> World:
    world.add("weekly", "ann", "ben", "eva", "kim")
    world.freeze("weekly", batch_size=2)
    return world


def state_of(world: World) -> IssueState:
    with world.store.read() as connection:
        return stored_issues.state_of(connection, "issue")


def cancel(world: World) -> int:
    with world.store.write() as connection:
        return ledger.cancel(connection, "issue", world.now)


def not_sent(connection: Connection, batch: ClaimedBatch) -> None:
    ledger.record(connection, batch.id, "one", receipts(batch, Outcome.NOT_SENT), NOW)


def given_back(connection: Connection, batch: ClaimedBatch) -> None:
    assert ledger.give_back(connection, batch.id, "one", NOW, Pace("smtp", warmup=(100,)))


def swept(connection: Connection, _: ClaimedBatch) -> None:
    assert ledger.sweep(connection, NOW.replace(hour=23)).returned == 1


@pytest.mark.parametrize(("deed", "begins"), [(not_sent, True), (given_back, False), (swept, False)])
def test_what_goes_back_while_an_issue_is_cancelled_is_cancelled_as_well(
    sending: World, deed: Callable[[Connection, ClaimedBatch], None], begins: bool
) -> None:
    batch = sending.claimed(pace=Pace("smtp", warmup=(100,)))
    assert not begins or sending.begin(batch)
    with sending.store.write() as connection:
        deed(connection, batch)
        with begun(lambda: cancel(sending)) as cancelling:
            connection.commit()
            cancelling.result(timeout=10)
    assert state_of(sending) is IssueState.CANCELLED
    assert set(sending.states().values()) == {"cancelled"}
    assert set(sending.batch_states()) == {"cancelled"}


def test_what_goes_back_while_an_issue_ends_keeps_it_from_ending(sending: World) -> None:
    """A late answer takes a batch out of doubt just when somebody else finds nothing left to do."""
    batch = sending.claimed()
    assert sending.begin(batch)
    sending.later(5)
    sending.sweep()
    sending.submit(owner="two")
    with sending.store.write() as connection:
        not_sent(connection, batch)
        with begun(sending.finish) as finishing:
            connection.commit()
            assert finishing.result(timeout=10) is False
    assert state_of(sending) is IssueState.SENDING
    assert sorted(sending.states().values()) == ["accepted", "accepted", "pending", "pending"]


def test_giving_back_and_claiming_do_not_wait_for_each_other_in_a_circle(sending: World) -> None:
    pace = Pace("smtp", per_minute=6000, warmup=(100,))
    batch = sending.claimed(pace=pace)
    with sending.store.write() as connection:
        assert ledger.give_back(connection, batch.id, "one", sending.now, pace)
        with begun(lambda: sending.claimed("two", pace=pace)) as claiming:
            connection.commit()
            claiming.result(timeout=10)


def test_doubts_of_a_cancelled_issue_are_not_handed_over_again(sending: World) -> None:
    """Nobody would take them, and they would wait for ever."""
    batch = sending.claimed()
    assert sending.begin(batch)
    sending.later(5)
    sending.sweep()
    cancel(sending)
    with sending.store.write() as connection:
        assert ledger.resend_doubts(connection, "issue", sending.now) == 0
    assert sorted(sending.states().values()) == ["cancelled", "cancelled", "doubtful", "doubtful"]
