"""Files that are written whole or not at all, also when the process is killed in the middle."""

from __future__ import annotations

import os
import secrets
import stat
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
        written.unlink()
    return path


def replace(path: Path, data: bytes | str) -> Path:
    """Put new content into the place of a file: a reader sees the old or the new one, never a part."""
    written = _written(path, data, SHARED)
    try:
        written.chmod(stat.S_IMODE(path.stat().st_mode))
        written.replace(path)
    except OSError as error:
        written.unlink()
        raise WorkspaceError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _written(path: Path, data: bytes | str, mode: int) -> Path:
    """A temporary file beside `path` with the content, flushed to the disk."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    _write_exclusively(temporary, data, mode)
    return temporary


def _write_exclusively(path: Path, data: bytes | str, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        path.unlink(missing_ok=True)
        raise WorkspaceError(f"{path} cannot be written: {error.strerror}") from None


def _taken(path: Path) -> ConflictError:
    return ConflictError(f"{path} is there already", hint="rename or remove it first")
