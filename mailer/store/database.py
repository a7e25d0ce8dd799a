"""Opening the database and its transactions. What differs between databases is in `sqlite` and `postgresql`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from mailer.errors import StoreBusyError, StoreError
from mailer.store import postgresql, sqlite
from mailer.store.modes import DERIVE, HASHER, MODE, READ, SCHEMA, WRITE

# Long enough for another process to import a million rows in one transaction.
BUSY_TIMEOUT = 30.0

# As many connections to a server as the setting `[database] pool` has when nobody sets it.
POOL = 10

_INSERTS: Mapping[str, Callable[[sa.Table], Any]] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}


@dataclass(frozen=True, slots=True)
class Store:
    """An open database. `backup_dir` is where a copy goes before an upgrade.

    `hasher` gives the values under which a forgotten address is kept, so that nobody who was forgotten comes back.
    """

    engine: Engine
    name: str
    backup_dir: Path | None = None
    hasher: Callable[[str], Sequence[str]] | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database and cannot write."""
        with self._connection(READ) as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: committed at the end, rolled back by any exception."""
        with self._connection(WRITE) as connection, connection.begin():
            yield connection

    @contextmanager
    def derive(self) -> Iterator[Connection]:
        """A write transaction that makes rows from rows, a million at a time.

        Each of their references is one that it read or wrote itself, so that they are not verified one by one, which
        takes SQLite as long as writing the rows.
        """
        with self._connection(DERIVE) as connection, connection.begin():
            yield connection

    @contextmanager
    def change_schema(self) -> Iterator[Connection]:
        """A write transaction in which tables may be rebuilt; foreign keys are verified as a whole at its end."""
        with self._connection(SCHEMA) as connection, connection.begin():
            yield connection
            if self.is_file and (broken := sqlite.broken_reference(connection)):
                raise StoreError(f"{self.name}: the upgrade would break a reference in table {broken}")

    def backup(self, target: Path) -> Path:
        """Copy the last committed state to `target`, readable by its owner alone. Only a file can be copied."""
        if not self.is_file:
            raise StoreError(f"{self.name}: a copy of a server's database is made there", hint="See: pg_dump --help")
        try:
            sqlite.create_private(target)
        except OSError as error:
            raise store_error(error, target.name) from error
        with self._translated():
            sqlite.copy(self.engine, target)
        return target

    def purge(self, trace: str) -> bool:
        """Have what was deleted leave the disk as well; False while another process still reads it there.

        `trace` is a text that stood in what was deleted and nowhere else, or empty. A server's database is the
        server's to purge.
        """
        with self._translated():
            return not self.is_file or sqlite.purge(self.engine, trace.encode())

    def size(self) -> int:
        """Its bytes on disk."""
        if self.is_file:
            return Path(str(self.engine.url.database)).stat().st_size
        with self.read() as connection:
            return postgresql.size(connection)

    @property
    def is_file(self) -> bool:
        """Whether it is a file of SQLite; otherwise a database on a PostgreSQL server."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    @contextmanager
    def _connection(self, mode: str) -> Iterator[Connection]:
        with self._translated(), self.engine.connect() as connection:
            yield connection.execution_options(**{MODE: mode, HASHER: self.hasher})

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            # A server quotes the row in its message: such a cause must not reach a traceback or a log.
            raise store_error(error, self.name) from (error if self.is_file else None)
        except PoolTimeoutError as error:
            raise StoreBusyError(
                f"{self.name}: too much of this program waits for a connection to it",
                hint="In mailer.toml set connections under [provider] lower, or pool under [database] higher.",
            ) from error


