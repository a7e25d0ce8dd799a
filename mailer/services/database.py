"""The database as a thing to look after: its version, its upgrade, a copy of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from mailer.errors import ConflictError, NotFoundError, StoreError
from mailer.services import binding
from mailer.services.program import Program
from mailer.services.settings import without_password
from mailer.store import bindings, migrate
from mailer.store.database import Store


class Opened(Program, Protocol):
    """What is needed of the opened program here: its database as it is, whatever its version."""

    @property
    def database_url(self) -> str: ...

    @property
    def database_file(self) -> Path | None: ...

    @property
    def store_as_it_is(self) -> Store: ...


class State(StrEnum):
    MISSING = "missing"
    OLD = "old"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """`version` is None while there are no tables. A database that is too new raises StoreVersionError.

    `place` is the file, or the address of a server without its password. `sends_from` says which places may send from
    it, for people.
    """

    place: str
    state: State
    version: str | None
    newest: str
    bytes: int
    sends_from: str = ""


def status(program: Opened) -> DatabaseStatus:
    """Looks at the database without creating or changing it."""
    newest, file = migrate.REVISIONS[-1], program.database_file
    place = str(file) if file else without_password(program.database_url)
    if file and not file.exists():
        return DatabaseStatus(place, State.MISSING, None, newest, 0)
    store = program.store_as_it_is
    with store.read() as connection:
        version = migrate.revision(connection, store.name)
        places = bindings.every(connection) if version == newest else []
    sends = binding.told(program, places, program.now()).words
    state = State.CURRENT if version == newest else State.OLD if version else State.MISSING
    return DatabaseStatus(place, state, version, newest, store.size(), sends)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What `db upgrade` did; `before` is None for a new database and equal to `after` when nothing was to do."""

    before: str | None
    after: str
    backup: Path | None = None

    def summary(self) -> list[str]:
        if self.before == self.after:
            return [f"the database is at version {self.after}, nothing to do"]
        lines = [f"the database is at version {self.after} now, before: {self.before or 'none'}"]
        return [*lines, f"the old one is kept as {self.backup}"] if self.backup else lines


def upgrade(store: Store) -> Upgraded:
    done = migrate.upgrade(store)
    if done is None:
        return Upgraded(migrate.REVISIONS[-1], migrate.REVISIONS[-1])
    return Upgraded(done.before, done.after, done.backup)


@dataclass(frozen=True, slots=True)
class Backup:
    file: Path
    bytes: int


def backup(program: Opened, target: Path | None, now: datetime) -> Backup:
    """Copies the database to a new file. NotFoundError while there is none, StoreError where it is on a server."""
    file = program.database_file
    if file is None:
        raise StoreError(
            "the database is on a PostgreSQL server; its copies are made there", hint="pg_dump --format=custom NAME"
        )
    if not file.exists():
        raise NotFoundError(f"{file} does not exist yet", hint="There is nothing to copy.")
    copy = target or program.workspace.backup_dir / backup_name(file, now)
    if copy.exists():
        raise ConflictError(f"{copy} exists already", hint="Name another file.")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        return Backup(program.store_as_it_is.backup(copy), copy.stat().st_size)
    except OSError as error:
        raise StoreError(f"{copy} cannot be written: {error.strerror}") from error


def backup_name(database: Path, now: datetime) -> str:
    """A file name that tells of which database it is a copy and of when."""
    return f"{database.stem}-{now:%Y%m%dT%H%M%SZ}{database.suffix}"
