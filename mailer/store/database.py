"""Opening the database, its transactions, and its errors in our words. The one module that knows the dialect."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from mailer.errors import StoreBusyError, StoreError

# Long enough for another process to import a million rows in one transaction.
BUSY_TIMEOUT = 30.0

MODE = "mailer_mode"
READ, WRITE, SCHEMA = "read", "write", "schema"


@dataclass(frozen=True, slots=True)
class Store:
    """An open database. `backup_dir` is where a copy goes before an upgrade."""

    engine: Engine
    name: str
    backup_dir: Path | None = None

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
    def change_schema(self) -> Iterator[Connection]:
        """A write transaction in which tables may be rebuilt; foreign keys are verified as a whole at its end."""
        with self._connection(SCHEMA) as connection, connection.begin():
            yield connection
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                raise StoreError(f"{self.name}: the upgrade would break a reference in table {broken[0]}")

    def backup(self, target: Path) -> Path:
        """Copy the last committed state to `target`, readable by its owner alone."""
        try:
            create_private(target)
        except OSError as error:
            raise store_error(error, target.name) from error
        with self._translated():
            source = sqlite3.connect(str(self.engine.url.database))
            copy = sqlite3.connect(target)
            try:
                source.backup(copy)
            finally:
                copy.close()
                source.close()
        return target

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    @contextmanager
    def _connection(self, mode: str) -> Iterator[Connection]:
        with self._translated(), self.engine.connect() as connection:
            yield connection.execution_options(**{MODE: mode})

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            raise store_error(error, self.name) from error


def open_store(url: str, *, backup_dir: Path | None = None, busy_timeout: float = BUSY_TIMEOUT) -> Store:
    """Open, and where it is a file that is missing create, the database. `migrate.upgrade` makes its tables."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("database url: not a URL such as sqlite:///mailer.db") from error
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"database url: {parsed.get_backend_name()} is not supported", hint="Use sqlite:///mailer.db.")
    if parsed.database in (None, "", ":memory:"):
        raise StoreError("database url: names no file; what is kept in memory cannot survive a crash")
    name = Path(str(parsed.database)).name
    try:
        create_private(Path(str(parsed.database)))
    except OSError as error:
        raise store_error(error, name) from error
    return Store(_sqlite_engine(parsed, busy_timeout), name, backup_dir)


def insert_row(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Add one row; the number it got."""
    key = connection.execute(sa.insert(table).values(values)).inserted_primary_key
    if key is None:  # pragma: no cover - the driver reports it for every single insert
        raise StoreError(f"a row of {table.name} got no number")
    return int(key[0])


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


def create_private(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one. SQLite gives its -wal the same mode."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _sqlite_engine(url: URL, busy_timeout: float) -> Engine:
    engine = sa.create_engine(
        url,
        connect_args={"timeout": busy_timeout},
        # Parameters are people's addresses: they must not stand in an error.
        hide_parameters=True,
        json_serializer=compact_json,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def compact_json(value: Any) -> str:
    """JSON as it is stored: no blanks, letters as they are, nothing that is not JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling begins late and commits by itself; `_begin` replaces it.
    connection.isolation_level = None
    # WAL lets readers go on beside a writer. FULL: what was committed before a power cut is there after it,
    # without which "never twice" would be a wish; at our batch sizes it costs nothing measurable.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get(MODE, READ)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(mode == READ)}")
    # Rebuilding a table drops the old one, which would cascade. The pragma has no effect inside a transaction.
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {int(mode != SCHEMA)}")
    # IMMEDIATE takes the write lock now, where waiting is possible; a transaction that read first and writes
    # later fails at once when another one wrote in between.
    connection.exec_driver_sql("BEGIN" if mode == READ else "BEGIN IMMEDIATE")


BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
CAUSES = {
    sqlite3.SQLITE_READONLY: "cannot be written: the file or its folder is read-only",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: the file or its folder is missing or not accessible",
    sqlite3.SQLITE_PERM: "cannot be opened: permission denied",
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is not a database",
}
HINTS = {
    sqlite3.SQLITE_CORRUPT: "Restore it from a backup; keep the damaged file.",
    sqlite3.SQLITE_FULL: "Free some space and run the command again; nothing that was recorded is lost.",
}


def store_error(error: Exception, name: str) -> StoreError:
    """The database's complaint as one line without data in it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # The low byte is the primary code; the rest refines it.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in BUSY:
            return StoreBusyError(
                f"{name}: another process holds the database",
                hint="Wait until that command has finished, then run this one again; nothing was changed.",
            )
        return StoreError(f"{name}: {CAUSES.get(code, cause)}", hint=HINTS.get(code))
    if isinstance(cause, OSError):
        return StoreError(f"{name}: cannot be opened: {cause.strerror or type(cause).__name__}")
    return StoreError(f"{name}: {type(cause).__name__}: {str(cause).splitlines()[0]}")
