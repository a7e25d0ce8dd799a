"""A subscriber file (CSV) -> rows, each with its line; what is wrong with a row costs that row and nothing else.

Cells stay data: `=HYPERLINK(...)` is kept as it is written, and neutralised where a spreadsheet may open it again.
A row with fewer cells than the header has empty ones at its end; one with more is refused, because then nobody
knows which cell is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from mailer.audience.address import parse_address
from mailer.audience.columns import is_email_header, map_columns
from mailer.audience.encoding import find_encoding
from mailer.audience.records import Record, read_records, text_lines
from mailer.audience.rows import RejectedRow as RejectedRow
from mailer.audience.rows import Row as Row
from mailer.errors import ImportFileError

DELIMITERS = (",", ";", "\t", "|")
LONGEST_CELL = 64 * 1024
MOST_COLUMNS = 10_000
_SAMPLE_ROWS = 50
_HEADER_WITHIN = 5  # a sheet's title, a date, an empty row; further down it would be data
_NAMED_COLUMNS = 8
_SAMPLE_CHARACTERS = 1 << 20
_CONTROLS = dict.fromkeys([*range(32), 127], "")
_KEPT_CONTROLS = str.maketrans("", "", "\t\r\n")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is read: shown to a person before an import, and changed by her word (`dataclasses.replace`).

    `columns` names the attribute of each column; the one named "email" is the address.
    """

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    has_header: bool
    skipped_lines: int = 0
    notes: tuple[str, ...] = ()


def read_rows(data: bytes, layout: Layout | None = None) -> Iterator[Row | RejectedRow]:
    """The rows in order, one at a time. ImportFileError when the file as a whole cannot be read."""
    found = layout or read_layout(data)
    email_at = found.columns.index("email")
    records = (record for record in _records(data, found) if record.fault or "".join(record.cells).strip())
    for record in islice(records, 1 if found.has_header else 0, None):
        yield _row(record, found, email_at)


def read_layout(data: bytes, *, encoding: str | None = None, delimiter: str | None = None) -> Layout:
    """Find out how the file is to be read, from its beginning; `encoding` and `delimiter` are a person's word."""
    codec = find_encoding(data, encoding)
    told, skipped = _told_delimiter(data, codec)
    chosen = delimiter or told
    candidates = (chosen,) if chosen else DELIMITERS
    samples = {mark: _sample(data, codec, mark, skipped) for mark in candidates}
    tables = {mark: [record.cells for record in sample[_above(sample) :]] for mark, sample in samples.items()}
    best = max(candidates, key=lambda mark: _score(tables[mark]))
    rows = tables[best]
    if not rows:
        raise ImportFileError("the file holds no rows")
    if len(rows[0]) > MOST_COLUMNS:
        raise ImportFileError(f"the file has {len(rows[0])} columns; {MOST_COLUMNS} are the most that can be read")
    layout = _layout(codec, best, skipped, rows)
    return _below(layout, samples[best][above].line - 1) if (above := _above(samples[best])) else layout


def _layout(codec: str, delimiter: str, skipped: int, rows: list[list[str]]) -> Layout:
    titles = [cell.strip() for cell in rows[0]]
    email_at = next((at for at, title in enumerate(titles) if is_email_header(title)), None)
    has_header = email_at is not None or not any("@" in title for title in titles)
    if email_at is None:
        email_at = _address_column(rows[1:] if has_header else rows)
    if email_at is None:
        listed = ", ".join(title or "(empty)" for title in titles[:20])
        raise ImportFileError(
            "no column holds e-mail addresses", hint=f"title the column of the addresses email; titles found: {listed}"
        )
    columns, notes = map_columns(titles if has_header else [""] * max(map(len, rows)), email_at)
    return Layout(codec, delimiter, columns, has_header, skipped, notes if has_header else _unnamed(columns))


def _unnamed(columns: tuple[str, ...]) -> tuple[str, ...]:
    """What to tell of a file without titles; nothing where the address is all there is."""
    named = [name for name in columns if name != "email"]
    if not named:
        return ()
    listed = ", ".join(named[:_NAMED_COLUMNS]) + (", ..." if len(named) > _NAMED_COLUMNS else "")
    called = f"the columns are called {listed}" if len(named) > 1 else f"the other column is called {listed}"
    return (f"no header line found: {called}; put names into the first line to use others",)


def _below(layout: Layout, lines: int) -> Layout:
    """The layout of a table that begins below these lines."""
    first = layout.skipped_lines + 1
    stand = f"line {first} stands" if first == lines else f"lines {first} to {lines} stand"
    return replace(layout, skipped_lines=lines, notes=(f"{stand} above the header line: not read", *layout.notes))


