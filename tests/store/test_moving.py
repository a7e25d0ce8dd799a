"""Everything carried from one database into another one, of each kind, and compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import JSONB

from mailer.errors import StoreBusyError, StoreError
from mailer.model import JobKind, JobState
from mailer.store import attributes, moving
from mailer.store.columns import UtcDateTime
from mailer.store.database import Store, insert_row, open_store
from mailer.store.modes import compact_json
from mailer.store.moving_values import Kind, canonical_json, kind_of, shape_of
from mailer.store.tables import deliveries, job_parts, jobs, lists, metadata, subscribers, suppressions, workers
from tests import migrated, postgres
from tests.store.world import NOW, World

ROWS = 3
ODD = "Þór 村 🌊 \\N \\. \t\r\n \x01\x7f 'quoted' \"double\" %s :name \u2028\u202e"
Rows = dict[str, list[tuple[Any, ...]]]
ignored: Callable[[int], None] = lambda rows: None  # noqa: E731


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The database to move to, of each kind, whatever kind the first one is."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/target.db"
        (tmp_path / "target.db").write_bytes(migrated.file())
    else:
        server: postgres.Server = request.getfixturevalue("server")
        url = server.create(migrated.name())
    made = open_store(url, busy_timeout=5)
    yield made
    made.close()
    if request.param == "postgresql":
        server.drop(url)


def made_up(column: sa.Column[Any], number: int) -> Any:
    """A value of the column's type, another one in each row; none where that may be, in the last."""
    held, key = column.type, column.primary_key or bool(column.unique)
    if column.nullable and number == ROWS:
        return None
    if isinstance(held, UtcDateTime):
        return NOW + timedelta(microseconds=number)
    if isinstance(held, sa.Boolean):
        return number % 2 == 0
    if isinstance(held, sa.Integer):
        return number
    if isinstance(held, sa.Enum):
        assert held.enum_class is not None
        members = list(held.enum_class)
        return members[number % len(members)]
    if isinstance(held, sa.JSON):
        return {"b": [1, 1.5, None, True], "a": {ODD: "\\u0000"}, "number": 2**60 + number, "none": None}
    if isinstance(held, sa.LargeBinary):
        return bytes(range(256)) * number
    length = held.length if isinstance(held, sa.String) and held.length else 1000
    return f"{number} {ODD if key or number == 1 else ''}"[:length]


def fill(store: Store) -> None:
    """Some rows in every table: each refers to the rows of its own number."""
    with store.write() as connection:
        for table in metadata.sorted_tables:
            for number in range(1, ROWS + 1):
                row = {column.name: made_up(column, number) for column in table.columns}
                connection.execute(sa.insert(table).values(row))


def rows_of(store: Store) -> Rows:
    """What the program reads from every table that is moved."""
    with store.read() as connection:
        return {
            shape.name: sorted(map(tuple, connection.execute(sa.select(shape.table))), key=repr)
            for shape in moving.shapes()
        }


def carried(source: Store, target: Store) -> list[str]:
    """Carry and compare; the tables that differ."""
    with source.write() as leaving:
        moving.hold(leaving)
        tallies = moving.carry(leaving, target, ignored)
        with target.write() as arriving:
            return moving.finish(leaving, arriving, tallies)


def tallies(store: Store) -> Mapping[str, object]:
    with store.read() as connection:
        return {shape.name: moving.tally(connection, shape) for shape in moving.shapes()}


def test_every_table_is_moved_or_stays_for_a_reason() -> None:
    """A new table is moved by itself; one that must not be says why, and columns of a new type say how."""
    assert {shape.name for shape in moving.shapes()} == set(metadata.tables) - set(moving.STAYS)
    assert set(moving.STAYS) == {"bindings", "workers"}
    places = {shape.name: place for place, shape in enumerate(moving.shapes())}
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            assert places[key.column.table.name] < places[table.name]
    with pytest.raises(StoreError, match=r"t\.a cannot be moved"):
        shape_of(sa.Table("t", sa.MetaData(), sa.Column("a", sa.Float, primary_key=True)))


def test_every_row_of_every_table_arrives(store: Store, target: Store) -> None:
    fill(store)
    with store.read() as connection:
        assert set(moving.filled(connection)) == set(metadata.tables), "each table has to be in the test"
    before = rows_of(store)
    assert carried(store, target) == []
    assert rows_of(target) == before
    assert rows_of(store) == before
    assert tallies(target) == tallies(store)
    with target.read() as connection:
        assert set(metadata.tables) - set(moving.filled(connection)) == set(moving.STAYS)