def open_store(
    url: str, *, backup_dir: Path | None = None, busy_timeout: float = BUSY_TIMEOUT, pool: int = POOL
) -> Store:
    """Open the database; a file that is missing is made. `migrate.upgrade` makes the tables.

    To a server it makes `pool` connections at most; who finds none free waits for one.
    """
    parsed = parsed_url(url)
    kind = {"postgres": "postgresql"}.get(parsed.get_backend_name(), parsed.get_backend_name())
    if kind not in ("sqlite", "postgresql"):
        raise StoreError(
            f"database url: {kind} is not supported",
            hint="Use sqlite:///mailer.db, or postgresql://USER:PASSWORD@HOST/NAME in DATABASE_URL.",
        )
    if kind == "postgresql":
        return Store(postgresql.connect(parsed, pool), parsed.database or "postgresql", backup_dir)
    if parsed.database in (None, "", ":memory:"):
        raise StoreError("database url: names no file; what is kept in memory cannot survive a crash")
    name = Path(str(parsed.database)).name
    try:
        return Store(sqlite.open_file(parsed, busy_timeout), name, backup_dir)
    except OSError as error:
        raise store_error(error, name) from error


def server_address(url: str) -> str:
    """Where the server of that database is, in the words of libpq: for who speaks to it beside the store."""
    return postgresql.conninfo(parsed_url(url))


def parsed_url(url: str) -> URL:
    """StoreError when it is none; it is not shown, as it may hold a password."""
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreError("database url: not a URL such as sqlite:///mailer.db") from error


def hold(connection: Connection, *tables: sa.Table) -> None:
    """Let nobody else write to these tables until this write transaction ends.

    In SQLite a write transaction is the only one anyway; in PostgreSQL others go on, and what is counted first
    and written then must not change in between.
    """
    if connection.dialect.name == "postgresql":
        postgresql.hold(connection, tables)


def pass_door(connection: Connection) -> None:
    """Before looking whether people may come in: until this transaction ends, nobody is forgotten meanwhile."""
    if connection.dialect.name == "postgresql":
        postgresql.pass_door(connection)


def shut_door(connection: Connection) -> None:
    """Before forgetting somebody: wait for those who are bringing people in, and let nobody in until it is done."""
    if connection.dialect.name == "postgresql":
        postgresql.shut_door(connection)


def insert_row(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Add one row; the number it got."""
    key = connection.execute(sa.insert(table).values(values)).inserted_primary_key
    if key is None:  # pragma: no cover - the driver reports it for every single insert
        raise StoreError(f"a row of {table.name} got no number")
    return int(key[0])


def insert_absent(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """Add one row unless one with its key is there, also one that another process adds at this moment."""
    insert = _INSERTS[connection.dialect.name]
    statement = insert(table).values(values).on_conflict_do_nothing()
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1


def add_up(connection: Connection, table: sa.Table, values: Mapping[str, Any], number: sa.Column[int]) -> int:
    """Add one row, or add its number to that of the row whose key is there; the number after that.

    Others who count the same wait until this transaction ends.
    """
    insert = _INSERTS[connection.dialect.name](table).values(values)
    statement = insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={number.name: number + insert.excluded[number.name]}
    )
    return int(connection.execute(statement.returning(number)).scalar_one())


def put_rows(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows with the same columns, each in place of the one whose key is there."""
    if not rows:
        return
    insert = _INSERTS[connection.dialect.name](table)
    keys = list(table.primary_key.columns)
    others = {name: insert.excluded[name] for name in rows[0] if name not in table.primary_key.columns}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def insert_rows(connection: Connection, table: sa.Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add many rows, each the values of `names` in their order.

    The same as executing an insert with a list, at a third of its cost: types are asked once a column how they
    are bound, not once a value.
    """
    dialect = connection.dialect
    compiled = sa.insert(table).compile(dialect=dialect, column_keys=list(names))
    columns = []
    for name, values in zip(names, zip(*rows, strict=True), strict=False):
        bind = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        columns.append(list(map(bind, values)) if bind else values)
    if not columns:
        return
    if compiled.positiontup is None:
        bound: list[Any] = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    else:
        places = [names.index(name) for name in compiled.positiontup]
        bound = list(zip(*(columns[place] for place in places), strict=True))
    connection.exec_driver_sql(str(compiled), bound)


def store_error(error: Exception, name: str) -> StoreError:
    """The database's complaint as one line without data in it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return sqlite.explained(cause, name)
    if isinstance(cause, OSError):
        return StoreError(f"{name}: cannot be opened: {cause.strerror or type(cause).__name__}")
    return postgresql.explained(cause or error, name)
