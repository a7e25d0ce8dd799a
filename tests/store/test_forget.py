"""Forgetting: nothing personal is left in any table, what the figures need is, and nobody comes back by an import."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.errors import ConflictError, MailerError
from mailer.model import (
    DeliveryState,
    EngagementKind,
    EventKind,
    Exclusion,
    How,
    MailingList,
    Outcome,
    SubscriptionState,
    SuppressionReason,
)
from mailer.store import erasing, held, ledger, lists, subscribers, subscriptions, suppressions
from mailer.store import issues as stored_issues
from mailer.store import subscriptions as stored_subscriptions
from mailer.store.database import Store
from mailer.store.erasing import COVERED, Traces
from mailer.store.subscriptions import Change, Origin
from mailer.store.suppressions import Suppression
from mailer.store.tables import confirmations, deliveries, engagements, events, exclusions, metadata, suppression_events
from mailer.store.tables import issues as issues_table
from mailer.store.tables import subscribers as people
from tests.store.test_suppressions import hasher
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, address, key, receipts

# Words that stand in what the person left behind, in every table, and nowhere else.
SECRETS = ("ada", "Lovelace", "Babbage", "203.0.113.7", "mail-77", "x-provider-5", "rang at noon")
ADA = key("ada")


@pytest.fixture
def world(store: Store) -> World:
    return World(replace(store, hasher=hasher))


def life(world: World) -> None:
    """A person of whom every table says something, and somebody else of whom it says the same."""
    for name in ("ada", "ben"):
        secret = "Lovelace" if name == "ada" else "Public"
        world.add("weekly", name, last_name=secret, tags=["Babbage"] if name == "ada" else [])
        world.add("alerts", name, state=PENDING)
        proof = Origin(How.FORM, "rang at noon", evidence={"ip": "203.0.113.7"})
        change(world, "alerts", name, CONFIRMED, proof if name == "ada" else Origin(How.FORM, "a form"))
    world.freeze("weekly", name="one")
    batch = world.claimed(issue="one")
    assert world.begin(batch)
    world.record(batch, receipts(batch, Outcome.ACCEPTED, provider_id="x-provider-5", detail="taken for Lovelace"))
    assert world.finish("one")
    world.add("local", "ada", "ben", state=UNSUBSCRIBED)
    world.freeze("local", name="two")
    with world.store.write() as connection:
        leave_more(connection)


def change(world: World, list_name: str, name: str, state: SubscriptionState, origin: Origin) -> None:
    with world.store.write() as connection:
        person = subscribers.get(connection, key(name))
        assert person is not None
        stored_subscriptions.change(connection, Change(list_name, person.id, state, origin), world.now)


def leave_more(connection: Connection) -> None:
    for name in ("ada", "ben"):
        number = connection.execute(sa.select(people.c.id).where(people.c.email_key == key(name))).scalar_one()
        issue = connection.execute(sa.select(issues_table.c.id)).scalars().first()
        asked = {"list_id": 1, "subscriber_id": number, "message_id": f"mail-77-{name}", "asked_at": NOW}
        connection.execute(sa.insert(confirmations).values(**asked, sent_at=NOW, outcome="accepted"))
        opened = {"issue_id": issue, "subscriber_id": number, "kind": EngagementKind.OPENED, "at": NOW}
        connection.execute(sa.insert(engagements).values(**opened))
        said = {"key": f"event-{number}", "delivery_id": 1, "detail": f"no mailbox of {name}", "received_at": NOW}
        report = {**opened, **said, "kind": EventKind.BOUNCED_HARD}
        connection.execute(sa.insert(events).values(**report))
    for name, list_id in (("ada", 0), ("ada", 1)):
        entry = Suppression(key(name), SuppressionReason.COMPLAINED, "rang at noon", list_id)
        assert suppressions.add(connection, entry, NOW)


def forget(world: World, email_key: str = ADA) -> Traces:
    with world.store.write() as connection:
        return erasing.forget(connection, email_key, hasher(email_key), world.now)


def everything(store: Store) -> dict[str, str]:
    """All rows of each table as text."""
    with store.read() as connection:
        return {
            table.name: "\n".join(str(tuple(row)) for row in connection.execute(sa.select(table)))
            for table in metadata.sorted_tables
        }


# --- every table ------------------------------------------------------------------------------------------------------


def about_people() -> set[str]:
    """The tables that say something about one person: by a number, or by an address."""
    addresses = {"email", "email_key", "ascii_email", "address", "value"}
    return {table.name for table in metadata.sorted_tables if {"subscriber_id", *addresses} & set(table.c.keys())}


def test_every_table_about_people_is_considered() -> None:
    """A new one must be erased in `erasing`, named in COVERED, and stand in the `life` of this module."""
    assert about_people() == set(COVERED)


def test_every_table_about_people_says_something_in_this_module(world: World) -> None:
    life(world)
    with world.store.read() as connection:
        found = held.held(connection, ADA, hasher(ADA))
    assert set(found) == about_people()
    assert [name for name, records in found.items() if not records] == []


def test_nothing_personal_is_left_anywhere(world: World) -> None:
    life(world)
    before = everything(world.store)
    for secret in SECRETS:
        assert any(secret in text for text in before.values()), f"{secret} was there"
    with world.store.read() as connection:
        public_id = connection.execute(sa.select(people.c.public_id).where(people.c.email_key == ADA)).scalar_one()
    forget(world)
    for name, text in everything(world.store).items():
        # What the provider said of the other person names nobody here but them.
        own = [line for line in text.splitlines() if "x-provider-5" not in line or name != "deliveries"]
        for secret in (*SECRETS, public_id):
            assert not any(secret in line for line in own if "mail-77-ben" not in line), f"{secret} in {name}"
    with world.store.read() as connection:
        (mine,) = connection.execute(
            sa.select(deliveries).join(people, people.c.id == deliveries.c.subscriber_id).where(people.c.domain == "")
        ).all()
        assert (mine.provider_id, mine.detail, mine.state) == ("", "forgotten", DeliveryState.ACCEPTED)


def test_what_is_said_to_be_deleted_is(world: World) -> None:
    life(world)
    with world.store.read() as connection:
        number = connection.execute(sa.select(people.c.id).where(people.c.email_key == ADA)).scalar_one()
    forget(world)
    with world.store.read() as connection:
        for name, fate in COVERED.items():
            table = metadata.tables[name]
            if "subscriber_id" in table.c:
                rows = connection.execute(sa.select(table).where(table.c.subscriber_id == number)).all()
                assert bool(rows) is (fate != "deleted"), name


def test_the_other_person_is_untouched(world: World) -> None:
    life(world)

    def other() -> dict[str, object]:
        with world.store.read() as connection:
            return held.held(connection, key("ben"), hasher(key("ben")))

    before = other()
    forget(world)
    assert other() == before


def test_what_was_erased_is_told(world: World) -> None:
    life(world)
    found = forget(world)
    assert found.lists == ("weekly", "alerts", "local")
    assert dict(found.counts) == {
        "subscriptions": 3,
        "subscription_events": 4,
        "confirmations": 1,
        "deliveries": 1,
        "exclusions": 1,
        "engagements": 1,
        "events": 1,
        "suppressions": 2,
        "suppression_events": 2,
    }
    assert list(found.mails) == ["one"]
    assert (not found.nothing, found.forgotten) == (True, False)
    with world.store.read() as connection:
        after = erasing.traces(connection, ADA, hasher(ADA))
        assert (after.nothing, after.forgotten) == (True, True)
        nobody = erasing.traces(connection, key("nobody"), hasher(key("nobody")))
        assert (nobody.nothing, nobody.forgotten) == (True, False)


# --- what stays -------------------------------------------------------------------------------------------------------


def test_figures_stay_true(world: World) -> None:
    life(world)
    before = world.figures("one"), world.figures("two")
    forget(world)
    assert (world.figures("one"), world.figures("two")) == before
    with world.store.read() as connection:
        assert ledger.accepted_twice(connection, "one") == 0
        assert stored_issues.get(connection, "one") is not None
        assert connection.execute(sa.select(sa.func.count()).select_from(exclusions)).scalar() == 2


def test_the_log_keeps_what_and_when_and_says_that_they_left(world: World) -> None:
    life(world)
    world.later()
    forget(world)
    with world.store.read() as connection:
        row = connection.execute(sa.select(people.c.email_key).where(people.c.forgotten_at == world.now)).one()
        log = subscriptions.history(connection, row.email_key)
    told = [(event.list_name, event.state, event.at == NOW) for event in log]
    assert told == [
        ("weekly", CONFIRMED, True),
        ("alerts", PENDING, True),
        ("alerts", CONFIRMED, True),
        ("local", UNSUBSCRIBED, True),
        ("weekly", UNSUBSCRIBED, False),
        ("alerts", UNSUBSCRIBED, False),
    ]
    assert not any(event.source for event in log)


def test_reasons_of_before_stand_with_the_hash(world: World) -> None:
    life(world)
    forget(world)
    with world.store.read() as connection:
        (entry,) = suppressions.every(connection)
        assert (entry.value, entry.reason, entry.list_id) == (hasher(ADA)[0], SuppressionReason.FORGOTTEN, 0)
        assert entry.note == "before: complained"
        log = suppressions.history(connection, hasher(ADA))
        assert [one.reason for one in log] == ["complained", "complained", "forgotten"]
        assert connection.execute(sa.select(sa.func.count()).select_from(suppression_events)).scalar() == 3


def test_many_people_may_be_forgotten(world: World) -> None:
    world.add("weekly", "ada", "ben", "cy")
    for name in ("ada", "ben"):
        forget(world, key(name))
    with world.store.read() as connection:
        assert lists.counts(connection, "weekly") == {CONFIRMED: 1, PENDING: 0, UNSUBSCRIBED: 0}
        assert ledger.preview(connection, ["weekly"]).candidates == 1
        assert [one.email for one, _ in subscribers.stream(connection, "weekly")] == [key("cy")]
    assert world.freeze("weekly").recipients == 1


# --- nobody comes back ------------------------------------------------------------------------------------------------


def test_an_import_brings_nobody_back(world: World) -> None:
    world.add("weekly", "ada", "ben")
    forget(world)
    counts = world.add("weekly", "ada", "ben")
    assert (counts.new, counts.kept_out) == (0, 1)
    with world.store.read() as connection:
        assert subscribers.get(connection, ADA) is None


def test_who_lifts_it_may_come_in_again_as_somebody_new(world: World) -> None:
    world.add("weekly", "ada")
    forget(world)
    with world.store.write() as connection:
        assert suppressions.remove(connection, hasher(ADA)[0], 0, "they wrote to us", NOW)
    assert world.add("weekly", "ada").new == 1
    forget(world)
    assert world.add("weekly", "ada").kept_out == 1


# --- issues that are being sent ---------------------------------------------------------------------------------------


def test_a_mail_that_waits_is_not_sent(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", batch_size=1)
    forget(world)
    batch = world.claimed()
    assert [one.email for one in batch.recipients] == [key("ben")]
    assert world.begin(batch)
    world.record(batch, receipts(batch, Outcome.ACCEPTED))
    assert world.claim() is None
    assert world.finish()
    figures = world.figures()
    assert (figures.deliveries[DeliveryState.EXCLUDED], figures.recipients) == (1, 2)
    assert figures.exclusions == dict.fromkeys(Exclusion, 0)


@pytest.mark.parametrize("begun", [False, True])
def test_nobody_is_erased_while_a_mail_to_them_is_handed_over(world: World, begun: bool) -> None:
    world.add("weekly", "ada")
    world.freeze("weekly")
    batch = world.claimed(lease=60)
    if begun:
        assert world.begin(batch)
    before = everything(world.store)
    with pytest.raises(ConflictError, match="being handed over at this moment; nothing was erased"):
        forget(world)
    assert everything(world.store) == before
    world.now += timedelta(seconds=61)
    forget(world)
    world.sweep()
    if begun:
        with world.store.write() as connection:
            assert ledger.resend_doubts(connection, "issue", world.now) == 1
    assert world.claim() is None
    assert world.figures().deliveries[DeliveryState.EXCLUDED] == 1


def test_a_late_answer_settles_what_was_erased(world: World) -> None:
    world.add("weekly", "ada")
    world.freeze("weekly")
    batch = world.claimed()
    assert world.begin(batch)
    world.now += timedelta(seconds=61)
    forget(world)
    world.sweep()
    world.record(batch, receipts(batch, Outcome.ACCEPTED))
    assert world.figures().deliveries[DeliveryState.ACCEPTED] == 1


def test_a_link_of_before_leads_nowhere(world: World) -> None:
    world.add("weekly", "ada")
    with world.store.read() as connection:
        person = subscribers.get(connection, ADA)
    assert person is not None
    forget(world)
    with world.store.write() as connection:
        assert subscribers.by_id(connection, person.id) is None
        with pytest.raises(MailerError):
            wanted = Change("weekly", person.id, CONFIRMED, Origin(How.LINK))
            subscriptions.change(connection, wanted, NOW)


def test_an_address_that_is_only_suppressed_is_forgotten_too(world: World) -> None:
    with world.store.write() as connection:
        lists.ensure(connection, MailingList("weekly", "Weekly"))
    world.suppress("ada")
    forget(world)
    assert not any("ada" in text for text in everything(world.store).values())
    assert world.add("weekly", "ada").kept_out == 1


def test_forgetting_waits_for_who_is_bringing_the_person_in(world: World) -> None:
    """In a transaction that looked before and writes after: where rows alone are locked, they would come back."""
    world.add("weekly", "ben")
    started = threading.Event()

    def late() -> None:
        started.wait()
        forget(world)

    with ThreadPoolExecutor() as pool:
        with world.store.write() as connection:
            number = lists.number(connection, "weekly")
            assert suppressions.among(connection, [ADA], number or -1) == set()
            waiting = pool.submit(late)
            started.set()
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            row = subscribers.NewSubscriber(address("ada"), {"last_name": "Lovelace"}, CONFIRMED)
            subscribers.upsert(connection, number or -1, [row], Origin(How.IMPORT), NOW)
        waiting.result(timeout=10)
    assert not any("ada" in text for text in everything(world.store).values())
