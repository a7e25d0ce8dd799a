"""Excel workbooks (.xlsx) -> rows of text. A number is written as a person reads it, a date as ISO 8601.

Cells of formulas give the value that was saved with them; error values are empty; of merged cells the first one has
the text. Hidden rows are rows: whoever filtered a sheet did not delete them. Hidden sheets are read when asked for.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from mailer.audience.archive import check_sizes, directory, inflated
from mailer.audience.layout import Content, Part, Told
from mailer.audience.people import People
from mailer.audience.records import Record, Table
from mailer.audience.rows import RejectedRow, Row
from mailer.audience.sources import Plain, Source
from mailer.audience.titles import MOST_COLUMNS, Found, find_titles, rows_above
from mailer.errors import ImportFileError, NoAddressColumnError, UsageError
from mailer.wording import counted, quoted, unknown

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

T = TypeVar("T")

MOST_BYTES = 512 << 20
# The reader makes room for the whole rectangle of a sheet, also when there is one cell in its last corner.
MOST_CELLS = 20_000_000
_BATCH = 1000
_SAMPLE_ROWS = 50
_REFERENCE = re.compile(rb"""[\s'"]r\s*=\s*["']\s*([A-Za-z]{0,4})(\d{1,9})""")
_LONGEST_REFERENCE = 64
_AS_CSV = "Save the sheet as CSV (UTF-8) and import that."


@dataclass(frozen=True, slots=True)
class SheetTable:
    """A sheet, ready to be read."""

    source: Source
    part: Part
    found: Found
    file_name: str
    rows: SheetRows
    skipped_rows: int

    def batches(self) -> Iterator[list[Row | RejectedRow]]:
        """The rows in order."""
        people = People(self.part, self.found.exporter, self.file_name)
        rows = enumerate(self.rows.cells(), 1)
        below = islice(rows, self.skipped_rows + self.part.has_header, None)
        read = 0
        while chunk := list(islice(below, _BATCH)):
            read += len(chunk)
            self.source.done = self.source.size * read // max(self.rows.height, read)
            yield _people(people, chunk)


def _people(people: People, chunk: Sequence[tuple[int, list[str]]]) -> list[Row | RejectedRow]:
    lines = [",".join(cells) for _, cells in chunk]
    text = "\n".join(lines)
    if text.count("\n") == len(lines) - 1:
        return people.rows(Table(chunk[0][0], [cells for _, cells in chunk], text))
    return [row for line, cells in chunk for row in people.rows(Record(line, line, cells))]


@dataclass(frozen=True, slots=True)
class SheetRows:
    """The rows of a sheet as text."""

    sheet: CalamineSheet

    @property
    def height(self) -> int:
        """How many rows, counted from the first of the sheet."""
        return self.sheet.total_height

    def cells(self) -> Iterator[list[str]]:
        """Row by row, counted from the first of the sheet."""
        for row in self.sheet.iter_rows():
            yield [cell if type(cell) is str else cell_text(cell) for cell in row]


def cell_text(value: Any) -> str:
    """The value as a person would write it: 4712345678.0 is a telephone number, midnight is no time of a date."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e17:
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
    return str(value)


def open_workbook(data: Content, name: str, told: Told) -> SheetTable:
    """Find the sheet of people. ImportFileError when the workbook cannot be read or has none."""
    _check_sizes(data)
    workbook = _opened(data)
    names = _sheet_names(workbook, told)
    tables = []
    trouble: ImportFileError | None = None
    for sheet_name in names:
        try:
            rows = SheetRows(_guarded(partial(workbook.get_sheet_by_name, sheet_name)))
            if table := _open_sheet(data, rows, sheet_name if len(names) > 1 else "", name, told):
                tables.append(table)
        except NoAddressColumnError as error:
            trouble = trouble or error
    if tables:
        return _first(tables, names)
    raise trouble or ImportFileError("the workbook holds no rows")


def _first(tables: list[SheetTable], names: Sequence[str]) -> SheetTable:
    table = tables[0]
    if len(names) < 2:
        return table
    others = [quoted(other.part.name) for other in tables[1:]]
    note = f"sheet {quoted(table.part.name)} is read, one of {len(names)}"
    note += f"; there are addresses in {', '.join(others)} as well: --sheet" if others else ""
    return replace(table, part=replace(table.part, notes=(note, *table.part.notes)))


def _open_sheet(data: Content, rows: SheetRows, part_name: str, name: str, told: Told) -> SheetTable | None:
    sample = list(islice(((at, row) for at, row in enumerate(rows.cells()) if any(map(str.strip, row))), _SAMPLE_ROWS))
    if not sample:
        return None
    if len(sample[0][1]) > MOST_COLUMNS:
        raise ImportFileError(f"the sheet has {len(sample[0][1])} columns; {MOST_COLUMNS} are the most")
    above = rows_above([row for _, row in sample], told)
    found = find_titles([row for _, row in sample[above:]], name, told)
    skipped = sample[above][0]
    notes = found.notes
    if above:
        notes = (f"{counted(skipped, 'row')} above the header row: not read", *notes)
    part = Part(
        part_name, "XLSX", found.columns, exporter=found.exporter.title if found.exporter else "",
        state=found.state, has_header=found.has_header, notes=notes,
    )  # fmt: skip
    return SheetTable(Plain(data), part, found, name, rows, skipped)


def _sheet_names(workbook: CalamineWorkbook, told: Told) -> list[str]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    names = [sheet.name for sheet in sheets]
    if told.sheet is None:
        return [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    if told.sheet in names:
        return [told.sheet]
    if told.sheet.isdecimal() and 1 <= int(told.sheet) <= len(names):
        return [names[int(told.sheet) - 1]]
    raise UsageError(unknown("sheet", told.sheet, names), hint="or name its number, counted from 1")


def _check_sizes(data: Content) -> None:
    """Go through everything once, before the reader does, which believes what the file says of itself."""
    files = directory(data)
    check_sizes(files, MOST_BYTES)
    for info in files:
        last_column = last_row = 1
        tail = b""
        for piece in inflated(data, info, "a part of the workbook").pieces():
            if "worksheets/" in info.filename:
                text = tail + piece
                for letters, digits in set(_REFERENCE.findall(text)):
                    last_column = max(last_column, _column_number(letters))
                    last_row = max(last_row, int(digits))
                tail = text[-_LONGEST_REFERENCE:]
        if last_column * last_row > MOST_CELLS and last_column > 1:
            raise ImportFileError(
                f"a sheet reaches to row {last_row} and column {last_column}, which is too large a rectangle",
                hint=f"Delete what stands far off from the table. {_AS_CSV}",
            )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _opened(data: Content) -> CalamineWorkbook:
    from python_calamine import CalamineWorkbook

    return _guarded(partial(CalamineWorkbook.from_filelike, io.BytesIO(bytes(data[:]))))


def _guarded(read: Callable[[], T]) -> T:
    """The reader's result; its errors, and its panics, which are no Exception, as one of ours."""
    try:
        return read()
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ImportFileError("the workbook is damaged, or is no .xlsx", hint=_AS_CSV) from None
        raise