def test_new_rows_get_numbers_behind_all_that_ever_were(store: Store, target: Store) -> None:
    with store.write() as connection:
        for number in range(5):
            insert_row(connection, lists, {"name": f"list{number}", "title": "A list"})
        connection.execute(sa.delete(lists).where(lists.c.id == 5))
    assert carried(store, target) == []
    with target.write() as connection:
        new = insert_row(connection, lists, {"name": "new", "title": "New"})
    # A file knows its rows alone; a server remembers, and is believed by another server.
    assert new == (5 if store.is_file or target.is_file else 6)


def test_indexes_over_attributes_are_made_again(store: Store, target: Store) -> None:
    World(store).add("weekly", "ada", city="Oslo", Größe=3)
    with store.write() as connection:
        attributes.index(connection, "Größe")
    assert carried(store, target) == []
    with target.read() as connection:
        assert attributes.indexed(connection, ["Größe", "city"]) == {"Größe"}


TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
# A server writes larger ones out as whole numbers.
NUMBERS = st.integers() | st.floats(-1e15, 1e15)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("target", ["postgresql"], indirect=True)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.dictionaries(TEXTS, VALUES, max_size=4), TEXTS, st.binary(max_size=50)), max_size=5))
@example([({"big": 1e22, "small": 5e-324, "zero": -0.0, "whole": 1e15, "wide": 10**40}, "\\N", b"\\x00")])
@example([({"": {"b": 1, "a": [[]], "aa": {}}}, "\\.", b"")])
def test_any_value_goes_to_a_server_and_back(
    another: Callable[[], Store], store: Store, target: Store, rows: list[tuple[dict[str, Any], str, bytes]]
) -> None:
    back = another()
    for each in (store, target, back):
        with each.write() as connection:
            for table in (suppressions, job_parts, jobs):
                connection.execute(sa.delete(table))
    with store.write() as connection:
        for number, (arguments, text, body) in enumerate(rows):
            values = {"kind": JobKind.SYNC, "key": f"{number}{text}", "arguments": arguments, "state": JobState.WAITING}
            times = dict.fromkeys(("due_at", "created_at", "updated_at"), NOW)
            job = insert_row(connection, jobs, {**values, **times, "attempts": 0, "detail": text})
            connection.execute(sa.insert(job_parts).values(job_id=job, number=number, body=body))
            key = {"value": f"{text}{number}", "list_id": 0, "reason": "complained", "note": text, "created_at": NOW}
            connection.execute(sa.insert(suppressions).values(key))
    before = rows_of(store)
    assert carried(store, target) == []
    assert rows_of(target) == before
    assert carried(target, back) == []
    assert rows_of(back) == before
    assert tallies(back) == tallies(store)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=20, max_size=20))
@example([1e23, 1.5e300, -1e16, 1e16, 123456789012345680.0, 2.5e-310, -0.0])
def test_numbers_are_written_as_a_server_writes_them(store: Store, numbers: list[float]) -> None:
    with store.read() as connection:
        query = sa.select(sa.cast(sa.cast(sa.literal(compact_json(numbers), sa.Text), JSONB), sa.Text))
        text = connection.execute(query).scalar_one()
    once = canonical_json(compact_json(numbers))
    assert once is not None
    assert once == canonical_json(text)
    assert [float(number) for number in json.loads(once)] == numbers


@given(VALUES)
def test_json_has_one_form_that_says_what_it_said(value: Any) -> None:
    once = canonical_json(compact_json(value))
    assert once is not None
    assert canonical_json(once) == once
    assert json.loads(once) == value


def flip(store: Store, statement: str) -> None:
    with store.write() as connection:
        connection.exec_driver_sql(statement)


FLIPS = (
    ("UPDATE deliveries SET detail = 'x' WHERE id = 2", "deliveries"),
    ("UPDATE deliveries SET updated_at = updated_at + 1 WHERE id = 2", "deliveries"),
    ("UPDATE deliveries SET due_at = NULL WHERE id = 1", "deliveries"),
    ("DELETE FROM events WHERE id = 3", "events"),
    ("DELETE FROM job_parts WHERE number = 2", "job_parts"),
    ("UPDATE sources SET gone = NOT gone", "sources"),
    ("UPDATE issues SET snapshot = '{\"a\": 1}' WHERE id = 2", "issues"),
)


