"""SQLite: opening the file, what a transaction is there, a copy of it, and its errors in our words."""

from __future__ import annotations

import mmap
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from mailer.errors import StoreBusyError, StoreError
from mailer.store.modes import DERIVE, MODE, READ, SCHEMA, compact_json

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


def open_file(url: URL, busy_timeout: float) -> Engine:
    """An engine over the file, which is made when it is missing. OSError when it cannot be."""
    create_private(Path(str(url.database)))
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


def create_private(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one. SQLite gives its -wal the same mode."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def copy(engine: Engine, target: Path) -> None:
    """Copy the last committed state to `target`."""
    source = sqlite3.connect(str(engine.url.database))
    copied = sqlite3.connect(target)
    try:
        source.backup(copied)
    finally:
        copied.close()
        source.close()


def purge(engine: Engine, trace: bytes) -> bool:
    """Take what was deleted out of the journal and the file; False while another process still reads it there.

    A file from a time when deleted content was not overwritten may hold `trace` in unused space: it is written anew.
    """
    pooled = engine.raw_connection()
    try:
        connection = pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        if not _journal_emptied(connection):
            return False
        if trace and _holds(Path(str(engine.url.database)), trace):
            connection.execute("VACUUM").close()
            return _journal_emptied(connection)
    finally:
        pooled.close()
    return True


def _journal_emptied(connection: sqlite3.Connection) -> bool:
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _holds(file: Path, trace: bytes) -> bool:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(trace) >= 0


def broken_reference(connection: Connection) -> str | None:
    """A table with a row whose foreign key leads nowhere."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    return None if broken is None else str(broken[0])


def explained(cause: sqlite3.Error, name: str) -> StoreError:
    """The database's complaint as one line without data in it."""
    # The low byte is the primary code; the rest refines it.
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in BUSY:
        return StoreBusyError(
            f"{name}: another process holds the database",
            hint="Wait until that command has finished, then run this one again; nothing was changed.",
        )
    return StoreError(f"{name}: {CAUSES.get(code, cause)}", hint=HINTS.get(code))


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling begins late and commits by itself; `_begin` replaces it.
    connection.isolation_level = None
    # WAL lets readers go on beside a writer. FULL: what was committed before a power cut is there after it,
    # without which "never twice" would be a wish; at our batch sizes it costs nothing measurable.
    # Secure: what is deleted is overwritten, also in pages that become free. Who asks to be forgotten is.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get(MODE, READ)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(mode == READ)}")
    # Rebuilding a table drops the old one, which would cascade. The pragma has no effect inside a transaction.
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {int(mode not in (DERIVE, SCHEMA))}")
    # IMMEDIATE takes the write lock now, where waiting is possible; a transaction that read first and writes
    # later fails at once when another one wrote in between.
    connection.exec_driver_sql("BEGIN" if mode == READ else "BEGIN IMMEDIATE")
