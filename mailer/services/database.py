"""The database as a thing to look after: its version, its upgrade, a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from mailer.errors import ConflictError, NotFoundError, StoreError
from mailer.store import migrate
from mailer.store.database import Store


class State(StrEnum):
    MISSING = "missing"
    OLD = "old"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """`version` is None while there are no tables. A database that is too new raises StoreVersionError."""

    file: Path
    state: State
    version: str | None
    newest: str
    bytes: int


def status(file: Path, open_store: Callable[[], Store]) -> DatabaseStatus:
    """Looks at the database without creating or changing it."""
    newest = migrate.REVISIONS[-1]
    if not file.exists():
        return DatabaseStatus(file, State.MISSING, None, newest, 0)
    store = open_store()
    with store.read() as connection:
        version = migrate.revision(connection, store.name)
    state = State.CURRENT if version == newest else State.OLD if version else State.MISSING
    return DatabaseStatus(file, state, version, newest, file.stat().st_size)


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


def backup(database: Path, open_store: Callable[[], Store], target: Path) -> Backup:
    """Copies the database to a new file. Raises NotFoundError while there is no database."""
    if not database.exists():
        raise NotFoundError(f"{database} does not exist yet", hint="There is nothing to copy.")
    if target.exists():
        raise ConflictError(f"{target} exists already", hint="Name another file.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Backup(open_store().backup(target), target.stat().st_size)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from error


def backup_name(database: Path, now: datetime) -> str:
    """A file name that tells of which database it is a copy and of when."""
    return f"{database.stem}-{now:%Y%m%dT%H%M%SZ}{database.suffix}"