def test_a_flipped_value_is_noticed(store: Store, target: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something changes what arrived, behind our back; the next try carries it anew."""
    fill(store)
    carry, left = moving.carry, list(FLIPS)

    def carried_badly(*args: Any) -> Any:
        told = carry(*args)
        if left:
            flip(target, left[0][0])
        return told

    monkeypatch.setattr(moving, "carry", carried_badly)
    while left:
        assert carried(store, target) == [left[0][1]]
        del left[0]
    assert carried(store, target) == []
    assert rows_of(target) == rows_of(store)


def test_what_changed_since_an_interrupted_try_is_carried_anew(store: Store, target: Store) -> None:
    fill(store)
    assert carried(store, target) == []
    flip(store, "UPDATE batches SET attempts = 7 WHERE id = 1")
    flip(store, "DELETE FROM events WHERE id = 3")
    assert carried(store, target) == []
    assert rows_of(target) == rows_of(store)


def test_a_try_goes_on_behind_the_last_row_that_arrived(
    store: Store, target: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(store).add("weekly", *(f"p{number}" for number in range(300)))
    monkeypatch.setattr(moving, "ROWS", 50)
    arrived, total = 0, sum(map(len, rows_of(store).values()))

    def stop(rows: int) -> None:
        nonlocal arrived
        arrived += rows
        if arrived > 450:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), store.write() as leaving:
        moving.carry(leaving, target, stop)
    there = sum(map(len, rows_of(target).values()))
    assert 450 < there < total
    put, real = [], moving._put

    def counted(target: Store, shape: Any, portion: Any, source: str) -> None:
        put.append(len(portion.rows))
        real(target, shape, portion, source)

    monkeypatch.setattr(moving, "_put", counted)
    assert carried(store, target) == []
    assert sum(put) == total - there, "nothing is carried twice"
    assert rows_of(target) == rows_of(store)


def test_nobody_writes_while_it_is_held_and_everybody_reads(url: str, store: Store) -> None:
    other = open_store(url, busy_timeout=0.05)
    with store.write() as leaving:
        moving.hold(leaving)
        with other.read() as connection:
            assert moving.count(connection, shape_of(lists)) == 0
        with pytest.raises(StoreBusyError), other.write() as connection:
            if not other.is_file:
                connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            insert_row(connection, lists, {"name": "a", "title": "A"})
    other.close()


def test_who_holds_on_to_the_old_one_is_waited_for(url: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailer.store.moving_postgresql.LOCK_SECONDS", 0.05)
    impatient = open_store(url, busy_timeout=0.05)
    with store.write() as connection:
        insert_row(connection, lists, {"name": "a", "title": "A"})
        with pytest.raises(StoreBusyError), impatient.write() as leaving:
            moving.hold(leaving)
    impatient.close()


def test_a_database_that_was_moved_takes_no_word_from_anybody(url: str, store: Store) -> None:
    """Also from a program that had it open before, by whatever statement."""
    fill(store)
    other = open_store(url)
    before = rows_of(store)
    with other.read() as connection:
        moving.count(connection, shape_of(lists))
    with store.write() as connection:
        moving.shut(connection)
    changes = [
        sa.insert(lists).values(name="new", title="New"),
        sa.update(deliveries).values(detail="x"),
        sa.delete(suppressions),
        sa.insert(subscribers).from_select(["id"], sa.select(deliveries.c.id)),
    ]
    for change in changes:
        with pytest.raises(StoreError, match="this database was moved"), other.write() as connection:
            connection.execute(change)
    assert rows_of(other) == before
    with other.write() as connection:
        connection.execute(sa.delete(workers))
    with store.write() as connection:
        moving.open_again(connection)
    with other.write() as connection:
        connection.execute(changes[1])
    other.close()


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_a_server_cannot_keep_is_found_beforehand(store: Store) -> None:
    fill(store)
    with store.read() as connection:
        assert moving.unfit(connection) == {}
    flip(store, "UPDATE deliveries SET detail = 'a' || char(0) || 'b' WHERE id < 3")
    flip(store, 'UPDATE subscribers SET attributes = \'{"a":"x\\u0000y"}\' WHERE id = 1')
    flip(store, 'UPDATE subscribers SET attributes = \'{"a":"x\\\\u0000y"}\' WHERE id = 2')
    flip(store, "UPDATE subscribers SET public_id = '12345678901234567' WHERE id = 3")
    flip(store, "UPDATE batches SET attempts = 2147483648 WHERE id = 1")
    with store.read() as connection:
        assert moving.unfit(connection) == {
            "subscribers.public_id": 1,
            "subscribers.attributes": 1,
            "batches.attempts": 1,
            "deliveries.detail": 2,
        }


def test_every_column_has_a_kind() -> None:
    kinds = {f"{table.name}.{column.name}": kind_of(column) for table in metadata.sorted_tables for column in table.c}
    assert kinds["deliveries.state"] is Kind.TEXT
    assert kinds["deliveries.updated_at"] is Kind.NUMBER
    assert kinds["subscribers.attributes"] is Kind.JSON
    assert kinds["job_parts.body"] is Kind.BYTES
    assert kinds["suppression_events.added"] is Kind.TRUTH
