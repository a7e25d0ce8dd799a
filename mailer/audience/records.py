"""CSV text -> records with the line each begins on, where a wrong quotation mark costs one line and not the file.

Python's reader is used for what it does well. Around it: a record that the strict grammar refuses is read again
leniently when it is one line (`"Tower" House`); when it runs over several lines, its first line is refused and
reading goes on at the second, because then a quotation mark was never closed and the lines behind it are people.

Most blocks of lines hold nothing that needs such care. They are cut into cells at once (`Table`), which gives the
same records ten times faster; `tests/unit/audience/test_records.py` compares the two.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from mailer.audience.sources import Source

# A quoted cell longer than this is a quotation mark that was never closed. Far above any real cell.
LONGEST_RECORD = 16 * 1024 * 1024
# Python's own limit of 128 KB would stop in the middle of such a cell and read its rest as rows.
csv.field_size_limit(2 * LONGEST_RECORD)

UNCLOSED = "a quotation mark is opened and never closed properly"
BARE_RETURN = "a carriage return without a line feed stands inside the row"
TOO_LONG = f"the line is longer than {LONGEST_RECORD >> 20} MB"


class Record(NamedTuple):
    """The cells of one row, which began on `line` and ended on `last_line`.

    With a `fault` there are none, but the line itself as the only one, for the person who will correct it.
    """

    line: int
    last_line: int
    cells: list[str]
    fault: str = ""


class Table(NamedTuple):
    """Lines without any peculiarity: `rows[n]` are the cells of the line `first_line + n`, none for an empty one.

    `text` is what they were cut from, to look for something in all of them at once.
    """

    first_line: int
    rows: list[list[str]]
    text: str


def text_blocks(source: Source, encoding: str) -> Iterator[str]:
    """The text in blocks of whole lines. Undecodable bytes become U+FFFD, which rows are refused for.

    A line ends at LF; at CR only in a file whose first block has no LF (the old Macintosh). Of a line without end
    only so much is kept that it is known to be too long.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    end = ""
    held: list[str] = []
    size = 0
    for piece in chain(source.pieces(), (None,)):
        text = decoder.decode(piece or b"", final=piece is None)
        if not end:  # a CR at the end of a piece may have its LF in the next one
            known = (held[-1][-1:] if held else "") + text
            end = "\n" if "\n" in known else "\r" if "\r" in known[:-1] else ""
        cut = text.rfind(end) + 1 if end else 0
        if cut:
            yield "".join((*held, text[:cut]))
            held, size = [], 0
        if size <= LONGEST_RECORD:
            held.append(text[cut:])
            size += len(text) - cut
    if last := "".join(held):
        yield last


class Lines:
    """The lines of a file, by blocks or one by one; numbers them, and takes back those of a record that is wrong."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self._blocks = iter(blocks)
        self._ahead: deque[str] = deque()
        self.current: list[str] = []
        self.next_number = 1
        self.size = 0
        self.ended = False
        self.end = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.size > LONGEST_RECORD:
            raise _TooLongError
        if not self._ahead:
            block = self.block()
            if block is None:
                self.ended = True
                raise StopIteration
            self.give_back(block)
        line = self._ahead.popleft()
        self.current.append(line)
        self.size += len(line)
        self.next_number += 1
        return line

    @property
    def between_blocks(self) -> bool:
        """Whether the next line is the first one of a block."""
        return not self._ahead

    def block(self) -> str | None:
        """The next block as a whole; to be given back, or its lines to be counted in `next_number`."""
        block = next(self._blocks, None)
        if block and not self.end:
            self.end = "\n" if "\n" in block or "\r" not in block else "\r"
        return block

    def give_back(self, block: str) -> None:
        """Take the lines of the block one by one."""
        pieces = block.split(self.end)
        last = pieces.pop()
        self._ahead.extend(piece + self.end for piece in pieces)
        if last:
            self._ahead.append(last)

    def skip(self, number: int) -> None:
        """Pass over lines."""
        for _ in range(number):
            next(self, None)
            self.current.clear()

    def start(self) -> int:
        """Forget the last record; the number of the line on which the next one begins."""
        self.current.clear()
        self.size = 0
        self.ended = False
        return self.next_number

    def take_back_all_but_first(self) -> None:
        """The lines behind the first one of this record have not been read."""
        self._ahead.extendleft(reversed(self.current[1:]))
        self.next_number -= len(self.current) - 1


class _TooLongError(Exception):
    """A record is longer than any real one."""


def read_tables(lines: Lines, delimiter: str) -> Iterator[Table | Record]:
    """All records in order, most of them together; empty lines are passed over."""
    while True:
        if lines.between_blocks:
            block = lines.block()
            if block is None:
                return
            if table := plain_table(block, delimiter, lines.next_number, lines.end):
                lines.next_number += len(table.rows)
                yield table
                continue
            lines.give_back(block)
        yield from _until_block_ends(lines, delimiter)


def plain_table(block: str, delimiter: str, first_line: int, end: str) -> Table | None:
    """The block cut into cells, if each of its lines is a record by the strict grammar and short enough."""
    text = block
    if "\r" in text:
        text = text.replace("\r", "\n") if end == "\r" and "\n" not in text else text.replace("\r\n", "\n")
        if "\r" in text:
            return None
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if len(text) > LONGEST_RECORD:
        return None
    if '"' not in text:
        return Table(first_line, [line.split(delimiter) if line else [] for line in lines], text)
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return Table(first_line, rows, text) if len(rows) == len(lines) else None


def _until_block_ends(lines: Lines, delimiter: str) -> Iterator[Record]:
    """Record by record, until one ends where a block does."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.start()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLongError):
            yield _repaired(lines, line, delimiter)
            # The reader is in the middle of a cell; a fresh one begins at the next line.
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
        else:
            if len(lines.current[0]) > LONGEST_RECORD:
                yield Record(line, line, [], TOO_LONG)
            elif cells:
                yield Record(line, lines.next_number - 1, cells)
        if lines.between_blocks:
            return


def read_records(lines: Lines, delimiter: str) -> Iterator[Record]:
    """The records one by one, with care for each."""
    while not lines.ended:
        yield from _until_block_ends(lines, delimiter)


def _repaired(lines: Lines, line: int, delimiter: str) -> Record:
    first = lines.current[0]
    if len(first) > LONGEST_RECORD:
        lines.take_back_all_but_first()
        return Record(line, line, [], TOO_LONG)
    if len(lines.current) > 1 or lines.ended:
        lines.take_back_all_but_first()
        return Record(line, line, [first.rstrip("\r\n")], UNCLOSED)
    try:
        cells = next(csv.reader([first], delimiter=delimiter))
    except (csv.Error, StopIteration):
        return Record(line, line, [first.rstrip("\r\n")], BARE_RETURN)
    if cells and cells[-1].endswith("\n"):  # the line end is data only while a quotation mark is open
        return Record(line, line, [first.rstrip("\r\n")], UNCLOSED)
    return Record(line, line, cells)
