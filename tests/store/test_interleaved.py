"""Two things at the same moment about one person: a no is never written over, nobody is mailed who was forgotten, and
nobody waits in a circle. Where rows alone are locked each of these went wrong once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from mailer.errors import ConflictError, LinkError
from mailer.model import Batch, How, Receipt, SubscriptionState
from mailer.render.links import Purpose, Signer
from mailer.services.asking import ask_everybody, usual_rule
from mailer.services.confirming import Answer, Result, confirm, unsubscribe_by_token
from mailer.services.renaming import rename
from mailer.services.subscribers import unsubscribe
from mailer.store import bulk_postgresql, bulk_sqlite, erasing, lists, subscribers, subscriptions
from mailer.store import suppressions as suppressed
from mailer.store.database import Store, hold, shut_door
from mailer.store.erasing import Traces
from mailer.store.subscriptions import Change, Origin
from mailer.store.tables import subscribers as people
from mailer.store.tables import suppressions
from tests.store.asking_program import WEEKLY, Campaign, accept
from tests.store.test_suppressions import hasher
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, address, key

# Long enough for another thread to come to the lock it waits for.
MEANWHILE = 0.3
Deed = Callable[[Campaign, str], object]


@pytest.fixture
def campaign(store: Store, tmp_path: Path) -> Campaign:
    return Campaign.over(replace(store, hasher=hasher), tmp_path)


@contextmanager
def begun(deed: Callable[[], object]) -> Iterator[Future[object]]:
    """The deed in a thread of its own, as far as it comes while this one does nothing."""
    with ThreadPoolExecutor() as pool:
        future = pool.submit(deed)
        wait([future], MEANWHILE)
        yield future


def forget(connection: Connection, name: str = "ann") -> Traces:
    return erasing.forget(connection, key(name), hasher(key(name)), NOW + timedelta(days=1))


def token(campaign: Campaign, purpose: Purpose, name: str = "ann") -> str:
    return Signer(campaign.workspace.secret_keys({})).token(purpose, "weekly", campaign.id_of(name))


def leave_by_token(campaign: Campaign, name: str) -> object:
    return unsubscribe_by_token(campaign, token(campaign, Purpose.UNSUBSCRIBE, name), How.ONE_CLICK)


def leave_by_address(campaign: Campaign, name: str) -> object:
    return unsubscribe(campaign.store, WEEKLY, address(name), "by phone", campaign.moment)


@pytest.mark.parametrize("leave", [leave_by_token, leave_by_address])
def test_an_import_does_not_write_over_a_no_that_was_said_in_between(campaign: Campaign, leave: Deed) -> None:
    """It reads a whole chunk's states first and writes them afterwards."""
    campaign.join("ann")
    bulk = bulk_sqlite if campaign.store.is_file else bulk_postgresql
    with campaign.store.write() as connection:
        number = lists.number(connection, "weekly") or 0
        (known,) = bulk.load(connection, number, [key("ann")])
        assert known.state == PENDING
        with begun(lambda: leave(campaign, "ann")) as leaving:
            bulk.move(connection, number, 0, [(known.number, CONFIRMED.value)])
            connection.commit()
            leaving.result(timeout=10)
    assert campaign.state("ann") is UNSUBSCRIBED


def test_leaving_and_an_import_do_not_wait_for_each_other_in_a_circle(campaign: Campaign) -> None:
    campaign.join("ann")
    with campaign.store.write() as connection:
        number = lists.number(connection, "weekly") or 0

        def bring(name: str) -> None:
            row = subscribers.NewSubscriber(address(name), {}, CONFIRMED)
            subscribers.upsert(connection, number, [row], Origin(How.IMPORT), NOW)

        bring("ben")
        with begun(lambda: leave_by_address(campaign, "ann")) as leaving:
            bring("ann")
            connection.commit()
            leaving.result(timeout=10)
    assert campaign.state("ann") is UNSUBSCRIBED


