"""`mailer preview --screenshots`: a folder with a PNG of every view of an issue, and a page that shows them all.

No name and no address of a person stands in a file's name, in the page or in what is told; only in the pictures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mailer.errors import MailerError, NotFoundError, UsageError, WorkspaceError
from mailer.services.previewing.browsers import find_browser
from mailer.services.previewing.drawn import index_page
from mailer.services.previewing.readers import MADE_UP, Reader
from mailer.services.previewing.session import Session
from mailer.services.previewing.shooting import Camera, Exposure, camera
from mailer.services.previewing.shots import Shot, frames_for, shots
from mailer.services.previewing.shown import View, Wish
from mailer.wording import unknown

ALL: Final = "all"
AWKWARD: Final = "awkward"
"""Those subscribers whose mails are likely to look odd."""

INDEX: Final = "index.html"


@dataclass(frozen=True, slots=True)
class Order:
    """What pictures are wanted. `readers`: keys of readers, `awkward` or `all`; none for the made-up ones."""

    folder: Path
    readers: Sequence[str] = ()
    browser: str = ""
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Sitter:
    """As whom pictures are taken. `name` stands in files' names and `words` in the index: neither names a person."""

    key: str
    name: str
    words: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and what it shows; width and height in pixels of the page, of which a phone has two dots each."""

    file: str
    view: str
    words: str
    reader: str
    width: int
    height: int
    scheme: str
    images: bool
    direction: str
    part: int
    late: bool


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was taken. `total`: so many views there are; fewer were taken when somebody stopped it."""

    folder: Path
    index: Path
    total: int
    views: int
    pictures: tuple[Picture, ...]

    @property
    def stopped(self) -> bool:
        return self.views < self.total


@dataclass(frozen=True, slots=True)
class Telling:
    """Who hears how far it is (done, total, what comes), hears a warning, and says whether to stop."""

    progress: Callable[[int, int, str], None]
    warn: Callable[[str], None]
    stopping: Callable[[], bool]


def take_screenshots(session: Session, order: Order, environ: Mapping[str, str], telling: Telling) -> Pictures:
    """Write the pictures and their index. What was there before under the same names is replaced."""
    program = find_browser(order.browser, environ)
    first = first_view(session)
    sitters = sitters_of(session, first, order.readers)
    total = sum(len(frames_for(first.language, whole=each.whole)) for each in sitters)
    pictures: list[Picture] = []
    views = 0
    with camera(program, offline=order.offline, tell=telling.warn) as lens:
        folder = made_folder(order.folder)
        for sitter, shot in wanted(session, sitters):
            if telling.stopping():
                break
            telling.progress(views, total, f"{sitter.words}: {shot.words}")
            pictures += list(taken(lens, folder, sitter, shot))
            views += 1
    if any(each.late for each in pictures):
        telling.warn("some images of the mail did not load in time and are missing in the pictures")
    write(folder / INDEX, index_page(session.name, pictures).encode())
    return Pictures(folder, folder / INDEX, total, views, tuple(pictures))


def first_view(session: Session) -> View:
    """The first reader's mail. The mistakes in the files, where it cannot be made of them as they are."""
    view = session.view(Wish(session.first_reader))
    troubles = session.state().troubles
    if view is None or troubles:
        told = [
            f"{each.file}:{each.line}: {each.message}" if each.file and each.line else each.message for each in troubles
        ]
        raise MailerError("\n".join(told) or "the issue cannot be shown", hint=troubles[0].hint if troubles else None)
    return view


def sitters_of(session: Session, first: View, keys: Sequence[str]) -> list[Sitter]:
    """Those as whom pictures are wanted, each in every view; unasked, the made-up ones, all but the first in brief."""
    if session.first_reader != MADE_UP:
        if keys:
            raise UsageError("--as shows one subscriber, so --reader does not go with it", hint="leave one of them out")
        return [sitter_of(replace(first.reader, why=""))]
    readers = session.state().readers
    if not keys:
        return [sitter_of(each, whole=each.key == MADE_UP) for each in readers if not each.real]
    known = {each.key for each in readers if not each.real} | {ALL, AWKWARD}
    for key in keys:
        if key not in known:
            raise UsageError(unknown("reader", key, known))
    found = [each for each in readers if ALL in keys or (AWKWARD in keys if each.real else each.key in keys)]
    if not found:
        raise NotFoundError("nobody is on the issue's lists yet", hint="--reader made-up shows it without people")
    return [sitter_of(each) for each in found]


def sitter_of(reader: Reader, *, whole: bool = True) -> Sitter:
    """A subscriber is called by what is awkward about them."""
    if not reader.real:
        label = reader.label if reader.key == MADE_UP else f"made-up reader, {reader.label}"
        return Sitter(reader.key, reader.key, label, whole)
    words = f"subscriber, {reader.why}" if reader.why else "subscriber"
    return Sitter(reader.key, re.sub(r"[^a-z0-9]+", "-", words.lower()), words, whole)


def wanted(session: Session, sitters: Sequence[Sitter]) -> Iterator[tuple[Sitter, Shot]]:
    for sitter in sitters:
        for shot in shots(session, Wish(sitter.key), whole=sitter.whole):
            yield sitter, shot


def taken(lens: Camera, folder: Path, sitter: Sitter, shot: Shot) -> Iterator[Picture]:
    """The pictures of one view, each in its file."""
    for part, exposure in enumerate(lens.take(shot), 1):
        file = file_name(sitter.name, shot.name, part)
        write(folder / file, exposure.png)
        yield picture_of(file, sitter, shot, exposure, part)


def file_name(reader: str, view: str, part: int) -> str:
    return f"{reader}-{view}{f'-{part}' if part > 1 else ''}.png"


def picture_of(file: str, sitter: Sitter, shot: Shot, exposure: Exposure, part: int) -> Picture:
    words = f"{shot.words}, part {part}" if part > 1 else shot.words
    size = exposure.width, exposure.height
    return Picture(
        file, shot.name, words, sitter.words, *size, shot.scheme, shot.images, shot.direction, part, exposure.late
    )


def made_folder(folder: Path) -> Path:
    target = folder.absolute()
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written: {error.strerror}") from None
    return target


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner alone, also where a file was there that others could read."""
    coming = path.with_name(f".{path.name}.tmp")
    try:
        coming.unlink(missing_ok=True)
        with os.fdopen(os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        coming.replace(path)
    except OSError as error:
        raise WorkspaceError(f"{path.parent} cannot be written: {error.strerror}") from None
