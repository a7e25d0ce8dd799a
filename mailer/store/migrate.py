"""Bringing a database to the version of the program. Alembic does the work and is imported only when there is some."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.errors import StoreError, StoreVersionError
from mailer.store.database import Store

SCRIPTS = Path(__file__).parent / "migrations"
# Every revision, oldest first. Kept here so that a database at the head is recognised without reading scripts;
# a test compares it with them.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")

VERSION = sa.table("alembic_version", sa.column("version_num"))


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did. `before` is None for a new database; `backup` is the copy made of an older one."""

    before: str | None
    after: str
    backup: Path | None


def upgrade(store: Store) -> Upgrade | None:
    """Bring the tables to the head, a copy of the file first; None when they are there already."""
    return _upgrade(store, SCRIPTS, REVISIONS)


def is_empty(store: Store) -> bool:
    """Whether it has no tables yet."""
    with store.read() as connection:
        return revision(connection, store.name) is None


def _upgrade(store: Store, scripts: Path, revisions: tuple[str, ...]) -> Upgrade | None:
    with store.read() as connection:
        if revision(connection, store.name, revisions) == revisions[-1]:
            return None
    with store.change_schema() as connection:
        # Asked again under the write lock: another process may have upgraded meanwhile.
        before = revision(connection, store.name, revisions)
        if before == revisions[-1]:
            return None
        # Nothing is written yet, so the copy is of the state before the upgrade. A server takes the whole of it back
        # when anything fails; copies of its database are made there.
        copy = store.backup(_backup_path(store, before)) if before and store.is_file else None
        _run(connection, scripts)
    return Upgrade(before, revisions[-1], copy)


def revision(connection: Connection, name: str, revisions: tuple[str, ...] = REVISIONS) -> str | None:
    """The revision of the database, None for an empty one; refuses one that is newer or not ours."""
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return None
    if VERSION.name not in tables:
        raise StoreError(
            f"{name}: this database belongs to another program", hint="Name another one in [database] url."
        )
    found = connection.execute(sa.select(VERSION.c.version_num)).scalar()
    if found is not None and found not in revisions:
        raise StoreVersionError(
            f"{name}: written by a newer version of this program (database version {found}, known up to "
            f"{revisions[-1]})",
            hint="Upgrade the program, or use the copy made before the database was upgraded.",
        )
    return None if found is None else str(found)


def _backup_path(store: Store, before: str) -> Path:
    database = Path(str(store.engine.url.database))
    folder = store.backup_dir or database.parent
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return folder / f"{database.stem}-version-{before}-{stamp}{database.suffix}"


def _run(connection: Connection, scripts: Path, target: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    # Percent signs are interpolation there.
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, target)
