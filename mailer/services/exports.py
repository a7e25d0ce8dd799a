"""A list as CSV or as JSON lines, in constant memory; all of it is one moment of the database."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy.engine import Connection

from mailer.audience.edits import TAGS
from mailer.audience.ownfile import JOINED_COLUMN, STATE_COLUMN
from mailer.errors import UsageError
from mailer.services.exportcells import Columns, UnseenError
from mailer.services.spreadsheet import safe_address, write_private
from mailer.store import people
from mailer.store.columns import EPOCH, MICROSECOND
from mailer.store.database import Store
from mailer.store.people import Exported, Which
from mailer.wording import unknown

FORMATS = ("csv", "jsonl")
# A program that opens a file of such a name would call it broken.
OTHER_KINDS = frozenset({".xlsx", ".xlsm", ".xls", ".ods", ".numbers", ".tsv", ".zip", ".gz"})
# People who are looked at, from the beginning and the end of a list, to guess its columns.
GUESSED_FROM = 2000

# How a key of that name is written, by SQLite and by PostgreSQL.
TAGS_KEY = f'"{TAGS}":'
# Some programs take these for the end of a line; within a JSON text their escapes mean the same.
ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export: who, in which format, and which of their attributes (None: all)."""

    which: Which
    format: str = "csv"
    columns: tuple[str, ...] | None = None


def format_of(asked: str | None, file: Path | None) -> str:
    """The format asked for; else the one that the file's name tells; else CSV."""
    if asked is not None:
        return asked
    if file is not None and file.suffix.casefold() in OTHER_KINDS:
        raise UsageError(
            f"an export is CSV or JSON lines, which a file called {file.suffix} is not",
            hint="name it .csv, which every spreadsheet opens, or .jsonl",
        )
    return "jsonl" if file is not None and file.suffix.casefold() in (".jsonl", ".ndjson", ".json") else "csv"


def export_blocks(store: Store, wanted: Wanted) -> Iterator[str]:
    """The export as pieces of text, each some thousand people, for a pipe."""
    with store.read() as connection:
        columns = seen(connection, wanted) if wanted.format == "csv" else guessed(connection, wanted)
        yield from blocks(connection, wanted, columns, ignore)


def export_file(store: Store, wanted: Wanted, path: Path, told: Told) -> int:
    """The export as a new file that only its owner can read; how many people are in it.

    Looking at everybody for their columns takes as long as writing them, so that columns are guessed, and found out
    only when the guess was wrong. The file is begun anew then: nobody has read it yet.
    """
    written = Counted(told)
    mark = wanted.format == "csv"
    with store.read() as connection:
        try:
            columns = guessed(connection, wanted)
            write_private(path, blocks(connection, wanted, columns, written.add), mark=mark)
        except UnseenError:
            written.number = 0
            write_private(path, blocks(connection, wanted, seen(connection, wanted), written.add), mark=mark)
    return written.number


@dataclass(slots=True)
class Counted:
    """Counts people and tells it."""

    told: Told
    number: int = 0

    def add(self, more: int) -> None:
        self.number += more
        self.told(self.number)


def ignore(_number: int) -> None:
    """Tells nobody."""


def blocks(connection: Connection, wanted: Wanted, columns: Columns, count: Told) -> Iterator[str]:
    """The pieces of an export. UnseenError when the columns have no place for somebody's attributes."""
    if wanted.format == "csv":
        yield csv_text([header(columns)])
    rows = csv_rows(columns) if wanted.format == "csv" else json_rows(wanted.columns)
    for chunk in people.exported(connection, wanted.which):
        yield rows(chunk)
        count(len(chunk))


def header(columns: Columns) -> list[str]:
    return ["email", STATE_COLUMN, *columns.titles]


def csv_rows(columns: Columns) -> Callable[[Sequence[Exported]], str]:
    cells = columns.row_maker()
    read = json.JSONDecoder().raw_decode

    def rows(chunk: Sequence[Exported]) -> str:
        return csv_text([[cell_of(email), state, *cells(read(text)[0])] for email, state, text, _ in chunk])

    return rows


def cell_of(email: str) -> str:
    return email if email[:1].isalnum() else safe_address(email)


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    # RFC 4180; Python quotes a lone CR or LF in a cell only when the line end contains it.
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def json_rows(names: Sequence[str] | None) -> Callable[[Sequence[Exported]], str]:
    picked = None if names is None else frozenset(names)

    def rows(chunk: Sequence[Exported]) -> str:
        text = "".join([json_line(*row, picked) for row in chunk])
        for end, escape in ENDS.items():
            text = text.replace(end, escape)
        return text

    return rows


def json_line(email: str, state: str, attributes: str, joined: int, picked: frozenset[str] | None) -> str:
    """One person as a JSON object on a line. Attributes in which nothing is to change stay the text they are."""
    tags = "[]"
    if picked is not None or TAGS_KEY in attributes:
        values = json.loads(attributes)
        if isinstance(values.get(TAGS), list):
            tags = write(values.pop(TAGS))
        kept = values if picked is None else {name: value for name, value in values.items() if name in picked}
        tags = tags if picked is None or TAGS in picked else "[]"
        attributes = write(kept)
    return (
        f'{{"email":{write(email)},"{STATE_COLUMN}":"{state}","{JOINED_COLUMN}":"{moment(joined)}",'
        f'"tags":{tags},"attributes":{attributes}}}\n'
    )


# Made once: making it costs as much as using it.
write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


@lru_cache(maxsize=1024)
def moment(joined: int) -> str:
    """A time as text. Those who were imported together joined at the same one."""
    return (EPOCH + joined * MICROSECOND).isoformat().replace("+00:00", "Z")


def guessed(connection: Connection, wanted: Wanted) -> Columns:
    """The columns of the people at both ends of the list; those of everybody when one that was asked for is not there.

    JSON lines need none, unless some were asked for: somebody must have them.
    """
    columns = Columns(wanted.columns)
    if wanted.format == "csv" or wanted.columns:
        for text in people.edges(connection, wanted.which, GUESSED_FROM):
            columns.look(json.loads(text))
    return seen(connection, wanted) if columns.unknown() else columns


def seen(connection: Connection, wanted: Wanted) -> Columns:
    """The columns of everybody. UsageError when nobody has one that was asked for."""
    columns = Columns(wanted.columns)
    for chunk in people.exported(connection, wanted.which):
        for row in chunk:
            columns.look(json.loads(row[2]))
    for name in columns.unknown():
        raise UsageError(f"nobody there has it: {unknown('attribute', name, columns.typed)}")
    return columns
