"""Safe mode: what is in doubt and still kept is dropped and goes out again, and nobody gets it twice or not at all."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from mailer.model import DeliveryState, IssueChange, IssueState, Outcome, Receipt
from mailer.services.sending.holding import SLACK, hold_for, may_go_on, settle_held, settles_at, unsettled
from mailer.services.sending.recalling import Recalled, can_recall, drop_held, recall
from mailer.store import evidence, holding, ledger
from mailer.store import issues as stored_issues
from mailer.store.tables import batches, deliveries
from tests.store.keeping import LEAD, Killed, Place, begun, handed, numbers, place
from tests.store.world import World

ACCEPTED, DOUBTFUL, REFUSED = Outcome.ACCEPTED, Outcome.DOUBTFUL, Outcome.REFUSED
PEOPLE = ("ann", "bo", "cy", "dee")


@pytest.fixture
def here(world: World) -> Place:
    """Two batches of two people each."""
    world.add("members", *PEOPLE)
    world.freeze("members", batch_size=2)
    return place(world)


def settle(here: Place) -> int:
    return settle_held(here.as_program(), here.keeper, "issue", here.world.now)


def due(here: Place) -> datetime | None:
    return settles_at(here.as_program(), here.keeper, "issue", here.world.now)


def states(here: Place) -> Counter[str]:
    return Counter(here.world.states().values())


def cancel(here: Place) -> None:
    with here.world.store.write() as connection:
        ledger.cancel(connection, "issue", here.world.now)


def changes(here: Place) -> list[tuple[IssueChange, str]]:
    with here.world.store.read() as connection:
        number = stored_issues.number(connection, "issue")
        return [(each.what, each.detail) for each in stored_issues.changes(connection, number)]


def send_the_rest(here: Place) -> None:
    while (waiting := here.world.batch_states().count("pending")) > 0:
        handed(here, ACCEPTED)
        assert here.world.batch_states().count("pending") == waiting - 1


def check_everybody_once(here: Place) -> None:
    """The ledger says what really happens."""
    query = sa.select(deliveries.c.id, deliveries.c.state)
    with here.world.store.read() as connection:
        rows = connection.execute(query).all()
    left = here.keeper.left()
    for number, state in rows:
        if state is DeliveryState.DOUBTFUL:
            assert left[number] <= 1
        else:
            assert left[number] == (state is DeliveryState.ACCEPTED), state


# Which number, and until when.


def test_a_batch_is_kept_until_its_time(here: Place) -> None:
    batch = here.world.claimed()
    kept = hold_for(here.as_program(), here.keeper, batch, here.world.now)
    assert kept is not None
    assert (kept.hold, kept.send_at) == ("hold1", here.world.now + timedelta(minutes=25))


def test_a_long_lease_is_kept_longer(here: Place) -> None:
    """Who comes after a sender that died must be in time."""
    batch = here.world.claimed(lease=30 * 60)
    kept = hold_for(here.as_program(), here.keeper, batch, here.world.now)
    assert kept is not None
    assert kept.send_at - LEAD - SLACK > batch.lease_until


def test_nothing_is_kept_longer_than_the_provider_does(world: World) -> None:
    world.add("members", "ann")
    world.freeze("members")
    here = place(world, minutes=24 * 60)
    batch = world.claimed(lease=100 * 3600)
    kept = hold_for(here.as_program(), here.keeper, batch, world.now)
    assert kept is not None
    assert kept.send_at < world.now + here.keeper.hold_terms.longest


def test_without_safe_mode_nothing_is_kept(world: World) -> None:
    world.add("members", "ann")
    world.freeze("members")
    here = place(world, safe=False)
    assert hold_for(here.as_program(), here.keeper, world.claimed(), world.now) is None
    assert here.keeper.made == 0


# A doubt.


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "never arrived"])
def test_a_doubt_is_dropped_and_goes_out_again(here: Place, arrives: bool) -> None:
    handed(here, DOUBTFUL, arrives=arrives)
    assert due(here) == here.world.now
    assert settle(here) == 1
    assert states(here) == {"pending": 4}
    assert here.world.batch_states() == ["cancelled", "pending", "pending"]
    assert here.keeper.drops == ["hold1"]
    assert due(here) is None
    assert settle(here) == 0
    send_the_rest(here)
    assert states(here) == {"accepted": 4}
    check_everybody_once(here)
    assert (IssueChange.RESOLVED, "2 mails in doubt were dropped before they left, and go out with batch 3") in changes(
        here
    )


def test_what_was_accepted_under_the_same_number_goes_out_again_too(here: Place) -> None:
    """One request of the batch was answered, the next one was not."""
    batch, hold, send_at = begun(here)
    first, second = numbers(batch)
    here.keeper.post(hold, send_at, [first, second])
    here.world.record(batch, [Receipt(first, ACCEPTED, provider_id="mid"), Receipt(second, DOUBTFUL)])
    assert settle(here) == 1
    assert states(here) == {"pending": 4}
    send_the_rest(here)
    check_everybody_once(here)


def test_who_was_refused_stays_refused(here: Place) -> None:
    batch, hold, send_at = begun(here)
    first, second = numbers(batch)
    here.keeper.post(hold, send_at, [second])
    here.world.record(batch, [Receipt(first, REFUSED, "no such mailbox"), Receipt(second, DOUBTFUL)])
    assert settle(here) == 1
    assert states(here) == {"pending": 3, "refused": 1}
    assert here.world.batch_states() == ["refused", "pending", "pending"]
    send_the_rest(here)
    check_everybody_once(here)


def test_a_sender_that_died_leaves_nothing_to_ask_anybody(here: Place) -> None:
    batch, hold, send_at = begun(here)
    here.keeper.post(hold, send_at, numbers(batch))
    assert settle(here) == 0, "its sender may still say"
    here.world.later(2)
    here.world.sweep()
    assert settle(here) == 1
    send_the_rest(here)
    assert states(here) == {"accepted": 4}
    check_everybody_once(here)


def test_an_answer_that_comes_after_the_drop_does_not_count(here: Place) -> None:
    """Its sender was stopped for longer than its lease, and wakes up with a 202 in its hands."""
    batch, hold, send_at = begun(here, "slow")
    here.world.later(2)
    here.world.sweep()
    answers = [Receipt(number, ACCEPTED) for number in numbers(batch)]

    def wakes() -> None:
        here.keeper.post(hold, send_at, numbers(batch))
        assert here.world.record(batch, answers, "slow") == 0

    here.keeper.on_drop = wakes
    assert settle(here) == 1
    here.keeper.on_drop = None
    assert here.world.record(batch, answers, "slow") == 0
    send_the_rest(here)
    check_everybody_once(here)


def test_an_answer_that_comes_before_the_drop_does(here: Place) -> None:
    batch, hold, send_at = begun(here, "slow")
    here.keeper.post(hold, send_at, numbers(batch))
    here.world.later(2)
    here.world.sweep()
    assert here.world.record(batch, [Receipt(number, ACCEPTED) for number in numbers(batch)], "slow") == 2
    assert settle(here) == 0
    assert here.keeper.drops == []
    check_everybody_once(here)


def test_a_report_that_it_was_taken_does_not_bring_back_what_was_dropped(here: Place) -> None:
    """Reported as processed while it was dropped: it was accepted, and it never leaves."""
    batch, hold, send_at = begun(here)
    here.keeper.post(hold, send_at, numbers(batch))
    here.world.record(batch, [Receipt(number, DOUBTFUL) for number in numbers(batch)])

    def reported() -> int:
        with here.world.store.write() as connection:
            return sum(evidence.accept(connection, number, "reported", here.world.now) for number in numbers(batch))

    here.keeper.on_drop = reported
    here.keeper.faults.append("killed after")
    with pytest.raises(Killed):
        settle(here)
    check_everybody_once(here)
    here.world.later(1)
    assert settle(here) == 1
    here.keeper.on_drop = None
    send_the_rest(here)
    check_everybody_once(here)


def test_a_report_that_comes_after_the_time_is_believed(here: Place) -> None:
    batch = handed(here, DOUBTFUL)
    here.keeper.faults.append("killed before")
    with pytest.raises(Killed):
        settle(here)
    here.world.later(26)
    with here.world.store.write() as connection:
        assert evidence.accept(connection, numbers(batch)[0], "delivered", here.world.now)
    assert states(here) == {"accepted": 1, "doubtful": 1, "pending": 2}
    check_everybody_once(here)


def test_an_issue_that_is_said_to_be_sent_is_looked_at_again_while_there_is_time(here: Place) -> None:
    handed(here, DOUBTFUL)
    handed(here, ACCEPTED)
    assert here.world.finish()
    assert unsettled(here.as_program(), "issue")
    here.world.later(13)
    assert not unsettled(here.as_program(), "issue")


def test_two_senders_at_once_drop_it_once(here: Place) -> None:
    handed(here, DOUBTFUL)
    here.keeper.on_drop = lambda: settled.append(settle(here))
    settled: list[int] = []
    assert settle(here) == 1
    assert settled == [0]
    assert here.keeper.drops == ["hold1"]


def test_a_batch_of_another_provider_is_left_alone(here: Place) -> None:
    handed(here, DOUBTFUL)
    here.keeper.name = "another"
    assert (settle(here), due(here)) == (0, None)
    assert here.keeper.drops == []


def test_an_issue_that_was_sent_is_being_sent_again(here: Place) -> None:
    handed(here, DOUBTFUL)
    handed(here, ACCEPTED)
    assert here.world.finish()
    assert settle(here) == 1
    with here.world.store.read() as connection:
        assert stored_issues.state_of(connection, "issue") is IssueState.SENDING
    send_the_rest(here)
    assert here.world.finish()
    check_everybody_once(here)


# The last moment.


@pytest.mark.parametrize(("minutes", "drops"), [(12.9, 1), (13.1, 0), (60, 0)])
def test_ten_minutes_before_the_time_a_doubt_is_for_a_person(here: Place, minutes: float, drops: int) -> None:
    handed(here, DOUBTFUL)
    here.world.later(minutes)
    assert (due(here) is not None) == bool(drops)
    assert settle(here) == drops
    assert len(here.keeper.drops) == drops
    assert states(here)["doubtful"] == (0 if drops else 2)
    check_everybody_once(here)


@pytest.mark.parametrize("fault", ["before", "after", "refused"])
def test_a_drop_that_fails_is_tried_again(here: Place, fault: str) -> None:
    handed(here, DOUBTFUL)
    here.keeper.faults.extend([fault] * 3)
    for _ in range(3):
        assert settle(here) == 0
        assert states(here) == {"doubtful": 2, "pending": 2}
        assert settle(here) == 0, "not at once"
        wanted = due(here)
        assert wanted is not None
        assert wanted > here.world.now
        here.world.now = wanted
    assert settle(here) == 1
    assert here.keeper.drops == ["hold1"] * 4
    send_the_rest(here)
    check_everybody_once(here)


@pytest.mark.parametrize("fault", ["before", "after", "refused"])
def test_a_drop_that_fails_until_the_last_moment_is_a_doubt_and_never_sent_again(here: Place, fault: str) -> None:
    handed(here, DOUBTFUL)
    here.keeper.faults.extend([fault] * 1000)
    while (wanted := due(here)) is not None:
        here.world.now = max(wanted, here.world.now)
        settle(here)
    assert 20 < len(here.keeper.drops) < 80
    assert states(here) == {"doubtful": 2, "pending": 2}
    send_the_rest(here)
    check_everybody_once(here)


def test_what_was_accepted_beside_a_doubt_stays_so_when_nothing_was_dropped(here: Place) -> None:
    batch, hold, send_at = begun(here)
    first, second = numbers(batch)
    here.keeper.post(hold, send_at, [first, second])
    here.world.record(batch, [Receipt(first, ACCEPTED, provider_id="mid"), Receipt(second, DOUBTFUL, "no answer")])
    here.keeper.faults.append("refused")
    assert settle(here) == 0
    assert states(here) == {"accepted": 1, "doubtful": 1, "pending": 2}
    assert here.world.batch_states() == ["doubtful", "pending"]
    here.keeper.faults.append("after")
    here.world.later(1)
    assert settle(here) == 0
    assert states(here) == {"doubtful": 2, "pending": 2}, "nobody knows of either"
    check_everybody_once(here)


@pytest.mark.parametrize("fault", ["killed before", "killed after"])
def test_killed_at_the_drop_the_next_one_asks_again(here: Place, fault: str) -> None:
    batch, hold, send_at = begun(here)
    first, second = numbers(batch)
    here.keeper.post(hold, send_at, [first, second])
    here.world.record(batch, [Receipt(first, ACCEPTED), Receipt(second, DOUBTFUL)])
    here.keeper.faults.append(fault)
    with pytest.raises(Killed):
        settle(here)
    check_everybody_once(here)
    assert settle(here) == 0, "somebody may be at it"
    here.world.later(1)
    assert settle(here) == 1
    send_the_rest(here)
    assert states(here) == {"accepted": 4}
    check_everybody_once(here)


@pytest.mark.parametrize("step", ["take", "dropped", "keep"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_other_step(here: Place, step: str, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, hold, send_at = begun(here)
    first, second = numbers(batch)
    here.keeper.post(hold, send_at, [first, second])
    here.world.record(batch, [Receipt(first, ACCEPTED), Receipt(second, DOUBTFUL)])
    if step == "keep":
        here.keeper.faults.append("refused")
    real = getattr(holding, step)

    def dies(*given: object) -> None:
        if moment == "after":
            real(*given)
        raise Killed

    monkeypatch.setattr(holding, step, dies)
    with pytest.raises(Killed):
        settle(here)
    monkeypatch.setattr(holding, step, real)
    check_everybody_once(here)
    here.world.later(1)
    assert settle(here) == 1
    send_the_rest(here)
    check_everybody_once(here)


@pytest.mark.parametrize("fault", ["killed before", "killed after"])
def test_killed_at_the_drop_and_found_too_late_it_is_a_doubt(here: Place, fault: str) -> None:
    handed(here, DOUBTFUL)
    here.keeper.faults.append(fault)
    with pytest.raises(Killed):
        settle(here)
    here.world.later(20)
    assert (settle(here), due(here)) == (0, None)
    assert states(here)["doubtful"] == 2
    check_everybody_once(here)


# Enough of them.


def test_many_doubts_at_one_time_stop_the_campaign(world: World) -> None:
    world.add("members", *(f"p{number}" for number in range(12)))
    world.freeze("members", batch_size=1)
    here = place(world)
    for number in range(8):
        assert may_go_on(here.as_program(), here.keeper, "issue", world.now) == "", number
        handed(here, DOUBTFUL)
        assert settle(here) == 1
    reason = may_go_on(here.as_program(), here.keeper, "issue", world.now)
    assert reason == "8 batches fell into doubt within a short time, and keeper drops no more than 10 at once"
    world.later(26)
    assert may_go_on(here.as_program(), here.keeper, "issue", world.now) == "", "they have come to their time"
    check_everybody_once(here)


def test_doubts_that_are_not_dropped_yet_count(here: Place) -> None:
    handed(here, DOUBTFUL)
    handed(here, DOUBTFUL)
    with here.world.store.read() as connection:
        assert holding.in_flight(connection, "keeper", here.world.now) == 2
        assert holding.in_flight(connection, "another", here.world.now) == 0


def test_a_waiting_batch_that_was_cancelled_was_not_dropped(here: Place) -> None:
    batch, _, _ = begun(here)
    here.world.record(batch, [Receipt(number, Outcome.NOT_SENT) for number in numbers(batch)])
    cancel(here)
    with here.world.store.read() as connection:
        assert holding.in_flight(connection, "keeper", here.world.now) == 0


def test_what_was_dropped_long_ago_makes_room(here: Place) -> None:
    handed(here, DOUBTFUL)
    assert settle(here) == 1
    here.world.later(60 * 72)
    handed(here, DOUBTFUL)
    assert settle(here) == 1
    assert here.keeper.released == [], "72 hours after it would have left, not after it was dropped"
    here.world.later(60 * 73)
    handed(here, DOUBTFUL)
    assert settle(here) == 1
    assert here.keeper.released == ["hold1", "hold2"]
    here.world.later(1)
    handed(here, DOUBTFUL)
    assert settle(here) == 1
    assert here.keeper.released == ["hold1", "hold2"]


# Taking back what was accepted.


def test_what_is_still_kept_of_a_cancelled_issue_is_taken_back(here: Place) -> None:
    handed(here, ACCEPTED)
    assert drop_held(here.as_program(), "issue") == Recalled(), "it is not cancelled"
    cancel(here)
    assert can_recall(here.as_program(), "issue")
    assert drop_held(here.as_program(), "issue") == Recalled(mails=2, batches=1)
    assert states(here) == {"cancelled": 4}
    assert here.world.batch_states() == ["cancelled", "cancelled"]
    assert not can_recall(here.as_program(), "issue")
    assert drop_held(here.as_program(), "issue") == Recalled()
    assert (IssueChange.RESOLVED, "2 mails of batch 1 were taken back before they left") in changes(here)
    check_everybody_once(here)


def test_an_issue_that_was_sent_can_be_taken_back(here: Place) -> None:
    handed(here, ACCEPTED)
    handed(here, ACCEPTED)
    assert here.world.finish()
    assert can_recall(here.as_program(), "issue")
    assert recall(here.as_program(), "issue") == Recalled(mails=4, batches=2)
    assert states(here) == {"cancelled": 4}
    assert changes(here)[-3][0] is IssueChange.CANCELLED
    assert not can_recall(here.as_program(), "issue")
    check_everybody_once(here)


def test_what_is_in_flight_at_that_moment_is_taken_back_too(here: Place) -> None:
    batch, hold, send_at = begun(here)
    cancel(here)
    assert drop_held(here.as_program(), "issue") == Recalled(mails=2, batches=1)
    here.keeper.post(hold, send_at, numbers(batch))
    assert here.world.record(batch, [Receipt(number, ACCEPTED) for number in numbers(batch)]) == 0
    assert states(here) == {"cancelled": 4}
    check_everybody_once(here)


def test_what_is_in_flight_and_could_not_be_dropped_is_in_doubt(here: Place) -> None:
    begun(here)
    cancel(here)
    here.keeper.faults.append("refused")
    assert drop_held(here.as_program(), "issue") == Recalled(left=1)
    assert states(here) == {"cancelled": 2, "doubtful": 2}


def test_doubts_of_a_cancelled_issue_are_taken_back(here: Place) -> None:
    handed(here, DOUBTFUL)
    cancel(here)
    assert drop_held(here.as_program(), "issue") == Recalled(mails=2, batches=1)
    assert states(here) == {"cancelled": 4}
    check_everybody_once(here)


def test_what_could_not_be_taken_back_is_accepted_as_before(here: Place) -> None:
    handed(here, ACCEPTED)
    cancel(here)
    here.keeper.faults.append("refused")
    assert drop_held(here.as_program(), "issue") == Recalled(left=1)
    assert states(here) == {"accepted": 2, "cancelled": 2}
    assert here.world.batch_states() == ["accepted", "cancelled"]
    here.world.later(1)
    assert drop_held(here.as_program(), "issue") == Recalled(mails=2, batches=1), "asked again, it goes on"
    check_everybody_once(here)


@pytest.mark.parametrize("fault", ["before", "after", "killed before", "killed after"])
def test_what_nobody_knows_of_is_in_doubt_and_can_be_asked_for_again(here: Place, fault: str) -> None:
    handed(here, ACCEPTED)
    cancel(here)
    here.keeper.faults.append(fault)
    if fault.startswith("killed"):
        with pytest.raises(Killed):
            drop_held(here.as_program(), "issue")
    else:
        assert drop_held(here.as_program(), "issue") == Recalled(unknown=1)
    assert states(here) == {"doubtful": 2, "cancelled": 2}
    check_everybody_once(here)
    here.world.later(1)
    assert drop_held(here.as_program(), "issue") == Recalled(mails=2, batches=1)
    assert states(here) == {"cancelled": 4}
    check_everybody_once(here)


def test_more_than_the_provider_drops_leave(world: World) -> None:
    world.add("members", *(f"p{number}" for number in range(20)))
    world.freeze("members", batch_size=1)
    here = place(world)
    for _ in range(20):
        handed(here, ACCEPTED)
    assert world.finish()
    assert recall(here.as_program(), "issue") == Recalled(mails=10, batches=10, left=10)
    assert len(here.keeper.drops) == 13, "it does not ask for each of the others"
    assert states(here) == {"cancelled": 10, "accepted": 10}
    check_everybody_once(here)


def test_what_left_already_cannot_be_taken_back(here: Place) -> None:
    handed(here, ACCEPTED)
    here.world.later(30)
    assert not can_recall(here.as_program(), "issue")
    cancel(here)
    assert drop_held(here.as_program(), "issue") == Recalled()
    assert here.keeper.drops == []


def test_the_numbers_are_written_down_before_the_call(here: Place) -> None:
    batch, hold, send_at = begun(here)
    with here.world.store.read() as connection:
        row = connection.execute(sa.select(batches).where(batches.c.id == batch.id)).one()
    assert (row.hold, row.send_at, row.provider) == (hold, send_at, "keeper")
