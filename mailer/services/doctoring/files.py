"""Files that hold secrets or people: nobody else may read them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.config import Settings
from mailer.errors import MailerError
from mailer.services.database import Opened
from mailer.wording import counted
from mailer.workspace.signing import keys_of

OLD_DAYS: Final = 3 * 365
"""A key this old has been on many disks and backups; a new one costs nothing, and old links stay good."""


def examine_files(program: Opened) -> Iterator[Verdict]:
    """Every file with something secret in it, whoever reads it."""
    area = "files"
    if os.name != "posix":
        yield unknown(area, "who can read a file is not looked at on this system")
        return
    there = [path for path in dict.fromkeys(_secret_files(program)) if path.exists()]
    open_ones = [path for path in there if stat.S_IMODE(path.stat().st_mode) & 0o077]
    for path in open_ones:
        mode = "700" if path.is_dir() else "600"
        yield Verdict(area, State.ERROR, f"others can read {path}", f"chmod {mode} {path}")
    if there and not open_ones:
        yield fine(area, f"{counted(len(there), 'place')} with secrets or people, and nobody else can read them")


def _secret_files(program: Opened) -> Iterator[Path]:
    settings, root = program.settings, program.workspace.root
    yield program.workspace.private_dir
    yield program.workspace.key_file
    if (file := program.database_file) is not None:
        yield from (file, file.with_name(f"{file.name}-wal"))
    yield from program.workspace.backup_dir.glob("*")
    yield from (root / name for name in _named(settings))


def _named(settings: Settings) -> Iterator[str]:
    if settings.provider.key_file:
        yield settings.provider.key_file
    yield from (each.key for each in settings.provider.dkim)


def examine_keys(program: Opened, now: datetime) -> Iterator[Verdict]:
    """The keys that sign links, without making one where there is none yet."""
    area = "keys"
    if not program.workspace.key_file.exists() and not program.environ.get("MAILER_SECRET_KEY", "").strip():
        yield unknown(area, "there is no key yet; the first link makes one")
        return
    try:
        keys = keys_of(program.workspace.key_file, program.environ)
    except MailerError as error:
        yield Verdict(area, State.ERROR, error.message, error.hint or "")
        return
    first = keys[0]
    if first.made_at is not None and (now - first.made_at).days > OLD_DAYS:
        years = (now - first.made_at).days // 365
        yield Verdict(area, State.WARNING, f"links are signed with a key of {years} years", "mailer keys rotate")
    else:
        yield fine(area, f"{counted(len(keys), 'key')}, the first of them signs")
