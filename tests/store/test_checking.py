"""The look at a batch's people when it is claimed, beside one that looks each of them up by itself."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.model import Recipient, SubscriptionState, SuppressionReason
from mailer.store import issues, suppressions
from mailer.store.banning import broadest
from mailer.store.checking import check_again
from mailer.store.subscribers import NewSubscriber
from mailer.store.suppressions import EVERY_LIST, Suppression
from mailer.store.tables import (
    batches,
    deliveries,
    issue_lists,
    lists,
    metadata,
    subscribers,
    subscriptions,
)
from tests.store.world import MINUTE, NOW, UNSUBSCRIBED, World, names
from tests.thoroughness import examples

PEOPLE = tuple(f"p{number}" for number in range(6))
LISTS = ("first", "second")
STATES = st.sampled_from([None, *SubscriptionState])
VALUES = st.sampled_from(
    [*(f"{name}@d{at % 2}.example" for at, name in enumerate(PEOPLE)), "@d0.example", "@e.example"]
)
BANS = st.lists(st.tuples(VALUES, st.integers(0, 2)), max_size=4)
# What JSON may hold, with numbers that do not fit into 64 bits or a float.
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def one_by_one(connection: Connection) -> tuple[list[Recipient], dict[int, str]]:
    """Who of all the deliveries gets a mail now, and the state of everybody, each looked up by itself."""
    kept, states = [], {}
    query = sa.select(deliveries.c.id, deliveries.c.subscriber_id, deliveries.c.list_id)
    for number, person, list_id in connection.execute(query.order_by(deliveries.c.id)).all():
        row = connection.execute(sa.select(subscribers).where(subscribers.c.id == person)).one()
        chosen = connection.execute(sa.select(issue_lists.c.list_id).order_by(issue_lists.c.position)).scalars().all()
        standing: dict[int, SubscriptionState] = dict(
            connection.execute(
                sa.select(subscriptions.c.list_id, subscriptions.c.state).where(subscriptions.c.subscriber_id == person)
            ).all()
        )
        banned = {at: banned_on(connection, person, at) for at in {*chosen, list_id}}
        able = [at for at in chosen if standing.get(at) is SubscriptionState.CONFIRMED and banned[at] is None]
        everywhere = row.forgotten_at is not None or banned[list_id] == EVERY_LIST
        by = list_id if list_id in able else None if everywhere or not able else able[0]
        paused = row.paused_until is not None and row.paused_until > NOW
        if paused and able and not everywhere:
            states[number] = "paused"
            continue
        if by is None or row.forgotten_at is not None:
            reason = standing.get(list_id, SubscriptionState.UNSUBSCRIBED).value
            states[number] = "suppressed" if everywhere or banned[list_id] is not None else reason
            continue
        name = connection.execute(sa.select(lists.c.name).where(lists.c.id == by)).scalar_one()
        kept.append(Recipient(number, row.public_id, row.ascii_email or row.email, name, row.attributes))
        states[number] = ""
    return kept, states


def banned_on(connection: Connection, person: int, list_id: int) -> int | None:
    query = sa.select(broadest(sa.literal(list_id))).select_from(subscribers).where(subscribers.c.id == person)
    found: int | None = connection.execute(query).scalar()
    return found


def emptied(world: World) -> World:
    with world.store.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
    return world


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    now=st.tuples(*[st.tuples(STATES, STATES)] * len(PEOPLE)),
    attributes=st.dictionaries(st.sampled_from(["city", "x y", "ø"]), JSON, max_size=2),
    bans=BANS,
    forgotten=st.sampled_from([None, *PEOPLE]),
    pauses=st.tuples(*[st.sampled_from([None, -1, 0, 1])] * len(PEOPLE)),
)
def test_all_at_once_is_one_by_one(
    world: World,
    now: tuple[tuple[SubscriptionState | None, SubscriptionState | None], ...],
    attributes: dict[str, Any],
    bans: list[tuple[str, int]],
    forgotten: str | None,
    pauses: tuple[int | None, ...],
) -> None:
    emptied(world)
    people = [
        NewSubscriber(Address(email, email, None if at == 3 else f"x-{email}"), attributes)
        for at, email in enumerate(f"{name}@d{at % 2}.example" for at, name in enumerate(PEOPLE))
    ]
    world.upsert("first", people[:4])
    world.upsert("second", people[2:])
    world.freeze(*LISTS, smtputf8=True)
    with world.store.write() as connection:
        numbers = [connection.execute(sa.select(lists.c.id).where(lists.c.name == name)).scalar_one() for name in LISTS]
        ids = connection.execute(sa.select(subscribers.c.id).order_by(subscribers.c.id)).scalars().all()
        connection.execute(sa.delete(subscriptions))
        for person, states in zip(ids, now, strict=True):
            for list_id, state in zip(numbers, states, strict=True):
                if state is not None:
                    values = {"list_id": list_id, "subscriber_id": person, "state": state}
                    connection.execute(sa.insert(subscriptions).values(**values, created_at=NOW, updated_at=NOW))
        for person, minutes in zip(ids, pauses, strict=True):
            until = None if minutes is None else NOW + minutes * MINUTE
            connection.execute(sa.update(subscribers).where(subscribers.c.id == person).values(paused_until=until))
        for value, place in bans:
            list_id = (EVERY_LIST, *numbers)[place]
            suppressions.add(connection, Suppression(value, SuppressionReason.MANUAL, list_id=list_id), NOW)
        if forgotten is not None:
            person = ids[PEOPLE.index(forgotten)]
            gone = {"forgotten_at": NOW, "domain": "", "email_key": f"#{person}", "attributes": {}}
            connection.execute(sa.update(subscribers).where(subscribers.c.id == person).values(**gone))
        kept, expected = one_by_one(connection)
        batch_id = connection.execute(sa.select(batches.c.id)).scalar_one()
        assert check_again(connection, batch_id, issues.number(connection, "issue"), NOW) == tuple(kept)
        details: dict[int, str] = dict(connection.execute(sa.select(deliveries.c.id, deliveries.c.detail)).all())
    assert details == expected


@pytest.mark.parametrize("people", [1, 900])
def test_many_people_and_few_entries(world: World, people: int) -> None:
    world.add("weekly", *(f"p{number:03}" for number in range(people)), "unlucky")
    world.freeze("weekly")
    world.suppress("unlucky")
    with world.store.write() as connection:
        suppressions.add(connection, Suppression("@elsewhere.example"), NOW)
    assert names(world.claimed()) == [f"p{number:03}" for number in range(people)]


def test_a_pause_that_begins_after_the_freeze_and_one_that_ends(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", batch_size=1)
    world.pause("ada", minutes=1)
    assert names(world.claimed()) == ["ben"]
    assert world.states()["ada"] == "excluded"
    world.add("alerts", "ada", "ben")
    world.freeze("alerts", name="two")
    world.pause("ben", minutes=1)
    world.later()
    assert names(world.claimed(issue="two")) == ["ben"]


def test_a_domain_takes_all_of_its_people(world: World) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly")
    with world.store.write() as connection:
        suppressions.add(connection, Suppression("@example.org"), NOW)
    assert world.claim() is None
    assert world.states() == {"ada": "excluded", "ben": "excluded"}


def test_a_list_that_somebody_left_is_not_the_one_that_takes_them_in(world: World) -> None:
    for name in LISTS:
        world.add(name, "ada", "ben")
    world.freeze(*LISTS)
    for name in LISTS:
        world.change(name, "ada", UNSUBSCRIBED)
    assert names(world.claimed()) == ["ben"]
