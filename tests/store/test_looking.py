"""Finding somebody by a part of their address or of what is known of them, on every kind of database."""

from __future__ import annotations

from mailer.store import erasing
from mailer.store.looking import people_like
from tests.store.world import UNSUBSCRIBED, World, key


def found(world: World, text: str, *list_names: str, limit: int = 10) -> list[str]:
    with world.store.read() as connection:
        rows = people_like(connection, text, list_names or ("weekly",), limit)
    return [person.email.partition("@")[0] for person, _ in rows]


def test_by_a_part_of_the_address_those_that_begin_with_it_first(world: World) -> None:
    world.add("weekly", "amia", "mia", "bo")
    assert found(world, "mia") == ["mia", "amia"]
    assert found(world, "MIA@ex") == ["mia", "amia"]
    assert found(world, "mia", limit=1) == ["mia"]


def test_by_what_is_known_of_somebody(world: World) -> None:
    world.add("weekly", "one", first_name="Grace")
    world.add("weekly", "two", city="Þórshöfn")
    assert found(world, "grace") == ["one"]
    assert found(world, "Þórs") == ["two"]


def test_what_means_something_to_a_database_is_text(world: World) -> None:
    world.add("weekly", "a_b", "axb", "c")
    assert found(world, "a_b") == ["a_b"]
    assert found(world, "%") == []
    assert found(world, "'") == []


def test_only_people_of_these_lists_each_once_in_whatever_state(world: World) -> None:
    world.add("weekly", "both", "left")
    world.add("alerts", "both", "other")
    world.change("weekly", "left", UNSUBSCRIBED)
    assert found(world, "example", "weekly") == ["both", "left"]
    assert found(world, "example", "weekly", "alerts") == ["both", "left", "other"]
    with world.store.read() as connection:
        ((_, name),) = people_like(connection, "both", ("weekly", "alerts"), 10)
    assert name == "alerts"


def test_who_was_forgotten_is_not_found(world: World) -> None:
    world.add("weekly", "gone", "here")
    with world.store.write() as connection:
        erasing.forget(connection, key("gone"), ["hash"], world.now)
    assert found(world, "e") == ["here"]
