"""What is handed over again after a doubt: to whom, and whose answer counts."""

from __future__ import annotations

import pytest

from mailer.errors import NotFoundError
from mailer.model import DeliveryState, Outcome
from mailer.store import ledger
from tests.store.world import UNSUBSCRIBED, World, receipts


def resend(world: World, issue: str = "issue") -> int:
    with world.store.write() as connection:
        return ledger.resend_doubts(connection, issue, world.now)


@pytest.fixture
def sending(world: World) -> World:
    """Four people in two batches."""
    world.add("weekly", "ann", "bo", "cy", "di")
    world.freeze("weekly", batch_size=2)
    return world


def doubt(world: World, owner: str = "dead") -> ledger.ClaimedBatch:
    """A batch whose sender died during the call."""
    batch = world.claimed(owner, lease=60)
    assert world.begin(batch, owner)
    world.later(2)
    assert world.sweep().doubtful == 1
    return batch


def test_of_a_batch_in_part_only_the_doubts_go_again(sending: World) -> None:
    batch = sending.claimed()
    assert sending.begin(batch)
    sending.record(batch, receipts(batch, Outcome.ACCEPTED, Outcome.DOUBTFUL))
    assert resend(sending) == 1
    assert sending.claimed().recipients == batch.recipients[1:]


def test_who_unsubscribed_meanwhile_is_not_handed_over_again(sending: World) -> None:
    first = doubt(sending)
    sending.change("weekly", first.recipients[0].email.partition("@")[0], UNSUBSCRIBED)
    assert resend(sending) == 2
    assert sending.claimed("new").recipients == first.recipients[1:]


def test_the_dead_sender_has_no_word_any_more(sending: World) -> None:
    """It was only slow: its answer comes after the batch was given to another one, and must not count."""
    first = doubt(sending, "slow")
    resend(sending)
    again = sending.claimed("new")
    assert sending.record(first, receipts(first, Outcome.REFUSED), "slow") == 0
    assert sending.begin(again, "new")
    assert sending.record(again, receipts(again, Outcome.ACCEPTED), "new") == 2
    assert sending.figures().deliveries[DeliveryState.ACCEPTED] == 2


def test_an_unknown_issue_is_an_error(world: World) -> None:
    with pytest.raises(NotFoundError):
        resend(world)


def test_nobody_was_accepted_twice(sending: World) -> None:
    sending.submit(Outcome.ACCEPTED)
    sending.freeze("weekly", name="other", hash="h2")
    sending.submit(Outcome.ACCEPTED, issue="other")
    with sending.store.read() as connection:
        assert ledger.accepted_twice(connection, "issue") == 0
