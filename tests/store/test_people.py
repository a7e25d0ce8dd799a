"""Looking at people and changing what is known of them, on every kind of database."""

from __future__ import annotations

from typing import Any

import pytest

from mailer.audience.edits import Edit, parse_edit
from mailer.model import Outcome, SubscriptionState
from mailer.store import lists, people, subscribers, subscriptions
from mailer.store.people import Touched, Which
from tests.store.world import CONFIRMED, PENDING, UNSUBSCRIBED, World, address, key


def attributes(world: World, name: str) -> Any:
    with world.store.read() as connection:
        person = subscribers.get(connection, key(name))
    assert person is not None
    return person.attributes


def updated(world: World, name: str) -> Any:
    from mailer.store.tables import subscribers as table

    with world.store.read() as connection:
        return connection.execute(table.select().where(table.c.email_key == key(name))).one().updated_at


def which(world: World, name: str, state: SubscriptionState | None = None) -> Which:
    with world.store.read() as connection:
        number = lists.number(connection, name)
    assert number is not None
    return Which(number, state)


def changed(world: World, whom: Which, edit: Edit, limit: int = 2) -> list[Touched]:
    """Every chunk of a change, with the last one, which finds nobody."""
    steps = [Touched(0, 0, 0)]
    while (after := steps[-1].last) is not None:
        with world.store.write() as connection:
            steps.append(people.change_next(connection, whom, edit.applied, world.now, (after, limit)))
    return steps[1:]


def test_one_person_is_changed_once(world: World) -> None:
    world.add("weekly", "ada", "ben", city="Oslo", phone="1")
    edit = parse_edit(["city=Bergen", "age:=34"], ["phone"])
    later = world.later()
    for expected in (1, 0):
        with world.store.write() as connection:
            touched = people.change_keys(connection, [key("ada"), key("nobody")], edit.applied, world.now)
        assert (touched.people, touched.changed) == (1, expected)
        world.later()
    assert attributes(world, "ada") == {"city": "Bergen", "age": 34}
    assert attributes(world, "ben") == {"city": "Oslo", "phone": "1"}
    assert updated(world, "ada") == later
    assert updated(world, "ben") < later


def test_a_list_is_changed_in_chunks_and_again_nothing_is(world: World) -> None:
    world.add("weekly", *"abcde", city="Oslo")
    world.add("weekly", "f", city="Bergen")
    world.add("alerts", "g", city="Oslo")
    edit = parse_edit(["city=Bergen"])
    steps = changed(world, which(world, "weekly"), edit)
    assert [(step.people, step.changed) for step in steps] == [(2, 2), (2, 2), (2, 1), (0, 0)]
    assert sum(step.changed for step in changed(world, which(world, "weekly"), edit)) == 0
    assert attributes(world, "g") == {"city": "Oslo"}


def test_only_those_in_a_state_are_changed(world: World) -> None:
    world.add("weekly", "a")
    world.add("weekly", "b", state=PENDING)
    changed(world, which(world, "weekly", CONFIRMED), Edit(tag=("choir",)))
    assert [attributes(world, name) for name in "ab"] == [{"tags": ["choir"]}, {}]


def test_people_in_the_order_they_came_or_of_their_addresses(world: World) -> None:
    world.add("weekly", "zoe", "ada", "ben")
    world.change("weekly", "ben", UNSUBSCRIBED)
    whom = which(world, "weekly")

    def names(whom: Which, by_email: bool) -> list[str]:
        with world.store.read() as connection:
            return [person.email[:3] for person, _, _ in people.members(connection, whom, by_email)]

    assert names(whom, False) == ["zoe", "ada", "ben"]
    assert names(whom, True) == ["ada", "ben", "zoe"]
    assert names(which(world, "weekly", CONFIRMED), True) == ["ada", "zoe"]
    with world.store.read() as connection:
        assert people.number_of(connection, whom) == 3


def test_edges_are_the_first_and_the_last(world: World) -> None:
    for number in range(5):
        world.add("weekly", f"p{number}", n=number)
    with world.store.read() as connection:
        texts = people.edges(connection, which(world, "weekly"), 1)
    assert [text.replace(" ", "") for text in texts] == ['{"n":0}', '{"n":4}']


def test_memberships_say_since_when(world: World) -> None:
    joined = world.now
    world.add("weekly", "ada")
    world.add("alerts", "ada", state=PENDING)
    left = world.later()
    world.change("weekly", "ada", UNSUBSCRIBED)
    with world.store.read() as connection:
        found = people.memberships(connection, key("ada"))
        assert people.memberships(connection, key("nobody")) == []
    told = [(each.list_name, each.state, each.joined, each.since) for each in found]
    assert told == [("alerts", PENDING, joined, joined), ("weekly", UNSUBSCRIBED, joined, left)]


def test_the_last_issues_of_a_person(world: World) -> None:
    world.add("weekly", "ada", "ben")
    for name in ("one", "two", "three"):
        world.freeze("weekly", name=name)
        world.later()
    world.submit(Outcome.REFUSED, issue="two")
    with world.store.read() as connection:
        found = people.received(connection, key("ada"), 2)
    assert [(each.issue, each.state.value, each.list_name) for each in found] == [
        ("three", "pending", "weekly"),
        ("two", "refused", "weekly"),
    ]


def test_tags_are_counted(world: World) -> None:
    world.add("weekly", "a", "b", tags=["choir", "press"])
    world.add("weekly", "c", tags=["choir"])
    world.add("alerts", "c", "d")
    world.add("alerts", "d", tags=["Oslo, east"])
    with world.store.read() as connection:
        assert people.tag_counts(connection, None) == {"choir": 3, "press": 2, "Oslo, east": 1}
        assert people.tag_counts(connection, lists.number(connection, "alerts")) == {"choir": 1, "Oslo, east": 1}


def test_another_address_keeps_everything(world: World) -> None:
    world.add("weekly", "ada", city="Oslo")
    world.add("alerts", "ada", state=PENDING)
    with world.store.write() as connection:
        before = subscribers.get(connection, key("ada"))
        _, states = people.readdress(connection, key("ada"), address("eve", ascii_only=False), world.later())
    assert [(name, state) for _, name, state in states] == [("alerts", PENDING), ("weekly", CONFIRMED)]
    with world.store.read() as connection:
        assert subscribers.get(connection, key("ada")) is None
        person = subscribers.get(connection, key("eve"))
        assert person is not None and before is not None
        assert (person.id, person.email, person.ascii_email) == (before.id, "eve@example.org", None)
        assert person.attributes == {"city": "Oslo"}
        assert subscriptions.of(connection, key("eve")) == {"alerts": PENDING, "weekly": CONFIRMED}
        assert people.number_of_person(connection, key("ada")) is None


@pytest.mark.parametrize("value", [0, False, 1.5, {"a": [1, "x"]}, ["a", None], "ẞ  ß", "=1+1"])
def test_values_of_every_type_come_back(world: World, value: Any) -> None:
    world.add("weekly", "ada")
    with world.store.write() as connection:
        people.change_keys(connection, [key("ada")], Edit({"value": value}).applied, world.now)
    found = attributes(world, "ada")["value"]
    assert (found, type(found)) == (value, type(value))
