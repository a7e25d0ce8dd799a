"""Reading what a source keeps inside the workspace: bounded in number and size, never outside the folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mailer.articles.markdown import MAX_DOCUMENT
from mailer.errors import SourceError

MEGABYTE = 1 << 20
MAX_FILE = 16 * MEGABYTE  # a feed or a listing
MAX_FOLDER = 256 * MEGABYTE
MAX_DOCUMENTS = 20_000
SUFFIXES = (".md", ".markdown")


def read_bounded(path: Path, limit: int = MAX_FILE) -> bytes:
    """The bytes of a regular file; a SourceError when there is none, or when it is larger than `limit`."""
    data = read_start(path, limit + 1)
    if len(data) > limit:
        raise SourceError(f"{path} is larger than {limit // MEGABYTE} MB")
    return data


def read_start(path: Path, size: int) -> bytes:
    """At most `size` bytes of a regular file; a SourceError when there is none."""
    try:
        # Non-blocking, because opening a named pipe would otherwise wait for a writer for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SourceError(f"{path} is not a regular file")
            return file.read(size)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def read_documents(folder: Path) -> list[tuple[str, bytes]]:
    """The Markdown files below `folder` as (relative path, bytes), in order of their paths."""
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder")
    documents: list[tuple[str, bytes]] = []
    total = 0
    for path in markdown_files(folder):
        # A byte more than a document may have: the parser leaves that one out with a warning and reads the others.
        data = read_start(path, MAX_DOCUMENT + 1)
        documents.append((path.relative_to(folder).as_posix(), data))
        total += len(data)
        if len(documents) > MAX_DOCUMENTS or total > MAX_FOLDER:
            raise SourceError(
                f"{folder} holds more than {MAX_DOCUMENTS} articles or {MAX_FOLDER // MEGABYTE} MB",
                hint="Point the source at the folder of the articles only.",
            )
    return documents


def markdown_files(folder: Path) -> Iterator[Path]:
    """Regular files only. Links are followed neither to files nor to folders: they could lead anywhere."""
    for root, folders, names in os.walk(folder, followlinks=False, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if name.lower().endswith(SUFFIXES) and not name.startswith(".") and not path.is_symlink():
                yield path


def unreadable(error: OSError) -> None:
    """A sub-folder that cannot be listed would otherwise silently hold no articles."""
    raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error
