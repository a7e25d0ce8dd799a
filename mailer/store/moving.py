"""A database's rows carried into another one, in portions, and compared afterwards.

The order of the tables is the one of their references, the order of rows the one of their keys. So how far a move has
come is seen from what has arrived, and nothing else has to be written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store import attributes
from mailer.store.database import Store
from mailer.store.dialect import analyze, index_names
from mailer.store.moving_values import Row, Shape, Sum, Tally, canonical, shape_of, written
from mailer.store.tables import bindings, metadata, workers

STAYS = {
    bindings.name: "says where the database may be used from, which is what a move changes",
    workers.name: "whoever worked on the old one does not work on the new one",
}
"""Tables that are not moved, and why. The version of the tables is the migrations', and none of these."""

# A portion is about so large, and so many rows at most: what a failure costs, and what is in memory.
BYTES = 4_000_000
ROWS = 20_000
FIRST = 16

Counted = Callable[[int], None]
"""Hears how many more rows have arrived, or were found there."""


class Cursor(Protocol):
    def fetchmany(self, size: int, /) -> list[Any]: ...

    def close(self) -> None: ...


class Portion(NamedTuple):
    """Rows as they were read, with their JSON in its one form, and as text."""

    rows: Sequence[Row]
    canonical: Sequence[Row]
    lines: str


def shapes() -> list[Shape]:
    """The tables to be moved, each after those that it refers to."""
    return [shape_of(table) for table in metadata.sorted_tables if table.name not in STAYS]


def guarded() -> list[sa.Table]:
    """The tables that nobody writes to while they are moved, nor afterwards."""
    return [shape.table for shape in shapes()]


def hold(connection: Connection) -> None:
    """Let nobody else write until this write transaction ends. StoreBusyError when somebody does not let go."""
    _dialect(connection).hold(connection, guarded())


def shut(connection: Connection) -> None:
    """Nothing may be written to this database any more, by whoever has it open."""
    _dialect(connection).shut(connection, guarded())


def open_again(connection: Connection) -> None:
    """It may be written to again."""
    _dialect(connection).open_again(connection, guarded())


def count(connection: Connection, shape: Shape) -> int:
    """How many rows a table has."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(shape.table)).scalar_one())


def filled(connection: Connection) -> list[str]:
    """The tables that have rows, the ones that stay included."""
    every = metadata.sorted_tables
    return [table.name for table in every if connection.execute(sa.select(1).select_from(table).limit(1)).first()]


def unfit(connection: Connection) -> dict[str, int]:
    """What of this database a server cannot hold: columns, and how many values each."""
    found = ((shape.name, _dialect(connection).unfit(connection, shape)) for shape in shapes())
    return {f"{table}.{column}": number for table, columns in found for column, number in columns.items()}


def tally(connection: Connection, shape: Shape) -> Tally:
    """A table's count and checksum."""
    total = Sum()
    for portion in _portions(connection, shape):
        total.add(len(portion.rows), portion.lines)
    return total.tally()


def carry(source: Connection, target: Store, told: Counted) -> dict[str, Tally]:
    """Carry what has not arrived yet; the tallies of the source, by table.

    What has arrived is compared first. From the first table on that is not as it was, everything is carried anew: the
    source has changed since an earlier move was interrupted.
    """
    every, tallies = shapes(), {}
    for place, shape in enumerate(every):
        total, after = _arrived(source, target, shape)
        if total is None:
            _clear(target, every[place:])
            total, after = Sum(), None
        told(total.rows)
        for portion in _portions(source, shape, after):
            total.add(len(portion.rows), portion.lines)
            _put(target, shape, portion, source.dialect.name)
            told(len(portion.rows))
        tallies[shape.name] = total.tally()
    return tallies


def finish(source: Connection, target: Connection, tallies: Mapping[str, Tally]) -> list[str]:
    """The tables whose rows are not the same on both sides; when there are none, the rest is done that rows are not:
    numbers that go on, indexes over attributes, and what the database must know of its indexes.
    """
    hold(target)
    different = [shape.name for shape in shapes() if tally(target, shape) != tallies[shape.name]]
    if not different:
        for shape in filter(lambda each: each.numbered, shapes()):
            number = _dialect(source).highest(source, shape)
            _dialect(target).go_on_after(target, shape, number)
        for name in _indexed_attributes(source):
            attributes.index(target, name)
        analyze(target, *guarded())
    return different


def _arrived(source: Connection, target: Store, shape: Shape) -> tuple[Sum | None, Row | None]:
    """The sum over what has arrived and the key of its last row; no sum when the source has it otherwise."""
    with target.read() as connection:
        last = _dialect(connection).last(connection, shape)
        if last is None:
            return Sum(), None
        theirs = tally(connection, shape)
    ours = Sum()
    for portion in _portions(source, shape, until=last):
        ours.add(len(portion.rows), portion.lines)
    return (ours, last) if ours.tally() == theirs else (None, None)


def _clear(target: Store, emptied: Sequence[Shape]) -> None:
    with target.write() as connection:
        for shape in reversed(emptied):
            connection.execute(sa.delete(shape.table))


def _put(target: Store, shape: Shape, portion: Portion, source: str) -> None:
    with target.derive() as connection:
        # From a file to a file JSON stays as it was written, to the byte.
        rows = portion.rows if source == connection.dialect.name else portion.canonical
        _dialect(connection).put(connection, shape, rows, portion.lines)


def _portions(
    connection: Connection, shape: Shape, after: Row | None = None, until: Row | None = None
) -> Iterator[Portion]:
    """The rows, a few first: how large they are is known afterwards."""
    cursor: Cursor = _dialect(connection).opened(connection, shape, after, until)
    size = FIRST
    try:
        while rows := cursor.fetchmany(size):
            same = canonical(shape, rows)
            lines = written(shape, same)
            yield Portion(rows, same, lines)
            size = max(1, min(ROWS, 8 * size, BYTES * len(rows) // len(lines)))
    finally:
        cursor.close()


def _indexed_attributes(connection: Connection) -> list[str]:
    """The attributes that have an index; nobody's are looked at where there is none."""
    prefix = attributes.index_name("").rpartition("_")[0]
    if not any(name.startswith(prefix) for name in index_names(connection, "subscribers")):
        return []
    return sorted(attributes.indexed(connection, attributes.names(connection)))


def _dialect(connection: Connection) -> ModuleType:
    if connection.dialect.name == "postgresql":
        from mailer.store import moving_postgresql

        return moving_postgresql
    from mailer.store import moving_sqlite

    return moving_sqlite
