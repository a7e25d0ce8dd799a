"""Asking people to confirm, on every kind of database: whom, how often, and nobody twice whatever dies."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.audience.address import parse_address
from mailer.config import Settings
from mailer.errors import ProviderError, TemplateError
from mailer.model import Batch, How, MailingList, Outcome, Receipt, SubscriptionState, SuppressionReason
from mailer.providers import Capabilities
from mailer.services import asking
from mailer.services.asking import AskResult, usual_rule
from mailer.services.subscribers import NotAsked
from mailer.store import confirmations, consents, lists, subscribers, suppressions
from mailer.store.confirmations import Rule
from mailer.store.database import Store
from mailer.store.subscriptions import Origin
from mailer.store.suppressions import Suppression
from mailer.store.tables import confirmations as asks
from mailer.store.tables import consent_texts
from tests.store.asking_program import SETTINGS, WEEKLY, Campaign, Desk, accept, answering

PENDING = SubscriptionState.PENDING


@pytest.fixture
def campaign(store: Store, tmp_path: Path) -> Campaign:
    return Campaign.over(store, tmp_path)


def bring(campaign: Campaign, *names: str, state: SubscriptionState = PENDING, to: MailingList = WEEKLY) -> None:
    """As an import does it: nobody is mailed."""
    people = [subscribers.NewSubscriber(parse_address(f"{name}@example.org"), {}, state) for name in names]
    with campaign.store.write() as connection:
        number = lists.ensure(connection, to)
        subscribers.upsert(connection, number, people, Origin(How.IMPORT, "a test"), campaign.moment)


def ask(campaign: Campaign, limit: int | None = None) -> AskResult:
    return asking.ask_everybody(campaign, WEEKLY, usual_rule(campaign.moment), limit)


def asked(campaign: Campaign) -> list[str]:
    return [str(mail["To"]).partition("@")[0] for mail in campaign.desk.mails]


def outcomes(campaign: Campaign) -> list[str]:
    with campaign.store.read() as connection:
        return list(connection.execute(sa.select(asks.c.outcome).order_by(asks.c.id)).scalars())


def due(campaign: Campaign) -> int:
    return asking.count_due(campaign, WEEKLY, usual_rule(campaign.moment))


def test_pending_people_are_asked_once_and_again_after_the_pause_but_not_for_ever(campaign: Campaign) -> None:
    bring(campaign, "ann", "bob")
    assert due(campaign) == 2
    first = ask(campaign)
    assert (first.due, first.accepted, asked(campaign)) == (2, 2, ["ann", "bob"])
    campaign.moment += timedelta(days=6, hours=23)
    assert (ask(campaign).due, due(campaign)) == (0, 0)
    for _ in range(4):
        campaign.moment += timedelta(days=7)
        ask(campaign)
    assert sorted(asked(campaign)) == ["ann"] * 3 + ["bob"] * 3


def test_nobody_else_is_asked(campaign: Campaign) -> None:
    bring(campaign, "ann", "bob", "cia", "dan")
    bring(campaign, "eve", state=SubscriptionState.CONFIRMED)
    bring(campaign, "fay", to=MailingList("members", "Members"))
    with campaign.store.write() as connection:
        suppressions.add(connection, Suppression("bob@example.org", SuppressionReason.BOUNCED), campaign.moment)
        here = lists.ensure(connection, WEEKLY)
        suppressions.add(connection, Suppression("cia@example.org", list_id=here), campaign.moment)
        elsewhere = lists.ensure(connection, MailingList("members", "Members"))
        suppressions.add(connection, Suppression("dan@example.org", list_id=elsewhere), campaign.moment)
    assert due(campaign) == 2
    ask(campaign)
    assert asked(campaign) == ["ann", "dan"]


def test_a_limit_and_the_rest_later(campaign: Campaign) -> None:
    bring(campaign, *(f"p{number:03d}" for number in range(250)))
    campaign.desk.capabilities = Capabilities(max_recipients=40)
    first = ask(campaign, limit=90)
    assert (first.due, first.accepted, campaign.desk.sizes) == (250, 90, [40, 40, 10])
    assert ask(campaign).accepted == 160
    assert sorted(asked(campaign)) == [f"p{number:03d}" for number in range(250)]


def test_the_mail_is_written_down_before_it_is_handed_over(campaign: Campaign) -> None:
    bring(campaign, "ann")
    seen: list[list[str]] = []

    def look(batch: Batch) -> tuple[Receipt, ...]:
        seen.append(outcomes(campaign))
        return answering(Outcome.ACCEPTED)(batch)

    campaign.desk.answer = look
    ask(campaign)
    assert (seen, outcomes(campaign)) == ([["open"]], ["accepted"])
    with campaign.store.read() as connection:
        (found,) = confirmations.of_person(connection, "ann@example.org")
    assert (found.asked_at, found.sent_at) == (campaign.moment, campaign.moment)
    assert found.message_id == str(campaign.desk.mails[0]["Message-ID"]).strip("<>")
    assert found.consent_version == consents.version_of(WEEKLY.consent)


def test_who_dies_in_the_middle_asks_nobody_twice(campaign: Campaign) -> None:
    bring(campaign, "ann", "bob")

    def die(batch: Batch) -> tuple[Receipt, ...]:
        raise KeyboardInterrupt

    campaign.desk.answer = die
    with pytest.raises(KeyboardInterrupt):
        ask(campaign)
    assert outcomes(campaign) == ["open", "open"]
    campaign.desk = Desk()
    assert ask(campaign).due == 0 and campaign.join("ann").asked is not None
    assert asked(campaign) == []


def test_what_certainly_did_not_leave_was_no_question(campaign: Campaign) -> None:
    bring(campaign, "ann", "bob")
    for answer in (answering(Outcome.NOT_SENT), answering(Outcome.RETRY)):
        campaign.desk.answer = answer
        assert (ask(campaign).not_sent, due(campaign)) == (2, 2)

    def cannot(batch: Batch) -> tuple[Receipt, ...]:
        raise ProviderError("desk: it is closed")

    campaign.desk.answer = cannot
    with pytest.raises(ProviderError):
        ask(campaign)
    assert outcomes(campaign) == ["not_sent"] * 6
    campaign.desk = Desk()
    assert ask(campaign).accepted == 2


def test_where_nothing_leaves_it_is_not_tried_with_everybody(campaign: Campaign) -> None:
    bring(campaign, *(f"p{number:03d}" for number in range(250)))
    campaign.desk.answer = answering(Outcome.RETRY, "the server is away")
    done = ask(campaign)
    assert (done.not_sent, done.reasons, done.due) == (100, {"the server is away": 100}, 250)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.DOUBTFUL])
def test_a_refusal_or_a_doubt_counts_as_a_question(campaign: Campaign, outcome: Outcome) -> None:
    bring(campaign, "ann")
    campaign.desk.answer = answering(outcome)
    done = ask(campaign)
    assert (done.refused, done.doubtful) == ((1, 0) if outcome is Outcome.REFUSED else (0, 1))
    assert (outcomes(campaign), due(campaign)) == ([outcome.value], 0)


def test_an_address_that_no_mail_can_go_to_stops_nobody_else(campaign: Campaign) -> None:
    bring(campaign, "ann", "jürgen", "bob")
    done = ask(campaign)
    assert (done.accepted, done.refused, asked(campaign)) == (2, 1, ["ann", "bob"])
    (reason,) = done.reasons
    assert reason.startswith("not written: To: ") and "jürgen" not in reason


def test_a_design_that_cannot_be_compiled_asks_nobody(campaign: Campaign) -> None:
    bring(campaign, "ann")
    campaign.workspace.templates_dir.mkdir()
    (campaign.workspace.templates_dir / "confirm.mjml").write_text("<mjml>{{ nothing.here }}</mjml>")
    with pytest.raises(TemplateError):
        ask(campaign)
    with pytest.raises(TemplateError):
        campaign.join("bob")
    assert (outcomes(campaign), campaign.state("bob")) == ([], None)


def test_processes_that_ask_at_the_same_time_share_the_people(campaign: Campaign) -> None:
    names = [f"p{number:03d}" for number in range(120)]
    bring(campaign, *names)
    campaign.desk.capabilities = Capabilities(max_recipients=7)
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        ask(campaign)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked(campaign)) == names


def test_joining_asks_at_once_and_joining_again_does_not(campaign: Campaign) -> None:
    added = campaign.join("ann")
    assert added.asked is not None and added.asked.result is Outcome.ACCEPTED
    again = campaign.join("ann")
    assert again.asked is not None and again.asked.result is NotAsked.PAUSE
    campaign.moment += timedelta(days=8)
    later = campaign.join("ann")
    assert later.asked is not None and later.asked.result is Outcome.ACCEPTED
    assert asked(campaign) == ["ann", "ann"]


def test_joining_asks_nobody_who_confirmed_left_or_is_suppressed(campaign: Campaign) -> None:
    bring(campaign, "ann", state=SubscriptionState.CONFIRMED)
    bring(campaign, "bob", state=SubscriptionState.UNSUBSCRIBED)
    with campaign.store.write() as connection:
        suppressions.add(connection, Suppression("cia@example.org"), campaign.moment)
    ann, bob, cia = (campaign.join(name) for name in ("ann", "bob", "cia"))
    assert (ann.state, ann.kept_out, ann.asked) == (SubscriptionState.CONFIRMED, False, None)
    assert [(each.kept_out, each.asked) for each in (bob, cia)] == [(True, None)] * 2
    assert (asked(campaign), outcomes(campaign)) == ([], [])


def test_the_reason_why_one_person_is_not_asked(campaign: Campaign) -> None:
    bring(campaign, "ann")
    ann, bob = parse_address("ann@example.org"), parse_address("bob@example.org")
    rule = usual_rule(campaign.moment)
    assert asking.would_ask(campaign, WEEKLY, bob, rule) is NotAsked.NOT_PENDING
    assert asking.would_ask(campaign, WEEKLY, ann, rule) is None
    assert asking.ask_one(campaign, WEEKLY, ann, rule).result is Outcome.ACCEPTED
    assert asking.would_ask(campaign, WEEKLY, ann, rule) is NotAsked.PAUSE
    assert asking.would_ask(campaign, WEEKLY, ann, Rule(1, campaign.moment)) is NotAsked.ENOUGH
    assert asking.ask_one(campaign, WEEKLY, ann, rule).result is NotAsked.PAUSE


def test_the_rule_says_the_same_in_python_and_in_the_database(campaign: Campaign) -> None:
    bring(campaign, "ann")
    ask(campaign)
    for days in (0, 1, 7, 8):
        for most in (1, 2):
            rule = Rule(most, campaign.moment + timedelta(days=days - 7))
            with campaign.store.write() as connection:
                number = lists.ensure(connection, WEEKLY)
                counted = confirmations.count_due(connection, number, rule)
                person = confirmations.pending_with(connection, number, "ann@example.org")
                page = confirmations.due_after(connection, number, rule, 0, 10)
            assert person is not None
            assert counted == len(page) == rule.allows(person.asked)


def test_a_text_is_kept_once_by_its_version(store: Store, campaign: Campaign) -> None:
    with store.write() as connection:
        first = consents.ensure(connection, "I agree.\nTo all.", campaign.moment)
        assert consents.ensure(connection, "  I agree.\r\nTo all.\r\n", campaign.moment) == first
        assert consents.ensure(connection, "I agree.", campaign.moment) != first
        assert consents.ensure(connection, " \n", campaign.moment) is None
        found = connection.execute(sa.select(consent_texts.c.version, consent_texts.c.text)).all()
    assert sorted(found) == sorted((consents.version_of(text), text) for text in ("I agree.\nTo all.", "I agree."))


def test_a_text_that_two_processes_keep_at_once_is_one(store: Store, campaign: Campaign) -> None:
    start = threading.Barrier(5)
    numbers: list[int | None] = []

    def run() -> None:
        start.wait()
        with store.write() as connection:
            numbers.append(consents.ensure(connection, "I agree.", campaign.moment))

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == 5 and len(set(numbers)) == 1


@pytest.mark.parametrize(("bounces", "sender"), [("", "news@example.org"), ("b@example.org", "b@example.org")])
def test_what_comes_back_goes_to_where_bounces_are_read(campaign: Campaign, bounces: str, sender: str) -> None:
    seen: list[str] = []

    def noting(batch: Batch) -> tuple[Receipt, ...]:
        seen.extend(each.sender for each in batch.envelopes)
        return accept(batch)

    campaign.settings = Settings.model_validate({**SETTINGS, "provider": {"bounces": bounces}})
    campaign.desk = Desk(noting)
    campaign.join("ada")
    assert seen == [sender]