@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.CONFIRM])
def test_who_presses_a_button_while_being_forgotten_is_gone(campaign: Campaign, purpose: Purpose) -> None:
    mine = campaign.joined("ann") if purpose is Purpose.CONFIRM else ""
    if purpose is Purpose.UNSUBSCRIBE:
        campaign.join("ann")
        mine = token(campaign, purpose)
    press = confirm if purpose is Purpose.CONFIRM else unsubscribe_by_token
    with campaign.store.write() as connection:
        shut_door(connection)
        with begun(lambda: press(campaign, mine, How.LINK)) as pressed:
            forget(connection)
            connection.commit()
            outcome = pressed.exception(timeout=10) or pressed.result()
    assert isinstance(outcome, LinkError) if press is confirm else outcome == Answer("weekly", Result.GONE)


def test_who_is_asked_while_being_forgotten_is_not_asked(campaign: Campaign) -> None:
    campaign.join("ann")
    campaign.moment += timedelta(days=30)
    with campaign.store.write() as connection:
        shut_door(connection)
        with begun(lambda: ask_everybody(campaign, WEEKLY, usual_rule(campaign.moment))) as asking:
            forget(connection)
            connection.commit()
            asking.result(timeout=10)
    assert len(campaign.desk.mails) == 1, "the first one, long ago"


def test_a_state_is_changed_by_id_while_the_person_is_forgotten(campaign: Campaign) -> None:
    """As a provider's event does it."""
    campaign.join("ann")
    wanted = Change("weekly", campaign.id_of("ann"), SubscriptionState.UNSUBSCRIBED, Origin(How.PROVIDER))

    def change() -> bool:
        with campaign.store.write() as connection:
            return subscriptions.change(connection, wanted, NOW)

    with campaign.store.write() as connection:
        shut_door(connection)
        with begun(change) as changing:
            forget(connection)
            connection.commit()
            assert "nobody with this id" in str(changing.exception(timeout=10))


def test_a_freeze_and_forgetting_do_not_wait_for_each_other_in_a_circle(campaign: Campaign) -> None:
    world = World(campaign.store)
    world.add("weekly", "ann", "ben")
    with campaign.store.write() as connection:
        shut_door(connection)
        hold(connection, people, suppressions)
        with begun(lambda: world.freeze("weekly")) as freezing:
            forget(connection)
            connection.commit()
            freezing.result(timeout=10)
    assert world.states() == {"ben": "pending"}


def test_a_new_address_waits_for_who_brings_people_in(campaign: Campaign) -> None:
    """They looked for the old address before it was kept out, and would write it down as somebody else's."""
    campaign.join("ann")
    with campaign.store.write() as connection:
        assert suppressed.among(connection, [key("ann")], lists.number(connection, "weekly") or 0) == set()
        with begun(lambda: rename(campaign, address("ann"), address("anna"), "she wrote to us")) as renaming:
            assert not renaming.done()
            connection.commit()
            renaming.result(timeout=10)
    assert (campaign.state("ann"), campaign.state("anna")) == (None, PENDING)


def test_nobody_is_forgotten_while_the_mail_that_asks_them_is_handed_over(campaign: Campaign) -> None:
    """It would reach them after everything was said to be erased, and leave them in the provider's files."""
    refused = []

    def hand_over(batch: Batch) -> tuple[Receipt, ...]:
        assert batch.deadline is not None, "who gives up in time lets the person be forgotten after it"
        with pytest.raises(ConflictError, match="being handed over") as caught, campaign.store.write() as connection:
            erasing.forget(connection, key("ann"), hasher(key("ann")), campaign.moment)
        refused.append(caught.value)
        return accept(batch)

    campaign.desk.answer = hand_over
    campaign.join("ann")
    assert len(refused) == 1
    with campaign.store.write() as connection:
        assert erasing.forget(connection, key("ann"), hasher(key("ann")), campaign.moment).asks["weekly"]


def test_an_ask_of_a_process_that_died_keeps_nobody_from_being_forgotten(campaign: Campaign) -> None:
    def die(_: Batch) -> tuple[Receipt, ...]:
        raise KeyboardInterrupt

    campaign.desk.answer = die
    with pytest.raises(KeyboardInterrupt):
        campaign.join("ann")
    with pytest.raises(ConflictError), campaign.store.write() as connection:
        erasing.forget(connection, key("ann"), hasher(key("ann")), campaign.moment)
    campaign.moment += timedelta(minutes=10)
    with campaign.store.write() as connection:
        erasing.forget(connection, key("ann"), hasher(key("ann")), campaign.moment)
