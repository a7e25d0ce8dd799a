"""The door to subscriber files: bytes of any known kind -> what it is, and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from mailer.audience.archive import MOST_BYTES, check_other_kinds, is_workbook, members
from mailer.audience.csvfile import open_text
from mailer.audience.jsonlines import open_json
from mailer.audience.kinds import Kind, kind_of
from mailer.audience.layout import ZIP_OF, Content, Part, Summary, Told
from mailer.audience.mapping import check_told
from mailer.audience.rows import RejectedRow, Row
from mailer.audience.sources import PIECE, Gzipped, Plain, Source, head
from mailer.audience.workbook import SheetTable, open_workbook
from mailer.errors import ImportFileError, NoAddressColumnError, UsageError


class PeopleTable(Protocol):
    """One table of people: a file, a file of a ZIP, a sheet."""

    @property
    def part(self) -> Part:
        """What it is."""
        ...

    @property
    def source(self) -> Source:
        """Where its bytes come from."""
        ...

    def batches(self) -> Iterator[list[Row | RejectedRow]]:
        """Its rows in order."""
        ...


class PeopleFile:
    """A subscriber file that can be read. It may be read again: nothing is kept but the bytes.

    `size` and `done` count for a progress bar: `done` of `size` is read in the pass that is going on.
    """

    def __init__(self, summary: Summary, tables: Sequence[PeopleTable]) -> None:
        self.summary = summary
        self._tables = tuple(tables)
        self.size = sum(table.source.size for table in tables)

    @property
    def done(self) -> int:
        """How many of the `size` bytes are read."""
        return sum(table.source.done for table in self._tables)

    def batches(self) -> Iterator[list[Row | RejectedRow]]:
        """The rows in order, up to some thousand at a time; memory stays flat."""
        for table in self._tables:
            table.source.done = 0
        for table in self._tables:
            yield from table.batches()

    def rows(self) -> Iterator[Row | RejectedRow]:
        """The rows one by one."""
        for batch in self.batches():
            yield from batch

    def sample(self, number: int = 10) -> list[Row | RejectedRow]:
        """The first rows, to look at."""
        return list(islice(self.rows(), number))


def open_people(data: Content, name: str = "", told: Told | None = None) -> PeopleFile:
    """Find out what the file is and how it is read. `name`: its file name, which some programs put the state in.

    Raises ImportFileError when it cannot be read as a whole; NoAddressColumnError, which carries titles and rows,
    when a person has to say which column holds the addresses (`Told.mapping`).
    """
    said = told or Told()
    tables, notes = _tables(data, name, said)
    check_told(said.mapping, ([column.title for column in table.part.columns] for table in tables))
    if said.sheet and not isinstance(tables[0], SheetTable):
        raise UsageError("only a workbook has sheets", hint="leave --sheet out")
    forms = dict.fromkeys(table.part.format for table in tables)
    form = " and ".join(forms)
    if kind_of(data[:PIECE], len(data)) == Kind.ZIP and not isinstance(tables[0], SheetTable):
        form = ZIP_OF + form
    return PeopleFile(Summary(form, tuple(table.part for table in tables), notes), tables)


def _tables(data: Content, name: str, told: Told) -> tuple[list[PeopleTable], tuple[str, ...]]:
    match kind_of(data[:PIECE], len(data)):
        case Kind.ZIP if is_workbook(data):
            return [open_workbook(data, name, told)], ()
        case Kind.ZIP:
            check_other_kinds(data)
            return _archived(data, told)
        case Kind.GZIP:
            source = Gzipped(data, MOST_BYTES)
            return [_text(source, name.removesuffix(".gz"), told, "")], ()
    return [_text(Plain(data), name, told, "")], ()


def _text(source: Source, name: str, told: Told, part: str) -> PeopleTable:
    begin = head(source)
    kind = kind_of(begin, len(begin))
    if kind in (Kind.ZIP, Kind.GZIP):
        raise ImportFileError("a packed file inside a packed file is not opened", hint="Unpack it first.")
    if kind == Kind.JSON or name.casefold().endswith((".json", ".jsonl", ".ndjson")):
        return open_json(source, name, told, part)
    return open_text(source, name, told, part)


def _archived(data: Content, told: Told) -> tuple[list[PeopleTable], tuple[str, ...]]:
    """The tables of a ZIP. One that must be a table and cannot be read stops all; a note beside them does not."""
    found, others = members(data)
    tables: list[PeopleTable] = []
    empty: list[str] = []
    for member in found:
        try:
            tables.append(_text(member.source, member.label, told, member.label))
        except ImportFileError as error:
            if not member.source.length or "holds no rows" in error.message:
                empty.append(member.label)
            elif member.is_table:
                raise _inside(member.label, error) from None
            else:
                others.append(member.label)
    if not tables:
        raise ImportFileError("no file in the ZIP file holds people")
    notes = [f"left out: {', '.join(others)}"] if others else []
    notes += [f"empty: {', '.join(empty)}"] if empty else []
    return tables, tuple(notes)


def _inside(label: str, error: ImportFileError) -> ImportFileError:
    message = f"{label}: {error.message}"
    if isinstance(error, NoAddressColumnError):
        return NoAddressColumnError(message, error.titles, error.rows, hint=error.hint)
    return ImportFileError(message, hint=error.hint)
