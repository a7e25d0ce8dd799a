"""Moving in PostgreSQL: reading rows as they are, COPY, and shutting a database that was moved away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from mailer.store.moving_values import Kind, Row, Shape
from mailer.store.postgresql import MOVED

LOCK_SECONDS = 30
SHUT = "mailer_moved"
# So that a text's order is the one of its letters' numbers, as in SQLite.
_BYTEWISE = ' COLLATE "C"'
_READ = {Kind.JSON: '"{}"::text', Kind.TRUTH: '"{}"::int'}


def hold(connection: Connection, tables: Iterable[sa.Table]) -> None:
    """Nobody else writes until the transaction ends, which may take its time."""
    connection.exec_driver_sql(
        f"SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"
    )
    names = ", ".join(f'"{table.name}"' for table in tables)
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


class Rows:
    """A cursor on the server."""

    def __init__(self, cursor: Any, statement: str) -> None:
        self._cursor, self._statement = cursor, statement

    def fetchmany(self, size: int) -> list[Row]:
        with _explained(self._statement):
            found: list[Row] = self._cursor.fetchmany(size)
        return found

    def close(self) -> None:
        with _explained(self._statement):
            self._cursor.close()


def opened(connection: Connection, shape: Shape, after: Row | None, until: Row | None) -> Rows:
    """A cursor over the rows in the order of their keys: those behind `after`, up to `until`."""
    columns = ", ".join(
        _READ.get(kind, '"{}"').format(name) for name, kind in zip(shape.names, shape.kinds, strict=True)
    )
    key = ", ".join(_key(shape))
    places = ", ".join(["%s"] * len(shape.key))
    bounds = [(f"({key}) {sign} ({places})", at) for sign, at in ((">", after), ("<=", until)) if at is not None]
    where = f" WHERE {' AND '.join(bound for bound, _ in bounds)}" if bounds else ""
    statement = f'SELECT {columns} FROM "{shape.name}"{where} ORDER BY {key}'  # noqa: S608 - names of ours
    with _explained(statement):
        cursor = _driver(connection).cursor(name="moving")
        cursor.execute(statement.encode(), [value for _, at in bounds for value in at])
    return Rows(cursor, statement)


def put(connection: Connection, shape: Shape, rows: Sequence[Row], lines: str) -> None:
    """Add rows by their text."""
    names = ", ".join(f'"{name}"' for name in shape.names)
    statement = f'COPY "{shape.name}" ({names}) FROM STDIN'
    with _explained(statement), _driver(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(lines)


def last(connection: Connection, shape: Shape) -> Row | None:
    """The key of the last row."""
    names = ", ".join(f'"{name}"' for name in shape.key)
    order = ", ".join(f"{name} DESC" for name in _key(shape))
    found = connection.exec_driver_sql(f'SELECT {names} FROM "{shape.name}" ORDER BY {order} LIMIT 1').first()  # noqa: S608
    return None if found is None else tuple(found)


def highest(connection: Connection, shape: Shape) -> int:
    """The highest number that its rows ever had."""
    sequence = connection.exec_driver_sql("SELECT pg_get_serial_sequence(%s, 'id')", (shape.name,)).scalar_one()
    used = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608 - of the server
    found = last(connection, shape)
    return max(int(connection.exec_driver_sql(used).scalar_one()), int(found[0]) if found else 0)


def go_on_after(connection: Connection, shape: Shape, number: int) -> None:
    """New rows get numbers behind this one."""
    if number:
        statement = "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)"
        connection.exec_driver_sql(statement, (shape.name, number)).close()


def unfit(connection: Connection, shape: Shape) -> dict[str, int]:
    """What is in one server fits into another."""
    return {}


def shut(connection: Connection, tables: Iterable[sa.Table]) -> None:
    """Let nobody write to these tables again, also no program that is connected."""
    connection.exec_driver_sql(
        f"CREATE OR REPLACE FUNCTION {SHUT}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION 'moved' USING ERRCODE = '{MOVED}'; END $$"
    )
    for table in tables:
        connection.exec_driver_sql(
            f'CREATE OR REPLACE TRIGGER {SHUT} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "{table.name}" '
            f"FOR EACH STATEMENT EXECUTE FUNCTION {SHUT}()"
        )


def open_again(connection: Connection, tables: Iterable[sa.Table]) -> None:
    """What `shut` did is undone."""
    for table in tables:
        connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS {SHUT} ON "{table.name}"')
    connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {SHUT}()")


def _key(shape: Shape) -> list[str]:
    kinds = dict(zip(shape.names, shape.kinds, strict=True))
    return [f'"{name}"{_BYTEWISE if kinds[name] is Kind.TEXT else ""}' for name in shape.key]


def _driver(connection: Connection) -> psycopg.Connection[Row]:
    driver: Any = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


@contextmanager
def _explained(statement: str) -> Iterator[None]:
    """The driver's errors as SQLAlchemy's, which the store translates."""
    try:
        yield
    except psycopg.Error as error:
        raise DBAPIError(statement, None, error, hide_parameters=True) from error
