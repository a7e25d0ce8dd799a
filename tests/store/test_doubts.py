"""What is in doubt, and what a person's word makes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mailer.delivery.doubts import Word
from mailer.errors import ConflictError, NotFoundError
from mailer.model import DeliveryState, IssueState, Outcome, Receipt
from mailer.services import doubts
from mailer.services.doubts import Resolution
from mailer.store import doubts as stored
from mailer.store import evidence, ledger
from mailer.store import issues as stored_issues
from mailer.store.doubts import Which
from tests.store.asking_program import Campaign
from tests.store.world import NOW, UNSUBSCRIBED, World, key, names, receipts

LONG = 60


@pytest.fixture
def campaign(world: World, tmp_path: Path) -> Campaign:
    """Four people in two batches; what one of them was handed over with is unknown."""
    world.add("members", "ada", "ben", "cy", "dee")
    world.freeze("members", batch_size=2)
    world.submit(Outcome.DOUBTFUL)
    return Campaign.over(world.store, tmp_path)


def plan(campaign: Campaign, world: World, word: Word, batch: int | None = None, name: str | None = None) -> Resolution:
    campaign.moment = world.now
    return doubts.plan(campaign, Which("issue", world.now, batch, key(name) if name else None), word)


def resolve(
    campaign: Campaign, world: World, word: Word, batch: int | None = None, name: str | None = None
) -> Resolution:
    return doubts.resolve(campaign, plan(campaign, world, word, batch, name), "kim")


def state(world: World) -> IssueState:
    with world.store.read() as connection:
        return stored_issues.state_of(connection, "issue")


def changes(world: World) -> list[str]:
    with world.store.read() as connection:
        number = stored_issues.number(connection, "issue")
        return [each.detail for each in stored_issues.changes(connection, number) if each.what.value == "resolved"]


def test_the_listing_says_what_is_known(campaign: Campaign, world: World) -> None:
    world.later(5)
    (doubt,) = doubts.every(campaign)
    assert (doubt.issue, doubt.batch, doubt.people, doubt.since, doubt.busy) == ("issue", 1, 2, NOW, False)
    assert doubts.every(campaign, "issue") == [doubt]
    with pytest.raises(NotFoundError):
        doubts.every(campaign, "isue")


def test_what_a_dead_sender_left_is_found_by_looking(world: World, tmp_path: Path) -> None:
    world.add("members", "ada")
    world.freeze("members")
    assert world.begin(world.claimed())
    campaign = Campaign.over(world.store, tmp_path)
    assert doubts.every(campaign) == [], "its sender may be at work"
    campaign.moment = world.later(5)
    assert [doubt.people for doubt in doubts.every(campaign)] == [1]


def test_sent_settles_and_says_on_whose_word(campaign: Campaign, world: World) -> None:
    done = resolve(campaign, world, Word.SENT)
    assert (done.people, done.batches) == (2, 1)
    assert world.states() == {"ada": "accepted", "ben": "accepted", "cy": "pending", "dee": "pending"}
    assert world.batch_states() == ["accepted", "pending"]
    assert changes(world) == ["2: taken as sent on the word of kim, 2026-11-22 09:00 UTC"]
    assert doubts.every(campaign) == []


def test_resend_makes_an_issue_that_was_sent_be_sent_again(campaign: Campaign, world: World) -> None:
    world.submit()
    assert world.finish()
    world.later(LONG)
    resolve(campaign, world, Word.RESEND)
    assert state(world) is IssueState.SENDING
    assert names(world.claimed()) == ["ada", "ben"]


def test_one_person_is_sent_it_again_in_a_batch_of_its_own(campaign: Campaign, world: World) -> None:
    world.later(LONG)
    done = resolve(campaign, world, Word.RESEND, name="ben")
    assert (done.people, done.batches) == (1, 1)
    assert world.states() == {"ada": "doubtful", "ben": "pending", "cy": "pending", "dee": "pending"}
    assert world.batch_states() == ["doubtful", "pending", "pending"]
    assert names(world.claimed("a")) == ["cy", "dee"]
    assert names(world.claimed("b")) == ["ben"]


def test_a_batch_alone(campaign: Campaign, world: World) -> None:
    world.submit(Outcome.DOUBTFUL)
    world.later(LONG)
    assert resolve(campaign, world, Word.SENT, batch=2).people == 2
    assert world.batch_states() == ["doubtful", "accepted"]


def test_a_cancelled_issue_stays_so(campaign: Campaign, world: World) -> None:
    with world.store.write() as connection:
        ledger.cancel(connection, "issue", world.now)
    world.later(LONG)
    planned = plan(campaign, world, Word.RESEND)
    assert "nothing is sent" in planned.question()
    done = doubts.resolve(campaign, planned, "kim")
    assert state(world) is IssueState.CANCELLED
    assert set(world.states().values()) == {"cancelled"}
    assert "cancelled" in done.summary()[0]


def test_who_unsubscribed_meanwhile_is_not_sent_it_again(campaign: Campaign, world: World) -> None:
    world.change("members", "ada", UNSUBSCRIBED)
    world.later(LONG)
    resolve(campaign, world, Word.RESEND)
    assert names(world.claimed()) == ["ben"]
    assert world.states()["ada"] == DeliveryState.EXCLUDED.value


def test_a_young_doubt_is_not_sent_again_unless_it_is_said(campaign: Campaign, world: World) -> None:
    world.later(5)
    planned = plan(campaign, world, Word.RESEND)
    assert planned.too_young == NOW + doubts.LEAST_AGE
    with pytest.raises(ConflictError, match="too young"):
        doubts.resolve(campaign, planned, "kim")
    assert world.states()["ada"] == "doubtful"
    assert plan(campaign, world, Word.SENT).too_young is None
    assert doubts.resolve(campaign, planned, "kim", early=True).people == 2
    assert world.states()["ada"] == "pending"


def test_the_age_grows_with_the_lease(campaign: Campaign, world: World) -> None:
    limits = campaign.settings.limits.model_copy(update={"lease_seconds": 600})
    campaign.settings = campaign.settings.model_copy(update={"limits": limits})
    assert plan(campaign, world, Word.RESEND).too_young == NOW + timedelta(seconds=6000)


def test_only_what_was_counted_is_settled(campaign: Campaign, world: World) -> None:
    """Between the question and the answer an event settled one, and another batch fell into doubt."""
    world.later(LONG)
    planned = plan(campaign, world, Word.RESEND)
    assert planned.people == 2
    with world.store.write() as connection:
        evidence.accept(connection, 1, "an event", world.later())
    world.submit(Outcome.DOUBTFUL)
    done = doubts.resolve(campaign, planned, "kim")
    assert done.people == 1
    assert world.states() == {"ada": "accepted", "ben": "pending", "cy": "doubtful", "dee": "doubtful"}


def test_a_late_answer_settles_before_a_person_does_and_not_after(campaign: Campaign, world: World) -> None:
    world.later(LONG)
    planned = plan(campaign, world, Word.RESEND)
    doubts.resolve(campaign, planned, "kim")
    with world.store.write() as connection:
        assert ledger.record(connection, 1, "one", [Receipt(1, Outcome.ACCEPTED)], world.now) == 0
    assert world.states()["ada"] == "pending"


def test_what_is_being_handed_over_is_left_alone(world: World, tmp_path: Path) -> None:
    """A part of the answers is in doubt, and the sender is at work on the others."""
    world.add("members", "ada", "ben")
    world.freeze("members")
    batch = world.claimed()
    assert world.begin(batch)
    world.record(batch, receipts(batch, Outcome.DOUBTFUL)[:1])
    campaign = Campaign.over(world.store, tmp_path)
    (doubt,) = doubts.every(campaign)
    assert doubt.busy
    with pytest.raises(NotFoundError, match="still at work"):
        plan(campaign, world, Word.SENT)
    with world.store.write() as connection:
        done = stored.resolve(connection, Which("issue", world.now), DeliveryState.ACCEPTED, "", world.now)
    assert done.people == 0


@pytest.mark.parametrize(
    ("batch", "name", "said"),
    [
        (2, None, "in doubt are: 1"),
        (None, "dee", "is not in doubt for that person"),
        (None, "zoe", "nobody has that address"),
    ],
)
def test_nothing_of_that_kind(campaign: Campaign, world: World, batch: int | None, name: str | None, said: str) -> None:
    with pytest.raises(NotFoundError, match=said):
        plan(campaign, world, Word.SENT, batch, name)
