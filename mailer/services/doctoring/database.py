"""The database: its version, whether it is whole, its copies, and the room around it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.services.database import Opened, status
from mailer.services.database import State as Standing
from mailer.store import soundness
from mailer.wording import counted

BACKUP_DAYS: Final = 7
LITTLE_ROOM: Final = 200_000_000
"""Bytes of disk that an upgrade, a large import and the journal may want at any time."""


def examine_database(program: Opened, now: datetime) -> Iterator[Verdict]:
    """StoreError where it cannot be opened, or is a newer program's."""
    area = "database"
    found = status(program)
    if found.state is Standing.MISSING:
        lost = program.workspace.had_database
        yield (
            Verdict(area, State.ERROR, f"{found.place} is missing", "copy it back from .mailer/backups")
            if lost
            else Verdict(area, State.UNKNOWN, "there is none yet", "the first command that needs it makes one")
        )
        return
    if found.state is Standing.OLD:
        older = f"it is at version {found.version or 'none'}, the program at {found.newest}"
        yield Verdict(area, State.WARNING, older, "mailer db upgrade, which copies it first")
    else:
        yield fine(area, f"version {found.version}, {found.bytes / 1e6:,.1f} MB")
    if program.database_file is None:
        yield unknown("backup", "copies of a server's database are made there", "see that somebody makes them")
        return
    yield from _backups(program.workspace.backup_dir, now)
    yield from _room(program.database_file, found.bytes)


def examine_soundness(program: Opened) -> Iterator[Verdict]:
    """Every page of a file is read, which takes a while for a large one."""
    file = program.database_file
    if file is None or not file.exists():
        return
    with program.store_as_it_is.read() as connection:
        fault = soundness.fault_of(connection)
    if fault:
        yield Verdict("database", State.ERROR, f"it is damaged: {fault}", "restore a copy; keep the damaged file")
    else:
        yield fine("database", "it is whole")


def _backups(folder: Path, now: datetime) -> Iterator[Verdict]:
    copies = [path for path in folder.glob("*") if path.is_file()] if folder.is_dir() else []
    made = max((datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in copies), default=None)
    if made is None:
        advice = "mailer db backup makes one; copy it to another machine as well"
        yield Verdict("backup", State.WARNING, "there is no copy of the database here", advice)
    elif (age := (now - made).days) > BACKUP_DAYS:
        yield Verdict("backup", State.WARNING, f"the last copy is {age} days old", "mailer db backup, every day")
    else:
        yield fine("backup", f"the last copy is {counted(max(age, 0), 'day')} old")


def _room(file: Path, size: int) -> Iterator[Verdict]:
    free = shutil.disk_usage(file.parent).free
    if free < max(LITTLE_ROOM, 2 * size):
        words = f"{free / 1e6:,.0f} MB of disk are free; an upgrade copies {size / 1e6:,.0f} MB"
        yield Verdict("disk", State.WARNING if free > size else State.ERROR, words, "make room")
    else:
        yield fine("disk", f"{free / 1e9:,.1f} GB are free")
