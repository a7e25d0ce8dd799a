"""A subscriber file of text (CSV and its kin): how it is read, and its rows with their lines.

What is wrong with a row costs that row and nothing else. Cells stay data: `=HYPERLINK(...)` is kept as it is written,
and neutralised where a spreadsheet may open it again. A row with fewer cells than the header has empty ones at its
end; one with more is refused, because then nobody knows which cell is which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mailer.audience.encoding import find_encoding
from mailer.audience.layout import Part, Told
from mailer.audience.people import People
from mailer.audience.records import Lines, Record, Table, read_records, read_tables, text_blocks
from mailer.audience.rows import RejectedRow, Row
from mailer.audience.sources import Source
from mailer.audience.titles import Found, address_column, find_titles, holds_titles, rows_above
from mailer.errors import ImportFileError, UsageError

DELIMITERS = (",", ";", "\t", "|")
_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "bar": "|"}
_FORMATS = {",": "CSV", "\t": "TSV"}
_SAMPLE_ROWS = 50
_SAMPLE_CHARACTERS = 1 << 20


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table in a text file, ready to be read."""

    source: Source
    part: Part
    found: Found
    file_name: str
    skipped_lines: int

    def batches(self) -> Iterator[list[Row | RejectedRow]]:
        """The rows in order, some thousand at a time."""
        part = self.part
        people = People(part, self.found.exporter, self.file_name)
        lines = Lines(text_blocks(self.source, part.encoding))
        lines.skip(self.skipped_lines)
        titled = part.has_header
        for table in read_tables(lines, part.delimiter):
            rows = people.rows(_below_titles(table) if titled else table)
            titled = titled and not _holds_text(table)
            if rows:
                yield rows


def _holds_text(table: Table | Record) -> bool:
    if isinstance(table, Record):
        return not table.fault and any(map(str.strip, table.cells))
    return any(any(map(str.strip, cells)) for cells in table.rows)


def _below_titles(table: Table | Record) -> Table | Record:
    """Without the line of titles, which is the first one with text."""
    if isinstance(table, Record):
        return table if table.fault else Record(table.line, table.last_line, [])
    at = next((at for at, cells in enumerate(table.rows) if any(map(str.strip, cells))), len(table.rows) - 1) + 1
    text = "\n".join(table.text.split("\n")[at:])
    return Table(table.first_line + at, table.rows[at:], text)


def open_text(source: Source, name: str, told: Told, part: str = "") -> TextTable:
    """Find out how the file is to be read, from its beginning. ImportFileError when it cannot be."""
    encoding = find_encoding(source, told.encoding)
    said, skipped = _said_delimiter(source, encoding.codec)
    chosen = _told_delimiter(told.delimiter) or said
    candidates = (chosen,) if chosen else DELIMITERS
    samples = {mark: _sample(source, encoding.codec, mark, skipped) for mark in candidates}
    above = {mark: rows_above([record.cells for record in sample], told) for mark, sample in samples.items()}
    tables = {mark: [record.cells for record in sample[above[mark] :]] for mark, sample in samples.items()}
    best = max(candidates, key=lambda mark: _score(tables[mark], told))
    if not any(map(str.isalnum, (letter for row in tables[best] for cell in row for letter in cell))):
        raise ImportFileError("the file holds no rows")
    found = find_titles(tables[best], name, told)
    notes = (*encoding.notes, *found.notes)
    if above[best]:
        first, lines = skipped + 1, samples[best][above[best]].line - 1
        stand = f"line {first} stands" if first == lines else f"lines {first} to {lines} stand"
        skipped, notes = lines, (f"{stand} above the header line: not read", *notes)
    return TextTable(
        source,
        Part(
            part, _FORMATS.get(best, f"CSV with {best}"), found.columns, encoding.codec, best,
            found.exporter.title if found.exporter else "", found.state, found.has_header, notes, encoding.preview,
        ),
        found, name, skipped,
    )  # fmt: skip


def _told_delimiter(told: str | None) -> str | None:
    if not told:
        return None
    mark = _NAMES.get(told.casefold(), told)
    if len(mark) != 1 or mark in '"\r\n\0' or mark.isalnum() or mark == "@":
        raise UsageError("the delimiter must be one sign", hint='such as ";", "," or "tab"')
    return mark


def _said_delimiter(source: Source, codec: str) -> tuple[str | None, int]:
    """Excel's own first line: `sep=;`. The delimiter it names and how many lines it takes."""
    block = next(text_blocks(source, codec), "")
    first = (block[:20].splitlines() or [""])[0].strip().strip('"').lstrip("\ufeff")
    if first[:4].casefold() == "sep=" and len(first) <= 5:
        mark = first[4:] or "\t"
        return (mark if mark in DELIMITERS or not mark.isalnum() else None), 1
    return None, 0


def _sample(source: Source, codec: str, delimiter: str, skipped: int) -> list[Record]:
    lines = Lines(_bounded(text_blocks(source, codec)))
    lines.skip(skipped)
    records = read_records(lines, delimiter)
    whole = (record for record in records if not record.fault and any(map(str.strip, record.cells)))
    return list(islice(whole, _SAMPLE_ROWS))


def _bounded(blocks: Iterator[str]) -> Iterator[str]:
    size = 0
    for block in blocks:
        yield block
        size += len(block)
        if size > _SAMPLE_CHARACTERS:
            return


def _score(rows: list[list[str]], told: Told) -> tuple[bool, bool, float, int]:
    """How much a delimiter makes a table of the beginning: a titled address column, an address column, one width."""
    if not rows:
        return (False, False, 0.0, 0)
    width = len(rows[0])
    same = sum(len(row) == width for row in rows) / len(rows)
    return (holds_titles(rows[0], told), address_column(rows) is not None, same if width > 1 else 0.0, width)
