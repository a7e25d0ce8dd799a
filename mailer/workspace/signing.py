"""The key that signs links in mails. Whoever has it can unsubscribe anybody, so it is nobody else's to read."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mailer.errors import ConfigError, ConflictError
from mailer.workspace.writing import PRIVATE, make_folder, write_new

VARIABLE = "MAILER_SECRET_KEY"
# 256 bits; HMAC-SHA256 gains nothing from more, and a person's own should not be shorter than this in characters.
KEY_BYTES = 32


def secret_key(file: Path, environ: Mapping[str, str]) -> bytes:
    """The key of the environment, else of `file`, which is made when it is first asked for."""
    if told := environ.get(VARIABLE, "").strip():
        return _long_enough(told.encode(), f"environment {VARIABLE}")
    if not file.exists():
        _make(file)
    return _long_enough(_read(file), str(file))


def make_private(folder: Path) -> None:
    """A folder that only its owner can look into, and that git leaves alone."""
    make_folder(folder, mode=0o700)
    if not (folder / ".gitignore").exists():
        with suppress(ConflictError):
            write_new(folder / ".gitignore", "*\n")


def _make(file: Path) -> None:
    make_private(file.parent)
    with suppress(ConflictError):  # another process was first; its key counts
        write_new(file, secrets.token_hex(KEY_BYTES) + "\n", PRIVATE)


def _read(file: Path) -> bytes:
    try:
        mode = file.stat().st_mode
        key = file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    # On Windows the mode says nothing about other people.
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"other people can read {file}", hint=f"chmod 600 {file}")
    return key


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < KEY_BYTES:
        raise ConfigError(
            f"{where}: a key needs at least {KEY_BYTES} characters",
            hint="python -c 'import secrets; print(secrets.token_hex(32))' prints one",
        )
    return key
