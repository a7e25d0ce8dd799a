"""The keys that sign links in mails. Whoever has one can unsubscribe anybody, so they are nobody else's to read.

A key a line, newest first: the first signs and all verify, so that links in old mails go on working after a rotation.

    4f1c... 2026-11-22T09:00:00+00:00
    a07b... 2025-03-02T17:40:12+00:00

What follows a key is when it was made; a line without it is a key of unknown age. `MAILER_SECRET_KEY` may hold several
keys as well, newest first, with white space between them, and is used instead of the file.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailer.errors import ConfigError, ConflictError
from mailer.workspace.writing import PRIVATE, make_folder, replace, write_new

VARIABLE = "MAILER_SECRET_KEY"
# 256 bits; HMAC-SHA256 gains nothing from more, and a person's own should not be shorter than this in characters.
KEY_BYTES = 32
FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, slots=True)
class SecretKey:
    """One key. Its text never stands in an error, a log or a result: there it is named by its fingerprint."""

    value: bytes
    made_at: datetime | None = None

    def __repr__(self) -> str:
        return f"SecretKey({self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """What a person may see of it."""
        return hashlib.sha256(b"mailer key fingerprint\0" + self.value).hexdigest()[:FINGERPRINT_DIGITS]


def secret_keys(file: Path, environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """The keys of the environment, else of `file`, newest first. The file is made when it is first asked for."""
    return tuple(key.value for key in keys_of(file, environ))


def keys_of(file: Path, environ: Mapping[str, str]) -> tuple[SecretKey, ...]:
    """The same with what is known of each."""
    if told := environ.get(VARIABLE, "").split():
        return tuple(SecretKey(_long_enough(key.encode(), f"environment {VARIABLE}")) for key in told)
    if not file.exists():
        _make(file)
    return _read(file)


def in_environment(environ: Mapping[str, str]) -> bool:
    """Whether the keys come from the environment, which only whoever sets it can change."""
    return bool(environ.get(VARIABLE, "").strip())


def new_key(now: datetime) -> SecretKey:
    return SecretKey(secrets.token_hex(KEY_BYTES).encode(), now)


def write_keys(file: Path, keys: Sequence[SecretKey]) -> None:
    """Put these keys into the file: a reader finds the old ones or the new ones, never a part."""
    replace(file, "".join(map(_line, keys)))


@contextmanager
def changing(file: Path) -> Iterator[None]:
    """Keeps two changes of the file apart, so that neither loses the other's key."""
    make_private(file.parent)
    try:
        handle = os.open(file.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, PRIVATE)
    except OSError as error:
        raise ConfigError(f"{file} cannot be changed: {error.strerror}") from None
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)  # which gives the lock back, also when the process is killed


def make_private(folder: Path) -> None:
    """A folder that only its owner can look into, and that git leaves alone."""
    make_folder(folder, mode=0o700)
    if not (folder / ".gitignore").exists():
        with suppress(ConflictError):
            write_new(folder / ".gitignore", "*\n")


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: two rotations in the same instant are left to chance there
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def _make(file: Path) -> None:
    make_private(file.parent)
    with suppress(ConflictError):  # another process was first; its key counts
        write_new(file, _line(new_key(datetime.now(UTC))), PRIVATE)


def _line(key: SecretKey) -> str:
    made = f" {key.made_at.isoformat(timespec='seconds')}" if key.made_at else ""
    return f"{key.value.decode()}{made}\n"


def _read(file: Path) -> tuple[SecretKey, ...]:
    try:
        mode = file.stat().st_mode
        lines = file.read_bytes().decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    # On Windows the mode says nothing about other people.
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"other people can read {file}", hint=f"chmod 600 {file}")
    keys = tuple(_parsed(line, f"{file}:{number}") for number, line in enumerate(lines, 1) if line.strip())
    if not keys:
        raise ConfigError(f"{file} holds no key", hint="copy it back from a backup, or remove the file: links break")
    return keys


def _parsed(line: str, where: str) -> SecretKey:
    key, *rest = line.split()
    value = _long_enough(key.encode(), where)
    if not rest:
        return SecretKey(value)
    try:
        made = datetime.fromisoformat(rest[0])
    except ValueError:
        made = None
    if len(rest) > 1 or made is None or made.tzinfo is None:
        raise ConfigError(f"{where}: after a key stands at most the time it was made, with its zone")
    return SecretKey(value, made.astimezone(UTC))


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < KEY_BYTES:
        raise ConfigError(
            f"{where}: a key needs at least {KEY_BYTES} characters and no blanks",
            hint="cut -d' ' -f1 .mailer/secret.key prints those that there are; "
            "python -c 'import secrets; print(secrets.token_hex(32))' a new one",
        )
    return key