def _above(sample: list[Record]) -> int:
    """How many rows stand above the header, as the title of a sheet does: none of them may hold an address."""
    for at, record in enumerate(sample[:_HEADER_WITHIN]):
        if any("@" in cell for cell in record.cells):
            break
        if any(map(is_email_header, record.cells)):
            return at
    return 0


def _told_delimiter(data: bytes, codec: str) -> tuple[str | None, int]:
    """Excel's own first line: `sep=;`. The delimiter it names and how many lines it takes."""
    first = next(text_lines(data[:4096], codec), "").strip().strip('"')
    if first[:4].casefold() == "sep=" and len(first) <= 5:
        return first[4:] or "\t", 1
    return None, 0


def _sample(data: bytes, codec: str, delimiter: str, skipped: int) -> list[Record]:
    lines = islice(_bounded(text_lines(data, codec)), skipped, None)
    records = read_records(lines, delimiter, first_line=skipped + 1)
    return list(islice((record for record in records if any(map(str.strip, record.cells))), _SAMPLE_ROWS))


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    size = 0
    for line in lines:
        yield line
        size += len(line)
        if size > _SAMPLE_CHARACTERS:
            return


def _score(rows: list[list[str]]) -> tuple[bool, bool, float, int]:
    """How much a delimiter makes a table of the beginning: a titled address column, an address column, one width."""
    if not rows:
        return (False, False, 0.0, 0)
    width = len(rows[0])
    same = sum(len(row) == width for row in rows) / len(rows)
    titled = any(is_email_header(cell) for cell in rows[0])
    return (titled, _address_column(rows) is not None, same if width > 1 else 0.0, width)


def _address_column(rows: Iterable[list[str]]) -> int | None:
    """The column in which most cells are addresses; at least one must be."""
    counts: dict[int, int] = {}
    for row in rows:
        for at, cell in enumerate(row):
            if "@" in cell and _is_address(cell):
                counts[at] = counts.get(at, 0) + 1
    return max(counts, key=lambda at: (counts[at], -at), default=None)


def _is_address(cell: str) -> bool:
    try:
        parse_address(cell)
    except ValueError:
        return False
    return True


def _records(data: bytes, layout: Layout) -> Iterator[Record]:
    lines = islice(text_lines(data, layout.encoding), layout.skipped_lines, None)
    return read_records(lines, layout.delimiter, first_line=layout.skipped_lines + 1)


def _row(record: Record, layout: Layout, email_at: int) -> Row | RejectedRow:
    cells = record.cells
    reason = record.fault or ("" if _is_plain(record, layout) else _fault(record, layout))
    if not reason:
        try:
            address = parse_address(cells[email_at] if email_at < len(cells) else "")
        except ValueError as error:
            reason = str(error)
        else:
            pairs = zip(layout.columns, cells, strict=False)
            attributes = {name: text for name, cell in pairs if (text := cell.strip()) and name != "email"}
            return Row(record.line, address, attributes)
    return RejectedRow(record.line, reason, tuple(cell[:LONGEST_CELL] for cell in cells))


def _is_plain(record: Record, layout: Layout) -> bool:
    """Nearly every row: nothing in it that `_fault` could find."""
    together = "".join(record.cells)
    return (
        len(record.cells) <= len(layout.columns)
        and len(together) <= LONGEST_CELL
        and together.isprintable()
        and "\ufffd" not in together
    )


def _fault(record: Record, layout: Layout) -> str:
    width = len(layout.columns)
    if any(map(str.strip, record.cells[width:])):
        return f"{len(record.cells)} cells, where the file has {width} columns"
    if max(map(len, record.cells), default=0) > LONGEST_CELL:
        return f"a cell is longer than {LONGEST_CELL} characters"
    if record.last_line > record.line and any(_swallowed(cell, layout.delimiter) for cell in record.cells):
        return (
            f"a cell holds what looks like whole rows, up to line {record.last_line}: "
            "probably a quotation mark that is closed too late"
        )
    together = "".join(record.cells)
    if "\ufffd" in together:
        return f"bytes that are not {layout.encoding.removesuffix('-sig')}"
    if _has_controls(together):
        return "an unprintable character, such as NUL"
    return ""


def _has_controls(text: str) -> bool:
    bare = text.translate(_KEPT_CONTROLS)
    return len(bare.translate(_CONTROLS)) < len(bare)


def _swallowed(cell: str, delimiter: str) -> bool:
    """A note may well run over lines; a line of it with an @ and a delimiter is somebody else's row."""
    return any("@" in line and delimiter in line for line in cell.splitlines()[1:])
