"""Who must not be mailed: for one list or for all, by address or by domain, at the freeze and again at the claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from mailer.audience.suppressing import hashes
from mailer.errors import StoreError
from mailer.model import Exclusion, SuppressionReason
from mailer.store import ledger, lists, subscribers, suppressions
from mailer.store.database import Store
from mailer.store.suppressions import EVERY_LIST, Suppression
from mailer.store.tables import deliveries
from tests.store.world import NOW, PENDING, UNSUBSCRIBED, World, key, names

DOMAIN = "@example.org"
BOUNCED, COMPLAINED, FORGOTTEN = SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED, SuppressionReason.FORGOTTEN


def hasher(email_key: str) -> tuple[str, ...]:
    return hashes({"aaaabbbbcccc": b"k" * 32, "ddddeeeeffff": b"l" * 32}, email_key)


def ban(world: World, value: str, list_name: str = "", reason: SuppressionReason = BOUNCED) -> bool:
    with world.store.write() as connection:
        number = EVERY_LIST if not list_name else lists.number(connection, list_name)
        assert number is not None
        return suppressions.add(connection, Suppression(value, reason, "", number), world.now)


def details(world: World) -> list[tuple[str, str]]:
    with world.store.read() as connection:
        query = sa.select(deliveries.c.state, deliveries.c.detail).order_by(deliveries.c.id)
        return [(state.value, detail) for state, detail in connection.execute(query)]


# --- the freeze -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [key("ada"), DOMAIN])
def test_an_entry_for_one_list_leaves_the_others(world: World, value: str) -> None:
    world.add("weekly", "ada")
    world.add("alerts", "ada")
    ban(world, value, "weekly")
    assert world.freeze("weekly", name="one").exclusions[Exclusion.SUPPRESSED] == 1
    assert world.freeze("alerts", name="two").recipients == 1
    assert world.freeze("weekly", "alerts", name="three").recipients == 1
    assert world.claimed(issue="three").recipients[0].list_name == "alerts"


@pytest.mark.parametrize("value", [key("ada"), DOMAIN])
def test_an_entry_for_every_list_wins(world: World, value: str) -> None:
    world.add("weekly", "ada")
    world.add("alerts", "ada")
    ban(world, value)
    frozen = world.freeze("weekly", "alerts")
    assert (frozen.recipients, frozen.exclusions[Exclusion.SUPPRESSED]) == (0, 1)


@pytest.mark.parametrize("value", ["@mail.example.org", "@org", "@xexample.org", "ada", "@example.org.uk"])
def test_a_domain_is_exactly_that_domain(world: World, value: str) -> None:
    world.add("weekly", "ada")
    ban(world, value)
    assert world.freeze("weekly").recipients == 1
    assert names(world.claimed()) == ["ada"]


def test_the_reason_is_that_of_the_first_list(world: World) -> None:
    world.add("weekly", "ada", "bob", state=PENDING)
    world.add("alerts", "ada", "bob")
    ban(world, key("ada"), "alerts")
    ban(world, key("bob"), "weekly")
    ban(world, key("bob"), "alerts")
    frozen = world.freeze("weekly", "alerts")
    assert {reason: number for reason, number in frozen.exclusions.items() if number} == {
        Exclusion.PENDING: 1,
        Exclusion.SUPPRESSED: 1,
    }


def test_what_can_be_mailed_is_what_an_issue_would_reach(world: World) -> None:
    world.add("weekly", "ada", "bob", "cy")
    world.add("alerts", "ada", "bob")
    ban(world, key("ada"), "weekly")
    ban(world, key("bob"))
    with world.store.read() as connection:
        assert [one.email for one in subscribers.mailable(connection, "weekly", 9)] == [key("cy")]
        assert [one.email for one in subscribers.mailable(connection, "alerts", 9)] == [key("ada")]
        assert ledger.preview(connection, ["weekly"]).recipients == 1
        assert ledger.preview(connection, ["alerts"]).recipients == 1


# --- the claim --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [key("ada"), DOMAIN])
@pytest.mark.parametrize("list_name", ["", "weekly"])
def test_the_claim_takes_out_who_was_suppressed_since(world: World, value: str, list_name: str) -> None:
    world.add("weekly", "ada")
    world.freeze("weekly")
    ban(world, value, list_name)
    assert world.claim() is None
    assert details(world) == [("excluded", "suppressed")]


@pytest.mark.parametrize("value", [key("ada"), DOMAIN])
def test_the_claim_goes_through_another_list(world: World, value: str) -> None:
    for name in ("weekly", "alerts", "local"):
        world.add(name, "ada")
    world.freeze("weekly", "alerts", "local")
    ban(world, value, "weekly")
    ban(world, value, "alerts")
    assert world.claimed().recipients[0].list_name == "local"


def test_the_claim_does_not_go_through_a_list_that_must_not_mail_them(world: World) -> None:
    world.add("weekly", "ada", "bob")
    world.add("alerts", "ada")
    world.freeze("weekly", "alerts")
    ban(world, key("ada"), "alerts")
    world.change("weekly", "ada", UNSUBSCRIBED)
    assert names(world.claimed()) == ["bob"]
    assert details(world)[0] == ("excluded", "unsubscribed")


def test_an_entry_for_another_list_takes_nobody_out(world: World) -> None:
    world.add("weekly", "ada")
    world.add("alerts", "bob")
    world.freeze("weekly")
    ban(world, key("ada"), "alerts")
    assert names(world.claimed()) == ["ada"]


# --- entries and their log --------------------------------------------------------------------------------------------


def test_the_first_reason_stays_and_every_change_is_kept(world: World) -> None:
    world.add("weekly", "ada")
    assert ban(world, key("ada"))
    assert not ban(world, key("ada"), reason=COMPLAINED)
    assert ban(world, key("ada"), "weekly", COMPLAINED), "another list is another entry"
    with world.store.write() as connection:
        number = lists.number(connection, "weekly")
        assert number is not None
        assert suppressions.reason_of(connection, key("ada"), number) is BOUNCED
        assert suppressions.remove(connection, key("ada"), EVERY_LIST, "they wrote to us", world.later())
        assert not suppressions.remove(connection, key("ada"), EVERY_LIST, "they wrote to us", NOW)
        assert suppressions.reason_of(connection, key("ada"), number) is COMPLAINED
        assert suppressions.reason_of(connection, key("ada")) is None
        log = suppressions.history(connection, [key("ada")])
    assert [(one.added, one.reason, one.list_id, one.note) for one in log] == [
        (True, BOUNCED, 0, ""),
        (True, COMPLAINED, number, ""),
        (False, BOUNCED, 0, "they wrote to us"),
    ]


def test_many_at_once_each_once(world: World) -> None:
    many = [Suppression(f"person{number % 700}@example.org") for number in range(1500)]
    with world.store.write() as connection:
        assert suppressions.add_all(connection, many, NOW) == 700
        assert suppressions.add_all(connection, many, NOW) == 0
        assert len(list(suppressions.every(connection))) == 700
        few = suppressions.few(connection, 0)
        assert few is not None
        assert len(few) == 700


def test_lists_and_reasons_are_told_apart(world: World) -> None:
    world.add("weekly", "ada")
    ban(world, key("ada"))
    ban(world, key("bob"), "weekly", COMPLAINED)
    with world.store.read() as connection:
        number = lists.number(connection, "weekly")
        assert [one.value for one in suppressions.every(connection, number)] == [key("bob")]
        assert [one.value for one in suppressions.every(connection, 0)] == [key("ada")]
        assert [one.value for one in suppressions.every(connection, reason=COMPLAINED)] == [key("bob")]
        assert suppressions.few(connection, 0) == frozenset({key("ada")})
        assert suppressions.few(connection, number or -1) == frozenset({key("ada"), key("bob")})


def test_reach_counts_the_confirmed_whom_an_entry_concerns(world: World) -> None:
    world.add("weekly", "ada", "bob")
    world.add("alerts", "bob", "cy", state=PENDING)
    with world.store.read() as connection:
        weekly, alerts = lists.number(connection, "weekly"), lists.number(connection, "alerts")
        assert suppressions.reach(connection, DOMAIN) == 2
        assert suppressions.reach(connection, DOMAIN, weekly or -1) == 2
        assert suppressions.reach(connection, DOMAIN, alerts or -1) == 0
        assert suppressions.reach(connection, key("ada")) == 1
        assert suppressions.reach(connection, key("nobody")) == 0


# --- who may come in --------------------------------------------------------------------------------------------------


def among(store: Store, keys: Sequence[str], list_name: str) -> set[str]:
    with store.read() as connection:
        return suppressions.among(connection, keys, lists.number(connection, list_name) or -1)


def test_among_finds_addresses_and_domains_of_the_list_and_of_all(world: World) -> None:
    world.add("weekly", "seed")
    world.add("alerts", "seed")
    ban(world, key("ada"))
    ban(world, key("bob"), "weekly")
    ban(world, "@two.org", "alerts")
    keys = [key("ada"), key("bob"), key("cy"), "dee@two.org", "dee@sub.two.org"]
    assert among(world.store, keys, "weekly") == {key("ada"), key("bob")}
    assert among(world.store, keys, "alerts") == {key("ada"), "dee@two.org"}
    assert among(world.store, [], "alerts") == set()


@pytest.mark.parametrize("which", [0, 1])
def test_a_forgotten_address_is_known_by_its_hash_under_any_of_the_keys(world: World, which: int) -> None:
    world.add("weekly", "seed")
    ban(world, hasher(key("ada"))[which], reason=FORGOTTEN)
    store = replace(world.store, hasher=hasher)
    assert among(store, [key("ada"), key("bob")], "weekly") == {key("ada")}
    with world.store.read() as connection:
        assert suppressions.among(connection, [key("ada")], 1, hasher) == {key("ada")}
    with pytest.raises(StoreError, match="without the key of the workspace"):
        among(world.store, [key("ada")], "weekly")


def test_nothing_is_hashed_while_nobody_was_forgotten(world: World) -> None:
    world.add("weekly", "ada")
    ban(world, key("ada"))

    def never(email_key: str) -> tuple[str, ...]:
        raise AssertionError("asked for a hash")

    store = replace(world.store, hasher=never)
    assert among(store, [key("ada")], "weekly") == {key("ada")}


def test_a_forgotten_address_is_not_written_down_again(world: World) -> None:
    world = World(replace(world.store, hasher=hasher))
    ban(world, hasher(key("ada"))[1], reason=FORGOTTEN)
    assert not ban(world, key("ada"))
    with world.store.read() as connection:
        assert [one.reason for one in suppressions.every(connection)] == [FORGOTTEN]
