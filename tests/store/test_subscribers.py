"""People: one address once, a no stays a no, whatever the order and the size of a file."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.errors import NotFoundError
from mailer.model import How, MailingList, SubscriptionState, SuppressionReason
from mailer.store import lists, subscribers, subscriptions, suppressions
from mailer.store.admission import Admission, admit, merge, next_state
from mailer.store.subscribers import ImportCounts, NewSubscriber
from mailer.store.subscriptions import Origin
from mailer.store.suppressions import Suppression
from mailer.store.tables import lists as table
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, address, count, key
from tests.thoroughness import examples


def row(name: str, state: SubscriptionState = CONFIRMED, **attributes: Any) -> NewSubscriber:
    return NewSubscriber(address(name), attributes, state)


def states(world: World, list_name: str = "weekly") -> dict[str, str]:
    with world.store.read() as connection:
        return {
            person.email.partition("@")[0]: state.value for person, state in subscribers.stream(connection, list_name)
        }


def attributes(world: World, name: str) -> Any:
    with world.store.read() as connection:
        person = subscribers.get(connection, key(name))
    assert person is not None
    return person.attributes


def test_import_twice_is_import_once(world: World) -> None:
    rows = [row("ada", city="Oslo"), row("ben")]
    assert world.upsert("weekly", rows) == ImportCounts(new=2)
    assert world.upsert("weekly", rows) == ImportCounts(unchanged=2)
    assert states(world) == {"ada": "confirmed", "ben": "confirmed"}


def test_one_address_twice_in_a_file(world: World) -> None:
    counts = world.upsert("weekly", [row("ada", city="Oslo"), row("ada", city="Bergen", phone="1"), row("ada")])
    assert counts == ImportCounts(new=1, duplicate=2)
    assert attributes(world, "ada") == {"city": "Bergen", "phone": "1"}


def test_empty_values_say_nothing(world: World) -> None:
    world.add("weekly", "ada", city="Oslo", phone="1")
    assert world.add("weekly", "ada", city="", phone=None, tags=[]) == ImportCounts(unchanged=1)
    assert world.add("weekly", "ada", city="Bergen", age=0) == ImportCounts(updated=1)
    assert attributes(world, "ada") == {"city": "Bergen", "phone": "1", "age": 0}


def test_a_person_joins_a_second_list(world: World) -> None:
    world.add("weekly", "ada", city="Oslo")
    assert world.add("alerts", "ada", phone="1") == ImportCounts(new=1)
    assert attributes(world, "ada") == {"city": "Oslo", "phone": "1"}
    with world.store.read() as connection:
        assert subscriptions.of(connection, key("ada")) == {"alerts": CONFIRMED, "weekly": CONFIRMED}


def test_nobody_who_left_is_revived(world: World) -> None:
    world.add("weekly", "ada", "sam", city="Oslo")
    world.change("weekly", "ada", UNSUBSCRIBED)
    world.suppress("sam")
    world.suppress("new")
    counts = world.upsert("weekly", [row("ada", city="x"), row("sam", city="x"), row("new"), row("ben")])
    assert counts == ImportCounts(new=1, unsubscribed=1, suppressed=2)
    assert counts.kept_out == 3
    assert attributes(world, "ada") == attributes(world, "sam") == {"city": "Oslo"}
    assert states(world) == {"ada": "unsubscribed", "sam": "confirmed", "ben": "confirmed"}
    with world.store.read() as connection:
        assert subscribers.get(connection, key("new")) is None


def test_who_left_one_list_may_join_another(world: World) -> None:
    world.add("weekly", "ada", state=UNSUBSCRIBED)
    assert world.add("alerts", "ada") == ImportCounts(new=1)


@pytest.mark.parametrize(
    ("old", "wanted", "after"),
    [
        (None, PENDING, PENDING),
        (None, CONFIRMED, CONFIRMED),
        (None, UNSUBSCRIBED, UNSUBSCRIBED),
        (PENDING, CONFIRMED, CONFIRMED),
        (CONFIRMED, PENDING, CONFIRMED),
        (CONFIRMED, UNSUBSCRIBED, UNSUBSCRIBED),
        (PENDING, UNSUBSCRIBED, UNSUBSCRIBED),
        (UNSUBSCRIBED, CONFIRMED, UNSUBSCRIBED),
    ],
)
def test_what_an_import_makes_of_a_subscription(
    world: World, old: SubscriptionState | None, wanted: SubscriptionState, after: SubscriptionState
) -> None:
    if old is not None:
        world.add("weekly", "ada", state=old)
    world.add("weekly", "ada", state=wanted)
    assert states(world) == {"ada": after.value}
    assert next_state(old, wanted) is after


def test_a_no_of_a_suppressed_person_outlives_the_suppression(world: World) -> None:
    world.add("weekly", "ada")
    world.suppress("ada")
    assert world.add("weekly", "ada", state=UNSUBSCRIBED) == ImportCounts(updated=1)
    with world.store.write() as connection:
        assert suppressions.remove(connection, key("ada"), 0, "a mistake", NOW)
    assert states(world) == {"ada": "unsubscribed"}


STATES = st.sampled_from(SubscriptionState)


@given(st.none() | STATES, STATES, st.sampled_from([None, Admission.SUPPRESSED, Admission.FORGOTTEN]))
def test_consent_is_never_made_from_a_no(
    old: SubscriptionState | None, wanted: SubscriptionState, suppressed: Admission | None
) -> None:
    kept_out = admit(old, wanted, suppressed)
    if old is UNSUBSCRIBED:
        assert kept_out is (suppressed or Admission.UNSUBSCRIBED)
    elif kept_out is None and old is not None:
        ranks = [PENDING, CONFIRMED, UNSUBSCRIBED]
        assert ranks.index(next_state(old, wanted)) >= ranks.index(old)
    if suppressed and kept_out is None:
        assert next_state(old, wanted) is UNSUBSCRIBED


VALUES = st.dictionaries(st.sampled_from("abc"), st.none() | st.just("") | st.integers(0, 2), max_size=3)


@given(VALUES, VALUES)
def test_merging_never_loses_a_value(old: dict[str, Any], new: dict[str, Any]) -> None:
    merged = merge(old, new)
    assert merge(merged, new) == merged
    assert set(old) <= set(merged)
    for name, value in merged.items():
        assert value == (new[name] if new.get(name) not in (None, "") else old[name])


ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), STATES, VALUES), max_size=20)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS, st.integers(1, 7), st.sets(st.sampled_from("abcdef"), max_size=2))
def test_the_size_of_chunks_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, given_rows: list[Any], chunk: int, banned: set[str]
) -> None:
    rows = [row(name, state, **values) for name, state, values in given_rows]
    results = []
    for size in (chunk, 900):
        with monkeypatch.context() as patch:
            patch.setattr(subscribers, "CHUNK", size)
            results.append(imported(world, rows, banned))
    assert results[0] == results[1]
    counts = results[0][0]
    assert counts.new + counts.updated + counts.unchanged + counts.duplicate + counts.kept_out == len(rows)


def imported(world: World, rows: list[NewSubscriber], banned: set[str]) -> tuple[ImportCounts, object, object]:
    """What an import leaves, undone afterwards."""
    found: list[tuple[ImportCounts, object, object]] = []
    with pytest.raises(ZeroDivisionError), world.store.write() as connection:
        for name in banned:
            suppressions.add(connection, Suppression(key(name), SuppressionReason.BOUNCED), NOW)
        number = lists.ensure(connection, MailingList("weekly", "Weekly"))
        counts = subscribers.upsert(connection, number, rows, Origin(How.IMPORT, "file"), NOW)
        people = {
            person.email_key: (dict(person.attributes), state)
            for person, state in subscribers.stream(connection, "weekly")
        }
        events = {name: [event.state for event in subscriptions.history(connection, name)] for name in people}
        found.append((counts, people, events))
        raise ZeroDivisionError
    return found[0]


def test_history_says_what_when_and_how(world: World) -> None:
    world.upsert("weekly", [row("ada", PENDING)], "members.csv")
    world.later()
    world.change("weekly", "ada", CONFIRMED, "confirmation link")
    world.later()
    assert world.change("weekly", "ada", UNSUBSCRIBED, "one-click")
    assert not world.change("weekly", "ada", UNSUBSCRIBED, "one-click"), "saying it twice changes nothing"
    world.add("weekly", "ada")
    with world.store.read() as connection:
        events = subscriptions.history(connection, key("ada"))
    assert [(event.state, event.source) for event in events] == [
        (PENDING, "members.csv"),
        (CONFIRMED, "confirmation link"),
        (UNSUBSCRIBED, "one-click"),
    ]
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert events[0].at == NOW


def test_a_change_for_nobody_is_refused(world: World) -> None:
    world.add("weekly", "ada")
    wanted = subscriptions.Change("weekly", "nobody", UNSUBSCRIBED, Origin(How.LINK))
    unknown = pytest.raises(NotFoundError, match='nobody with this id is on list "weekly"')
    with unknown, world.store.write() as connection:
        subscriptions.change(connection, wanted, NOW)


def test_ids_are_opaque_and_differ(world: World) -> None:
    world.add("weekly", *(f"p{number}" for number in range(1500)))
    with world.store.read() as connection:
        found = [person.id for person, _ in subscribers.stream(connection, "weekly")]
        assert subscribers.by_id(connection, found[7]) == subscribers.get(connection, key("p7"))
        assert subscribers.by_id(connection, "nobody") is None
    assert len(set(found)) == 1500
    assert all(re.fullmatch(r"[a-z2-7]{16}", one) for one in found)


def test_stream_by_state_in_the_order_people_came(world: World) -> None:
    world.add("weekly", "zoe", "ada")
    world.add("weekly", "pia", state=PENDING)
    with world.store.read() as connection:
        assert [person.email for person, _ in subscribers.stream(connection, "weekly", CONFIRMED)] == [
            key("zoe"), key("ada"),
        ]  # fmt: skip
        assert [state for _, state in subscribers.stream(connection, "weekly")] == [CONFIRMED, CONFIRMED, PENDING]
        assert list(subscribers.stream(connection, "other")) == []


def test_a_subscriber_comes_back_whole(world: World) -> None:
    world.add("weekly", "zoë", ascii_only=False, city="Oslo")
    with world.store.read() as connection:
        person = subscribers.get(connection, key("zoë"))
        assert subscribers.get(connection, key("nobody")) is None
    assert person is not None
    assert (person.email, person.ascii_email, person.created_at) == ("zoë@example.org", None, NOW)


def test_lists_are_made_once_and_follow_their_title(world: World) -> None:
    with world.store.write() as connection:
        first = lists.ensure(connection, MailingList("weekly", "Weekly"))
        assert lists.ensure(connection, MailingList("weekly", "The week")) == first
        assert lists.ids(connection, ["weekly", "weekly"]) == [first]
        assert lists.counts(connection, "nope") == dict.fromkeys(SubscriptionState, 0)
        assert count(connection, table) == 1
        assert connection.execute(table.select()).one().title == "The week"


def test_counts_by_state(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.add("weekly", "pia", state=PENDING)
    with world.store.read() as connection:
        assert lists.counts(connection, "weekly") == {PENDING: 1, CONFIRMED: 2, UNSUBSCRIBED: 0}


def test_suppressions(world: World) -> None:
    assert world.suppress("ada")
    assert not world.suppress("ada", SuppressionReason.COMPLAINED), "the first reason stays"
    with world.store.write() as connection:
        assert suppressions.reason_of(connection, key("ada")) == "bounced"
        assert [one.value for one in suppressions.every(connection)] == [key("ada")]
        assert suppressions.remove(connection, key("ada"), 0, "a mistake", NOW)
        assert not suppressions.remove(connection, key("ada"), 0, "a mistake", NOW)
        assert list(suppressions.every(connection)) == []
