"""Where mails lie that came back: one by one, and what was read is marked once it is stored."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from mailer.bounces.opened import LONGEST
from mailer.errors import SourceError

LONGEST_LINE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it lies there, the beginning of it where it is long. `place`: where, in the mailbox's own words.

    `recipients`: whom it was delivered to, where that is known apart from its headers.
    """

    data: bytes
    place: str = ""
    cut: bool = False
    recipients: tuple[str, ...] = ()


class Mailbox(Protocol):
    """`letters` gives those that were not read yet; `done` is told of those whose content is stored."""

    def letters(self) -> Iterator[Letter]: ...

    def done(self, letters: Sequence[Letter]) -> None: ...


def letter(data: bytes, place: str = "", recipients: Sequence[str] = ()) -> Letter:
    """A mail of which at most one byte more was read than is looked at."""
    return Letter(data[:LONGEST], place, len(data) > LONGEST, tuple(recipients))


class Single:
    """One mail, as a mail server passes it to a program."""

    def __init__(self, data: bytes, recipients: Sequence[str] = ()) -> None:
        # Some put the line of an mbox in front.
        self.data = data.partition(b"\n")[2] if data.startswith(b"From ") else data
        self.recipients = recipients

    def letters(self) -> Iterator[Letter]:
        if self.data.strip():
            yield letter(self.data, "-", self.recipients)

    def done(self, letters: Sequence[Letter]) -> None:
        """It lies nowhere."""


class Mbox:
    """A file with one mail after the other. It is left as it is: read again it changes nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def letters(self) -> Iterator[Letter]:
        with _opened(self.path) as file:
            kept: list[bytes] = []
            size, after_empty, begun = 0, True, False
            for line in iter(lambda: file.readline(LONGEST_LINE), b""):
                if after_empty and line.startswith(b"From "):
                    if begun:
                        yield letter(b"".join(kept))
                    kept, size, begun = [], 0, True
                elif begun and size <= LONGEST:
                    kept.append(line[1:] if line.startswith(b">") and line.lstrip(b">").startswith(b"From ") else line)
                    size += len(line)
                after_empty = line in (b"\n", b"\r\n")
            if begun:
                yield letter(b"".join(kept))
            elif file.tell():
                raise SourceError(
                    f"{self.path} is no mbox: it does not begin with a line From",
                    hint=f"one mail: mailer bounces read {self.path}",
                )

    def done(self, letters: Sequence[Letter]) -> None:
        """Nothing is written into a file that a mail server may be writing to."""


class Maildir:
    """A folder as qmail made it: what is in `new`, and in `cur` without the flag that it was seen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not all((path / name).is_dir() for name in ("new", "cur", "tmp")):
            raise SourceError(f"{path} is no Maildir: it has no folders new, cur and tmp")

    def letters(self) -> Iterator[Letter]:
        for name in ("new", "cur"):
            # The names first, which are small: what is marked moves while they are read.
            for file in sorted(os.listdir(self.path / name)):
                if file.startswith(".") or (name == "cur" and "S" in file.partition(":2,")[2]):
                    continue
                data = self._read(self.path / name / file)
                if data is not None:
                    yield letter(data, f"{name}/{file}")

    def _read(self, path: Path) -> bytes | None:
        """The beginning of a file; None where somebody took it away meanwhile, or it is none."""
        try:
            with _opened(path, os.O_NOFOLLOW) as file:
                return file.read(LONGEST + 1)
        except SourceError:
            return None

    def done(self, letters: Sequence[Letter]) -> None:
        """They lie in `cur` from now on, as seen."""
        for each in letters:
            folder, _, file = each.place.partition("/")
            bare, _, flags = file.partition(":2,")
            seen = f"{bare}:2,{''.join(sorted({*flags, 'S'}))}"
            try:
                os.rename(self.path / folder / file, self.path / "cur" / seen)
            except FileNotFoundError:
                continue  # somebody else has marked or deleted it
            except OSError as error:
                raise SourceError(f"{self.path} cannot be written: {error.strerror}") from error


def _opened(path: Path, flags: int = 0) -> BinaryIO:
    """A regular file, and nothing that waits for somebody to write."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SourceError(f"{path} is not a regular file")
    return os.fdopen(handle, "rb")
