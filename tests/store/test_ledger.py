"""From the claim to the end of an issue: who may do what, and what follows."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailer.errors import ConflictError, NotFoundError
from mailer.model import BatchState, DeliveryState, IssueState, Outcome, Receipt
from mailer.store import issues, ledger
from mailer.store.tables import batches, deliveries
from tests.store.world import MINUTE, NOW, UNSUBSCRIBED, World, names, receipts

ACCEPTED, REFUSED, RETRY, NOT_SENT, DOUBTFUL = (
    Outcome.ACCEPTED,
    Outcome.REFUSED,
    Outcome.RETRY,
    Outcome.NOT_SENT,
    Outcome.DOUBTFUL,
)


@pytest.fixture
def sending(world: World) -> World:
    """An issue to four people in batches of two."""
    world.add("weekly", "ada", "ben", "cleo", "dan")
    world.freeze("weekly", batch_size=2)
    return world


def set_state(world: World, state: IssueState) -> None:
    with world.store.write() as connection:
        issues.set_state(connection, "issue", state, world.now)


def test_a_whole_issue(sending: World) -> None:
    assert sending.submit() == 2
    assert not sending.finish()
    assert sending.submit() == 2
    assert sending.finish()
    assert sending.finish(), "finishing again is no error"
    assert sending.claim() is None
    figures = sending.figures()
    assert figures.deliveries[DeliveryState.ACCEPTED] == figures.recipients == figures.candidates == 4
    assert figures.batches[BatchState.ACCEPTED] == 2
    with sending.store.read() as connection:
        stored = issues.get(connection, "issue")
    assert stored is not None
    assert (stored.state, stored.finished_at) == (IssueState.SENT, NOW)


def test_a_batch_has_one_owner(sending: World) -> None:
    first, second = sending.claimed("one"), sending.claimed("two")
    assert set(names(first)) & set(names(second)) == set()
    assert not sending.begin(first, "two")
    assert sending.begin(first, "one")
    assert not sending.begin(first, "one"), "the point of no return is passed once"
    assert sending.record(first, receipts(first, ACCEPTED), "two") == 0
    assert sending.figures().deliveries[DeliveryState.ACCEPTED] == 0
    assert sending.record(first, receipts(first, ACCEPTED), "one") == 2


def test_nothing_is_recorded_before_the_point_of_no_return(sending: World) -> None:
    batch = sending.claimed()
    assert sending.record(batch, receipts(batch, ACCEPTED)) == 0
    assert sending.states()["ada"] == "pending"


def test_a_settled_delivery_stays_settled(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    assert sending.record(batch, receipts(batch, ACCEPTED)) == 2
    assert sending.record(batch, receipts(batch, REFUSED)) == 0
    assert sending.states()["ada"] == "accepted"


def test_receipts_of_another_batch_are_not_taken(sending: World) -> None:
    mine, other = sending.claimed("one"), sending.claimed("two")
    sending.begin(mine, "one")
    sending.begin(other, "two")
    assert sending.record(mine, receipts(other, ACCEPTED), "one") == 0
    assert sending.states()["cleo"] == "submitting"


@pytest.mark.parametrize("state", [IssueState.PAUSED, IssueState.CANCELLED])
def test_no_call_once_the_issue_is_not_being_sent(sending: World, state: IssueState) -> None:
    batch = sending.claimed()
    set_state(sending, state)
    assert not sending.begin(batch)
    assert sending.claim("two") is None


def test_pausing_does_not_lose_what_is_in_flight(sending: World) -> None:
    batch = sending.claimed()
    assert sending.begin(batch)
    set_state(sending, IssueState.PAUSED)
    assert sending.record(batch, receipts(batch, ACCEPTED)) == 2
    assert not sending.finish(), "a batch is still pending"
    set_state(sending, IssueState.SENDING)
    sending.submit()
    assert sending.finish()


def test_given_back_is_taken_by_the_next(sending: World) -> None:
    batch = sending.claimed("one")
    with sending.store.write() as connection:
        assert not ledger.give_back(connection, batch.id, "two", NOW)
        assert ledger.give_back(connection, batch.id, "one", NOW)
        assert not ledger.give_back(connection, batch.id, "one", NOW)
    assert sending.claimed("two").id == batch.id


def test_a_lease_that_ran_out_before_the_call_frees_the_batch(sending: World) -> None:
    batch = sending.claimed("dead", lease=60)
    sending.later(1)
    assert not sending.begin(batch, "dead"), "an expired lease does not begin"
    assert sending.sweep() == ledger.Swept(returned=1, doubtful=0)
    assert sending.sweep() == ledger.Swept(0, 0)
    assert sending.claimed("alive").id == batch.id


def test_a_lease_that_ran_out_during_the_call_is_doubt(sending: World) -> None:
    batch = sending.claimed("dead")
    sending.begin(batch, "dead")
    sending.later(0.5)
    assert sending.sweep() == ledger.Swept(0, 0), "the lease still holds"
    sending.later(0.5)
    assert sending.sweep() == ledger.Swept(returned=0, doubtful=1)
    assert sending.states()["ada"] == "doubtful"
    assert sending.claimed("alive").number == 2
    assert sending.claim("alive") is None, "nobody takes a doubt"


def test_the_owner_may_settle_its_own_doubt_late(sending: World) -> None:
    batch = sending.claimed("slow")
    sending.begin(batch, "slow")
    sending.later(2)
    sending.sweep()
    assert sending.record(batch, receipts(batch, ACCEPTED), "other") == 0
    assert sending.record(batch, receipts(batch, ACCEPTED, REFUSED), "slow") == 2
    assert (sending.states()["ada"], sending.states()["ben"]) == ("accepted", "refused")
    assert sending.batch_states() == ["accepted", "pending"]


def test_a_lease_is_renewed_by_its_owner_in_time(sending: World) -> None:
    batch = sending.claimed(lease=60)
    sending.begin(batch)
    with sending.store.write() as connection:
        assert not ledger.renew(connection, batch.id, "two", 60, sending.later(0.5))
        assert ledger.renew(connection, batch.id, "one", 60, sending.now)
        assert not ledger.renew(connection, batch.id, "one", 60, sending.now + MINUTE)
    sending.later(0.9)
    assert sending.sweep() == ledger.Swept(0, 0)


@pytest.mark.parametrize(
    ("outcomes", "deliveries", "states"),
    [
        ([ACCEPTED], ["accepted", "accepted"], ["accepted", "pending"]),
        ([REFUSED], ["refused", "refused"], ["refused", "pending"]),
        ([ACCEPTED, REFUSED], ["accepted", "refused"], ["accepted", "pending"]),
        ([DOUBTFUL], ["doubtful", "doubtful"], ["doubtful", "pending"]),
        ([ACCEPTED, DOUBTFUL], ["accepted", "doubtful"], ["doubtful", "pending"]),
        ([NOT_SENT], ["pending", "pending"], ["pending", "pending"]),
        ([RETRY], ["pending", "pending"], ["pending", "pending"]),
        ([ACCEPTED, RETRY], ["accepted", "pending"], ["accepted", "pending", "pending"]),
        ([DOUBTFUL, NOT_SENT], ["doubtful", "pending"], ["doubtful", "pending", "pending"]),
    ],
)
def test_mixed_receipts(sending: World, outcomes: list[Outcome], deliveries: list[str], states: list[str]) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    assert sending.record(batch, receipts(batch, *outcomes)) == 2
    found = sending.states()
    assert [found["ada"], found["ben"]] == deliveries
    assert sending.batch_states() == states


def test_a_retry_waits_as_long_as_the_server_says(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    sending.record(batch, receipts(batch, ACCEPTED, RETRY, retry_after=90.0))
    sending.submit()
    assert sending.claim() is None
    assert not sending.finish()
    with sending.store.read() as connection:
        assert ledger.next_due(connection, "issue") == NOW + timedelta(seconds=90)
    sending.later(1.5)
    again = sending.claimed()
    assert (names(again), again.number, again.attempts) == (["ben"], 3, 1)
    assert sending.begin(again)
    sending.record(again, receipts(again, ACCEPTED))
    assert sending.finish()


def test_a_batch_tried_again_as_a_whole_keeps_its_number_and_backs_off(sending: World) -> None:
    pauses = []
    for _ in range(3):
        with sending.store.read() as connection:
            sending.now = max(sending.now, ledger.next_due(connection, "issue") or sending.now)
        batch = sending.claimed()
        assert batch.number == 1
        sending.begin(batch)
        sending.record(batch, receipts(batch, RETRY))
        with sending.store.read() as connection:
            due = ledger.next_due(connection, "issue")
        assert due is not None
        pauses.append((due - sending.now).total_seconds())
    assert pauses == [30, 60, 120]
    assert sending.batch_states() == ["pending", "pending"]


def test_what_was_not_sent_is_due_at_once_and_no_attempt(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    sending.record(batch, receipts(batch, NOT_SENT))
    again = sending.claimed()
    assert (again.id, again.attempts) == (batch.id, 0)


def test_receipts_in_parts(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    ada, ben = receipts(batch, RETRY, ACCEPTED)
    assert sending.record(batch, [ada]) == 1
    assert sending.batch_states() == ["submitting", "pending"], "it waits for the rest"
    assert sending.record(batch, [ben]) == 1
    assert sending.batch_states() == ["accepted", "pending", "pending"]


def test_death_between_two_parts_leaves_only_the_rest_in_doubt(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    sending.record(batch, receipts(batch, ACCEPTED)[:1])
    sending.later(2)
    assert sending.sweep().doubtful == 1
    assert (sending.states()["ada"], sending.states()["ben"]) == ("accepted", "doubtful")


def test_receipt_details_are_kept(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    sending.record(batch, receipts(batch, REFUSED, detail="550 no such user", provider_id="q1"))
    with sending.store.read() as connection:
        row = connection.execute(
            sa.select(deliveries.c.detail, deliveries.c.provider_id, deliveries.c.updated_at).where(
                deliveries.c.id == batch.recipients[0].delivery_id
            )
        ).one()
    assert tuple(row) == ("550 no such user", "q1", NOW)


def test_the_claim_takes_out_who_must_not_be_mailed_any_more(sending: World) -> None:
    sending.change("weekly", "ada", UNSUBSCRIBED)
    sending.suppress("cleo")
    first, second = sending.claimed(), sending.claimed()
    assert (names(first), names(second)) == (["ben"], ["dan"])
    assert sending.states() == {"ada": "excluded", "ben": "pending", "cleo": "excluded", "dan": "pending"}
    with sending.store.read() as connection:
        reasons = connection.execute(
            sa.select(deliveries.c.detail).where(deliveries.c.state == DeliveryState.EXCLUDED)
        ).scalars()
        assert sorted(reasons) == ["suppressed", "unsubscribed"]
    assert sending.figures().recipients == 4


def test_a_batch_with_nobody_left_is_passed_over(sending: World) -> None:
    sending.change("weekly", "ada", UNSUBSCRIBED)
    sending.suppress("ben")
    assert names(sending.claimed()) == ["cleo", "dan"]
    assert sending.batch_states() == ["cancelled", "claimed"]


def test_who_left_one_list_gets_it_through_another_of_the_issue(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.add("alerts", "ada")
    world.freeze("weekly", "alerts")
    world.change("weekly", "ada", UNSUBSCRIBED)
    found = {recipient.email: recipient.list_name for recipient in world.claimed().recipients}
    assert found == {"ada@example.org": "alerts", "ben@example.org": "weekly"}


def test_suppression_wins_over_another_list_at_the_claim(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.add("alerts", "ada")
    world.freeze("weekly", "alerts")
    world.change("weekly", "ada", UNSUBSCRIBED)
    world.suppress("ada")
    assert names(world.claimed()) == ["ben"]
    assert world.states()["ada"] == "excluded"


def test_cancelling_keeps_what_has_not_left(sending: World) -> None:
    sending.submit()
    batch = sending.claimed()
    sending.begin(batch)
    sending.add("weekly", "eve")
    with sending.store.write() as connection:
        assert ledger.cancel(connection, "issue", NOW) == 0
    sending.record(batch, receipts(batch, ACCEPTED, RETRY))
    assert sending.states() == {"ada": "accepted", "ben": "accepted", "cleo": "accepted", "dan": "cancelled"}
    assert sending.batch_states() == ["accepted", "accepted", "cancelled"]
    cannot = pytest.raises(ConflictError, match="is cancelled; it cannot become cancelled")
    with cannot, sending.store.write() as connection:
        ledger.cancel(connection, "issue", NOW)


def test_cancelling_before_anything_left(sending: World) -> None:
    claimed = sending.claimed("dead")
    with sending.store.write() as connection:
        assert ledger.cancel(connection, "issue", NOW) == 2
    assert not sending.begin(claimed, "dead")
    sending.later(2)
    assert sending.sweep().returned == 1
    assert set(sending.states().values()) == {"cancelled"}
    assert not sending.finish()


def test_given_back_in_a_cancelled_issue_is_cancelled(sending: World) -> None:
    claimed = sending.claimed()
    with sending.store.write() as connection:
        ledger.cancel(connection, "issue", NOW)
        assert ledger.give_back(connection, claimed.id, "one", NOW)
    assert set(sending.batch_states()) == {"cancelled"}


def test_a_doubt_that_was_not_sent_opens_the_issue_again(sending: World) -> None:
    batch = sending.claimed("slow")
    sending.begin(batch, "slow")
    sending.later(2)
    sending.sweep()
    sending.submit()
    assert sending.finish(), "doubts do not keep an issue open"
    sending.record(batch, receipts(batch, NOT_SENT, ACCEPTED), "slow")
    with sending.store.read() as connection:
        stored = issues.get(connection, "issue")
    assert stored is not None
    assert (stored.state, stored.finished_at) == (IssueState.SENDING, None)
    assert names(sending.claimed()) == ["ada"]


def test_two_issues_do_not_touch_one_another(sending: World) -> None:
    sending.freeze("weekly", name="other", batch_size=4)
    sending.submit(issue="other")
    assert sending.finish("other")
    assert not sending.finish("issue")
    assert sending.figures("issue").deliveries[DeliveryState.PENDING] == 4
    assert sending.figures("other").deliveries[DeliveryState.ACCEPTED] == 4


def test_a_clock_set_back_does_not_postpone_what_is_due(sending: World) -> None:
    sending.now = NOW - timedelta(hours=3)
    assert sending.claim() is not None


def test_unknown_issue(sending: World) -> None:
    assert sending.claim(issue="nope") is None
    with pytest.raises(NotFoundError):
        sending.finish("nope")


def test_batches_are_taken_in_order(sending: World) -> None:
    sending.claimed()
    with sending.store.read() as connection:
        states = dict(connection.execute(sa.select(batches.c.number, batches.c.state)).all())
    assert states == {1: BatchState.CLAIMED, 2: BatchState.PENDING}


def waiting(world: World) -> list[tuple[float | None, int]]:
    """When each waiting batch is due, in seconds from the start, and how many deliveries it has."""
    count = sa.select(sa.func.count()).where(deliveries.c.batch_id == batches.c.id).scalar_subquery()
    query = sa.select(batches.c.due_at, count).where(batches.c.state == BatchState.PENDING).order_by(batches.c.due_at)
    with world.store.read() as connection:
        return [(None if due is None else (due - NOW).total_seconds(), size) for due, size in connection.execute(query)]


def test_who_waits_longer_keeps_nobody_else_waiting(world: World) -> None:
    world.add("weekly", *(f"p{number}" for number in range(8)))
    world.freeze("weekly")
    batch = world.claimed()
    world.begin(batch)
    pauses = [None, 60, 63, 900, 3600, 3604.5, 60, None]
    answers = [
        Receipt(one.delivery_id, RETRY if pause else ACCEPTED, retry_after=pause)
        for one, pause in zip(batch.recipients, pauses, strict=True)
    ]
    assert world.record(batch, answers) == 8
    assert waiting(world) == [(63, 3), (900, 1), (3604.5, 2)]
    world.now = NOW + timedelta(seconds=63)
    assert names(world.claimed()) == ["p1", "p2", "p6"]


def test_of_a_batch_of_which_nothing_was_taken_the_last_to_wait_stay(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    ada, ben = batch.recipients
    later = Receipt(ada.delivery_id, RETRY, retry_after=500)
    sending.record(batch, [later, Receipt(ben.delivery_id, NOT_SENT)])
    assert sending.batch_states() == ["pending", "pending", "pending"]
    assert sorted(waiting(sending), key=str) == [(500, 1), (None, 1), (None, 2)]
    assert [names(sending.claimed(owner)) for owner in ("a", "b")] == [["cleo", "dan"], ["ben"]]
    assert sending.claim("c") is None


def test_many_different_times_make_few_batches(world: World) -> None:
    world.add("weekly", *(f"p{number:02}" for number in range(60)))
    world.freeze("weekly")
    batch = world.claimed()
    world.begin(batch)
    answers = [Receipt(one.delivery_id, RETRY, retry_after=100 * at) for at, one in enumerate(batch.recipients)]
    world.record(batch, answers)
    found = waiting(world)
    assert sum(size for _, size in found) == 60
    assert 2 <= len(found) <= 8


def test_what_was_tried_for_a_day_is_given_up(world: World) -> None:
    world.add("weekly", "ada")
    world.freeze("weekly")
    for attempt in range(40):
        batch = world.claimed()
        assert batch.attempts == attempt
        world.begin(batch)
        world.record(batch, receipts(batch, RETRY, detail="451 later", retry_after=7200))
        if world.states()["ada"] == "refused":
            break
        world.later(120)
    assert attempt >= 15
    assert world.now - NOW > timedelta(days=1)
    with world.store.read() as connection:
        assert ledger.refusals(connection, "issue") == {f"given up after {attempt + 1} attempts: 451 later": 1}
    assert world.finish()


def test_what_could_only_be_tried_too_late_is_given_up(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", not_after=NOW + timedelta(hours=1))
    batch = world.claimed()
    world.begin(batch)
    world.record(batch, [*receipts(batch, RETRY, retry_after=60)[:1], *receipts(batch, RETRY, retry_after=3601)[1:]])
    assert world.states() == {"ada": "pending", "ben": "refused"}


def test_nothing_begins_after_the_last_moment_of_an_issue(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", batch_size=1, not_after=NOW + MINUTE)
    world.later(1)
    batch = world.claimed(lease=600)
    world.now += timedelta(seconds=1)
    assert not world.begin(batch)
    assert world.claim("two") is None


def test_marks_stay_until_the_batch_is_free_again(sending: World) -> None:
    held = ledger.Marks("sendgrid", boot="b", hold="h-1", send_at=NOW + MINUTE)
    batch = sending.claimed()
    assert sending.begin(batch, marks=held)
    query = sa.select(batches.c.provider, batches.c.in_order, batches.c.boot, batches.c.hold, batches.c.send_at).where(
        batches.c.id == batch.id
    )
    with sending.store.read() as connection:
        assert tuple(connection.execute(query).one()) == ("sendgrid", False, "b", "h-1", NOW + MINUTE)
    sending.record(batch, receipts(batch, NOT_SENT))
    with sending.store.read() as connection:
        assert tuple(connection.execute(query).one())[3:] == ("", None)


@pytest.mark.parametrize("order", [1, -1])
def test_receipts_in_any_order_with_different_words(sending: World, order: int) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    said = [Receipt(one.delivery_id, ACCEPTED, f"250 {at}", f"q{at}") for at, one in enumerate(batch.recipients)]
    assert sending.record(batch, said[::order]) == 2
    query = sa.select(deliveries.c.detail, deliveries.c.provider_id).order_by(deliveries.c.id).limit(2)
    with sending.store.read() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [("250 0", "q0"), ("250 1", "q1")]


def test_the_first_of_two_receipts_for_one_counts(sending: World) -> None:
    batch = sending.claimed()
    sending.begin(batch)
    assert sending.record(batch, [*receipts(batch, ACCEPTED), *receipts(batch, REFUSED)]) == 2
    assert [sending.states()[name] for name in ("ada", "ben")] == ["accepted", "accepted"]
