"""Files that are written whole or not at all, also when the process is killed in the middle."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from mailer.errors import ConflictError, WorkspaceError

# What the kernel narrows by the umask, as for any program; a secret is its owner's alone.
SHARED, PRIVATE = 0o666, 0o600


def make_folder(path: Path, mode: int = 0o777) -> Path:
    """Make a folder, and those above it, unless it is there."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"the folder {path} cannot be made: {error.strerror}") from None
    return path


def write_new(path: Path, data: bytes | str, mode: int = SHARED) -> Path:
    """Write a file that was not there. ConflictError when it is there."""
    written = _written(path, data, mode)
    try:
        os.link(written, path)  # unlike a rename, refuses to overwrite
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # a file system without hard links
        _write_exclusively(path, data, mode)
    finally:
        _remove(written)
    return path


def replace(path: Path, data: bytes | str) -> Path:
    """Put new content into the place of a file: a reader sees the old or the new one, never a part."""
    # Its owner's alone until it has the mode of what it replaces, which may be a secret.
    written = _written(path, data, PRIVATE)
    try:
        written.chmod(stat.S_IMODE(path.stat().st_mode))
        written.replace(path)
    except OSError as error:
        _remove(written)
        raise WorkspaceError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _written(path: Path, data: bytes | str, mode: int) -> Path:
    """A temporary file beside `path` with the content, flushed to the disk."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    _write_exclusively(temporary, data, mode, path)
    return temporary


def _write_exclusively(path: Path, data: bytes | str, mode: int, wanted: Path | None = None) -> None:
    """`wanted` is the file that a person asked for, where `path` is only on the way to it."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        _remove(path)
        raise WorkspaceError(f"{wanted or path} cannot be written: {error.strerror}") from None


def _remove(path: Path) -> None:
    # Where nothing can be written, nothing can be removed either; what is told is why it was not written.
    with suppress(OSError):
        path.unlink()


def _taken(path: Path) -> ConflictError:
    return ConflictError(f"{path} is there already", hint="rename or remove it first")
