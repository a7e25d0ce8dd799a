"""Moving in SQLite: reading rows as they are, writing them, and shutting a file that was moved away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.moving_values import Kind, Row, Shape, has_no_text_there

SHUT = "mailer_moved_"
WORDS = "this database was moved, and nothing may be written to it any more; mailer db status says where it is"
# What a server calls INTEGER ends here.
LARGEST = 2**31 - 1
_SERVER = sa.make_url("postgresql://").get_dialect()()
# SQLite takes any type in any column, and has no truth values.
_TYPES = {Kind.NUMBER: "integer", Kind.TRUTH: "integer", Kind.TEXT: "text", Kind.BYTES: "blob"}


def hold(connection: Connection, tables: Iterable[sa.Table]) -> None:
    """A write transaction is alone anyway."""


def opened(connection: Connection, shape: Shape, after: Row | None, until: Row | None) -> sqlite3.Cursor:
    """A cursor over the rows in the order of their keys: those behind `after`, up to `until`."""
    # JSON that is a bare number would have become one.
    columns = [
        f"CAST({_name(name)} AS TEXT)" if kind is Kind.JSON else _name(name)
        for name, kind in zip(shape.names, shape.kinds, strict=True)
    ]
    key = ", ".join(map(_name, shape.key))
    places = ", ".join("?" * len(shape.key))
    bounds = [(f"({key}) {sign} ({places})", at) for sign, at in ((">", after), ("<=", until)) if at is not None]
    where = f" WHERE {' AND '.join(bound for bound, _ in bounds)}" if bounds else ""
    statement = f"SELECT {', '.join(columns)} FROM {_name(shape.name)}{where} ORDER BY {key}"  # noqa: S608 - names of ours
    return _driver(connection).execute(statement, [value for _, at in bounds for value in at])


def put(connection: Connection, shape: Shape, rows: Sequence[Row], lines: str) -> None:
    """Add rows; their text is for servers."""
    names, places = ", ".join(map(_name, shape.names)), ", ".join("?" * len(shape.names))
    statement = f"INSERT INTO {_name(shape.name)} ({names}) VALUES ({places})"  # noqa: S608 - names of ours
    _driver(connection).executemany(statement, rows).close()


def last(connection: Connection, shape: Shape) -> Row | None:
    """The key of the last row."""
    key = ", ".join(map(_name, shape.key))
    order = ", ".join(f"{_name(name)} DESC" for name in shape.key)
    found = connection.exec_driver_sql(f"SELECT {key} FROM {_name(shape.name)} ORDER BY {order} LIMIT 1").first()  # noqa: S608
    return None if found is None else tuple(found)


def highest(connection: Connection, shape: Shape) -> int:
    """The highest number that its rows ever had, as far as that is known."""
    found = last(connection, shape)
    return int(found[0]) if found else 0


def go_on_after(connection: Connection, shape: Shape, number: int) -> None:
    """Numbers go on behind the highest row by themselves."""


def unfit(connection: Connection, shape: Shape) -> dict[str, int]:
    """Columns with values that PostgreSQL cannot hold, and how many: U+0000, texts and numbers that are too long."""
    asked: dict[str, str] = {}
    for column, kind in zip(shape.table.columns, shape.kinds, strict=True):
        name, length = _name(column.name), getattr(column.type, "length", None)
        if kind is Kind.JSON:
            continue
        asked[column.name] = f"typeof({name}) NOT IN ('{_TYPES[kind]}', 'null')"
        if kind is Kind.TEXT:
            asked[column.name] += f" OR instr({name}, char(0)) > 0" + (
                f" OR length({name}) > {length}" if length else ""
            )
        elif kind is Kind.NUMBER and column.type.compile(_SERVER) == "INTEGER":
            asked[column.name] += f" OR abs({name}) > {LARGEST}"
    counts = {name: _count(connection, shape, where) for name, where in asked.items()}
    counts |= {name: _unfit_json(connection, shape, name) for name in shape.of_kind(Kind.JSON)}
    return {name: number for name, number in counts.items() if number}


def shut(connection: Connection, tables: Iterable[sa.Table]) -> None:
    """Let nobody write to these tables again, also no program that opened the file before."""
    for table in tables:
        for what in ("INSERT", "UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {SHUT}{table.name}_{what.lower()} BEFORE {what} ON {_name(table.name)} "
                f"BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
            )


def open_again(connection: Connection, tables: Iterable[sa.Table]) -> None:
    """What `shut` did is undone."""
    for table in tables:
        for what in ("insert", "update", "delete"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {SHUT}{table.name}_{what}")


def _count(connection: Connection, shape: Shape, where: str) -> int:
    statement = f"SELECT count(*) FROM {_name(shape.name)} WHERE {where}"  # noqa: S608 - names of ours
    return int(connection.exec_driver_sql(statement).scalar_one())


def _unfit_json(connection: Connection, shape: Shape, column: str) -> int:
    """Found by the letters of an escape first; what they mean takes reading."""
    name = _name(column)
    where = f"instr({name}, '\\u0000') > 0 OR instr({name}, '\\ud') > 0 OR instr({name}, '\\uD') > 0"
    suspects = connection.exec_driver_sql(f"SELECT {name} FROM {_name(shape.name)} WHERE {where}")  # noqa: S608
    return sum(has_no_text_there(text) for (text,) in suspects)


def _name(name: str) -> str:
    return f'"{name}"'


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
