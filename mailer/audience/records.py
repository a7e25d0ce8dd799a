"""CSV text -> records with the line each begins on, where a wrong quotation mark costs one line and not the file.

Python's reader is used for what it does well. Around it: a record that the strict grammar refuses is read again
leniently when it is one line (`"Tower" House`); when it runs over several lines, its first line is refused and
reading goes on at the second, because then a quotation mark was never closed and the lines behind it are people.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# A quoted cell longer than this is a quotation mark that was never closed. Far above any real cell.
LONGEST_RECORD = 16 * 1024 * 1024
# Python's own limit of 128 KB would stop in the middle of such a cell and read its rest as rows.
csv.field_size_limit(2 * LONGEST_RECORD)

UNCLOSED = "a quotation mark is opened and never closed properly"
BARE_RETURN = "a carriage return without a line feed stands inside the row"
_CHUNK = 1 << 16


class Record(NamedTuple):
    """The cells of one row, which began on `line` and ended on `last_line`. With a `fault` there are no cells."""

    line: int
    last_line: int
    cells: list[str]
    fault: str = ""


def text_lines(data: bytes, encoding: str) -> Iterator[str]:
    """The lines with their ends, decoded piece by piece. Undecodable bytes become U+FFFD, which rows are refused for.

    A line ends at LF; at CR only in a file that has no LF (the old Macintosh).
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    end = ""
    rest: list[str] = []
    for start in range(0, len(data), _CHUNK):
        text = decoder.decode(data[start : start + _CHUNK], final=start + _CHUNK >= len(data))
        end = end or _line_end(data, encoding)
        pieces = text.split(end)
        rest.append(pieces[0])
        for piece in pieces[1:]:
            yield "".join(rest) + end
            rest = [piece]
    if last := "".join(rest):
        yield last


def _line_end(data: bytes, encoding: str) -> str:
    name = codecs.lookup(encoding).name
    if name.startswith(("utf-16", "utf-32")):
        feed = "\n".encode(name if name[-2:] in ("le", "be") else f"{name}-le")
        return "\n" if feed in data or feed[::-1] in data else "\r"
    return "\n" if b"\n" in data else "\r"


class _Lines:
    """Numbers lines, remembers those of the current record, and takes them back."""

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.current: list[str] = []
        self.next_number = number
        self.size = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.size > LONGEST_RECORD:
            raise _TooLongError
        if self._back:
            line = self._back.popleft()
        else:
            try:
                line = next(self._lines)
            except StopIteration:
                self.ended = True
                raise
        self.current.append(line)
        self.size += len(line)
        self.next_number += 1
        return line

    def start(self) -> int:
        """Forget the last record; the number of the line on which the next one begins."""
        self.current.clear()
        self.size = 0
        self.ended = False
        return self.next_number

    def take_back_all_but_first(self) -> None:
        self._back.extendleft(reversed(self.current[1:]))
        self.next_number -= len(self.current) - 1


class _TooLongError(Exception):
    """A record is longer than any real one."""


def read_records(lines: Iterable[str], delimiter: str, first_line: int = 1) -> Iterator[Record]:
    """The records in order; empty lines are passed over."""
    source = _Lines(lines, first_line)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        line = source.start()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLongError):
            yield _repaired(source, line, delimiter)
            # The reader is in the middle of a cell; a fresh one begins at the next line.
            reader = csv.reader(source, delimiter=delimiter, strict=True)
            continue
        if cells:
            yield Record(line, source.next_number - 1, cells)


def _repaired(source: _Lines, line: int, delimiter: str) -> Record:
    first = source.current[0]
    if len(source.current) > 1 or source.ended:
        source.take_back_all_but_first()
        return Record(line, line, [], UNCLOSED)
    try:
        cells = next(csv.reader([first], delimiter=delimiter))
    except (csv.Error, StopIteration):
        return Record(line, line, [], BARE_RETURN)
    if cells and cells[-1].endswith("\n"):  # the line end is data only while a quotation mark is open
        return Record(line, line, [], UNCLOSED)
    return Record(line, line, cells)
