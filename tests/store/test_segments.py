"""A segment says the same of everybody in Python and in SQL, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from mailer.audience.segment.evaluate import Facts, evaluate
from mailer.audience.segment.nodes import Segment
from mailer.audience.segment.reading import parse
from mailer.model import DeliveryState, EngagementKind
from mailer.store import attributes as attributes_store
from mailer.store.facts import facts
from mailer.store.segments import Scope, condition, outside
from mailer.store.tables import deliveries, engagements, issues, subscribers
from tests.store.world import CONFIRMED, NOW, PENDING, UNSUBSCRIBED, World, key
from tests.thoroughness import examples
from tests.unit.audience.segment.people import EXPRESSIONS, ISSUES, attributes
from tests.unit.audience.segment.verdicts import MISSING, VERDICTS

PEOPLE = [f"p{number}" for number in range(6)]


@pytest.fixture
def crowd(world: World) -> World:
    """Six people on two lists in every state, three issues, some opens and clicks."""
    for number, name in enumerate(PEOPLE):
        world.now = NOW - timedelta(days=40 * number, hours=number)
        world.add("weekly", name, state=(CONFIRMED, CONFIRMED, PENDING)[number % 3])
    world.now = NOW - timedelta(days=2)
    world.add("members", "p0", "p2", "p4", "p5")
    world.change("members", "p4", UNSUBSCRIBED)
    for number, issue in enumerate(ISSUES):
        world.now = NOW - timedelta(days=1 + 60 * number)
        world.freeze("weekly", name=issue)
    with world.store.write() as connection:
        engage(connection)
    world.now = NOW
    return world


def engage(connection: Connection) -> None:
    numbers = list(connection.execute(sa.select(subscribers.c.id).order_by(subscribers.c.id)).scalars())
    editions = list(connection.execute(sa.select(issues.c.id).order_by(issues.c.id)).scalars())
    mine = deliveries.c.subscriber_id.in_(numbers[:4])
    connection.execute(sa.update(deliveries).where(mine).values(state=DeliveryState.ACCEPTED))
    rows = [
        (numbers[0], editions[0], EngagementKind.OPENED, 1),
        (numbers[0], editions[0], EngagementKind.CLICKED, 2),
        (numbers[1], editions[1], EngagementKind.CLICKED, 30),
        (numbers[3], editions[2], EngagementKind.OPENED, 100),
    ]
    names = ("subscriber_id", "issue_id", "kind", "at")
    values = [dict(zip(names, (*row[:3], NOW - timedelta(days=row[3])), strict=True)) for row in rows]
    connection.execute(sa.insert(engagements), values)


def give(connection: Connection, wardrobe: list[dict[str, Any]]) -> None:
    for name, values in zip(PEOPLE, wardrobe, strict=True):
        connection.execute(sa.update(subscribers).where(subscribers.c.email_key == key(name)).values(attributes=values))


def matching(connection: Connection, where: sa.ColumnElement[bool]) -> set[str]:
    return set(connection.execute(sa.select(subscribers.c.email_key).where(where)).scalars())


def known(connection: Connection, list_id: int | None) -> Iterator[Facts]:
    for name in PEOPLE:
        found = facts(connection, key(name), list_id)
        assert found is not None
        yield found


def answers(
    connection: Connection, segment: Segment, list_id: int | None, wardrobe: list[dict[str, Any]]
) -> dict[str, set[str]]:
    """Who is in the segment, by each way of asking."""
    scope = Scope(list_id, NOW)
    people = list(known(connection, list_id))
    everybody = {key(name) for name in PEOPLE}
    # What came back from the database says the same as what went in.
    fresh = {
        person.email_key
        for person, values in zip(people, wardrobe, strict=True)
        if evaluate(
            segment, Facts(person.email_key, person.domain, values, person.joined, person.lists, person.acts), NOW
        )
    }
    return {
        "python": {person.email_key for person in people if evaluate(segment, person, NOW)},
        "the database": matching(connection, condition(segment, scope)),
        "the database, of those outside": everybody - matching(connection, outside(segment, scope)),
        "python, before it was written down": fresh,
    }


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wardrobe=st.lists(attributes(), min_size=6, max_size=6),
    texts=st.lists(EXPRESSIONS, min_size=4, max_size=4),
    on_list=st.booleans(),
)
def test_python_and_the_database_agree_on_everybody(
    crowd: World, wardrobe: list[dict[str, Any]], texts: list[str], on_list: bool
) -> None:
    with crowd.store.write() as connection:
        give(connection, wardrobe)
        list_id = connection.execute(sa.text("select id from lists where name = 'weekly'")).scalar_one()
        for text in texts:
            found = answers(connection, parse(text), list_id if on_list else None, wardrobe)
            assert all(each == found["python"] for each in found.values()), found


def test_one_value_says_the_same_in_the_database(world: World) -> None:
    """Every single rule, so that one that is broken has its name."""
    world.add("weekly", *(f"v{number}" for number in range(len(VERDICTS))))
    wrong = []
    with world.store.write() as connection:
        for number, (value, _, _) in enumerate(VERDICTS):
            mine = sa.update(subscribers).where(subscribers.c.email_key == key(f"v{number}"))
            connection.execute(mine.values(attributes={} if value is MISSING else {"x": value}))
        for number, (value, text, expected) in enumerate(VERDICTS):
            scope = Scope(None, NOW)
            inside = key(f"v{number}") in matching(connection, condition(parse(text), scope))
            others = key(f"v{number}") in matching(connection, outside(parse(text), scope))
            if (inside, others) != (expected, not expected):
                wrong.append((value, text, inside, others))
    assert wrong == []


def plan(connection: Connection, text: str) -> str:
    query = sa.select(subscribers.c.id).where(condition(parse(text), Scope(None, NOW)))
    written = query.compile(connection, compile_kwargs={"literal_binds": True, "render_postcompile": True})
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        # A table of six people would be read whole.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    return "\n".join(str(row) for row in connection.exec_driver_sql(explain + str(written)))


@pytest.mark.parametrize("attribute", ["city", "odd name", "50%", "it's", "a.b", "straße"])
def test_an_index_over_an_attribute_is_used(crowd: World, attribute: str) -> None:
    field = f'attributes["{attribute}"]'
    with crowd.store.write() as connection:
        assert attributes_store.index(connection, attribute)
        assert not attributes_store.index(connection, attribute)
        assert attributes_store.indexed(connection, [attribute, "other"]) == {attribute}
    with crowd.store.write() as connection:
        give(connection, [{attribute: "Oslo"}, {attribute: "0150"}, {attribute: 150}, {}, {}, {}])
        name = attributes_store.index_name(attribute)
        for text in (
            f'{field} == "Oslo"',
            f'{field} in ("Oslo", "Bergen")',
            f'{field} == "Oslo" and ("x" in tags or not has(phone))',
            f'{field} == "0150"',
            f'{field} == "150"',
        ):
            assert name in plan(connection, text), text
        assert matching(connection, condition(parse(f'{field} == "150"'), Scope(None, NOW))) == {key("p2")}
    with crowd.store.write() as connection:
        assert attributes_store.unindex(connection, attribute)
        assert not attributes_store.unindex(connection, attribute)
        assert name not in plan(connection, f'{field} == "Oslo"')


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ('email == "p1@example.org"', "email_key"),
        ('received("first")', "deliveries"),
        ("opened_within(90d)", "subscriber_id_kind_at"),
    ],
)
def test_what_is_built_in_reads_an_index(crowd: World, text: str, index: str) -> None:
    with crowd.store.write() as connection:
        assert index in plan(connection, text)


def test_attributes_are_counted_by_type(crowd: World) -> None:
    with crowd.store.write() as connection:
        give(connection, [{"a": "x"}, {"a": 1, "b": None}, {"a": 1.5}, {"a": [1], "b": True}, {"a": {}}, {}])
        weekly = connection.execute(sa.text("select id from lists where name = 'members'")).scalar_one()
        assert {name: sum(kinds.values()) for name, kinds in attributes_store.kinds(connection).items()} == {
            "a": 5,
            "b": 2,
        }
        assert set(attributes_store.kinds(connection, weekly)) == {"a"}
        assert attributes_store.names(connection) == ["a", "b"]
        assert attributes_store.unknown(connection, ["a", "c"]) == ["c"]
