"""Going on after a sender died: what the next one waits for, and what may be handed over again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from mailer.model import DeliveryState, IssueState, Outcome
from mailer.store import issues, ledger
from tests.store.world import NOW, SERVERS_ONLY, World, receipts


@pytest.fixture
def sending(world: World) -> World:
    """An issue to four people in batches of two."""
    world.add("weekly", "ada", "ben", "cleo", "dan")
    world.freeze("weekly", batch_size=2)
    return world


def next_free(world: World) -> datetime | None:
    with world.store.read() as connection:
        return ledger.next_free(connection, "issue")


def resend(world: World, issue: str = "issue") -> int:
    with world.store.write() as connection:
        return ledger.resend_doubts(connection, issue, world.now)


def state(world: World) -> IssueState:
    with world.store.read() as connection:
        found = issues.get(connection, "issue")
    assert found is not None
    return found.state


def died_in_the_call(world: World) -> None:
    """One batch of an owner that passed the point of no return and was never heard of again."""
    batch = world.claimed("dead")
    assert world.begin(batch, "dead")
    world.later(2)
    assert world.sweep().doubtful == 1


def test_what_is_pending_is_free_at_once(sending: World) -> None:
    assert next_free(sending) == NOW


def test_what_another_holds_is_free_when_its_lease_ends(sending: World) -> None:
    sending.claimed("one", lease=60)
    batch = sending.claimed("two", lease=20)
    assert sending.begin(batch, "two")
    assert next_free(sending) == NOW + timedelta(seconds=20)


def test_what_the_server_put_off_is_free_when_it_is_due(sending: World) -> None:
    sending.submit()
    batch = sending.claimed()
    sending.begin(batch)
    sending.record(batch, receipts(batch, Outcome.RETRY, retry_after=90.0))
    assert next_free(sending) == NOW + timedelta(seconds=90)


def test_nothing_is_waited_for_when_all_is_settled_or_paused(sending: World) -> None:
    with sending.store.write() as connection:
        issues.set_state(connection, "issue", IssueState.PAUSED, NOW)
    assert next_free(sending) is None
    with sending.store.write() as connection:
        issues.set_state(connection, "issue", IssueState.SENDING, NOW)
    sending.submit()
    sending.submit()
    assert next_free(sending) is None
    died = World(sending.store)
    assert next_free(died) is None


def test_doubts_wait_for_somebodys_word(sending: World) -> None:
    died_in_the_call(sending)
    sending.submit(owner="alive")
    assert sending.claim("alive") is None
    assert next_free(sending) is None


def test_doubts_can_be_handed_over_again(sending: World) -> None:
    died_in_the_call(sending)
    assert resend(sending) == 2
    assert sending.figures().deliveries[DeliveryState.DOUBTFUL] == 0
    assert sending.submit(owner="alive") == 2
    assert sending.submit(owner="alive") == 2
    assert sending.finish()
    assert sending.figures().deliveries[DeliveryState.ACCEPTED] == 4


def test_a_sent_issue_with_doubts_is_opened_again(sending: World) -> None:
    died_in_the_call(sending)
    sending.submit(owner="alive")
    assert sending.finish()
    assert resend(sending) == 2
    assert state(sending) is IssueState.SENDING
    sending.submit(owner="alive")
    assert sending.finish()


def test_only_doubts_of_this_issue_are_touched(sending: World) -> None:
    sending.submit()
    sending.freeze("weekly", name="other", hash="h2")
    batch = sending.claimed("dead", issue="other")
    sending.begin(batch, "dead")
    sending.later(2)
    sending.sweep()
    before = sending.figures("other")
    assert resend(sending) == 0
    assert sending.figures("other") == before
    assert state(sending) is IssueState.SENDING
    assert resend(sending, "other") == 4


@SERVERS_ONLY
def test_what_falls_into_doubt_meanwhile_is_left_for_the_next_time(sending: World) -> None:
    """Several workers sweep and hand over again at once: a batch goes back with its people, or not at all."""
    died_in_the_call(sending)
    batch = sending.claimed("late")
    assert sending.begin(batch, "late")
    sending.later(2)
    swept: list[int] = []

    def meanwhile(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE deliveries") and not swept:
            swept.append(0)
            swept[0] = sending.sweep().doubtful

    event.listen(sending.store.engine, "after_cursor_execute", meanwhile)
    assert (resend(sending), swept) == (2, [1])
    event.remove(sending.store.engine, "after_cursor_execute", meanwhile)
    assert resend(sending) == 2
    for _ in range(2):
        assert sending.submit() == 2
    assert sending.figures().deliveries[DeliveryState.ACCEPTED] == 4


@SERVERS_ONLY
def test_nobody_waits_for_a_doubt_that_its_owner_settles(sending: World) -> None:
    """Who settles holds the batch and wants the issue next."""
    batch = sending.claimed("late")
    assert sending.begin(batch, "late")
    sending.later(2)
    assert sending.sweep().doubtful == 1
    both = receipts(batch, Outcome.ACCEPTED, Outcome.ACCEPTED)
    with sending.store.write() as connection:
        assert ledger.record(connection, batch.id, "late", both, sending.now) == 2
        assert resend(sending) == 0
    assert sending.figures().deliveries[DeliveryState.ACCEPTED] == 2
