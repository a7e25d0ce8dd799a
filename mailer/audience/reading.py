"""The door to subscriber files: bytes of any known kind -> what it is, and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mailer.audience.csvfile import Layout, read_layout, read_rows
from mailer.audience.layout import Column, Content, Part, Summary, Told
from mailer.audience.rows import RejectedRow, Row

_BATCH = 1000


class PeopleFile:
    """A subscriber file that can be read. It may be read again: nothing is kept but the bytes.

    `size` and `done` count for a progress bar: `done` of `size` is read in the pass that is going on.
    """

    def __init__(self, data: Content, summary: Summary, layout: Layout) -> None:
        self.summary = summary
        self.size = len(data)
        self.done = 0
        self._data = data
        self._layout = layout

    def batches(self) -> Iterator[list[Row | RejectedRow]]:
        """The rows in order, some hundreds or thousands at a time; memory stays flat."""
        rows = read_rows(bytes(self._data[:]), self._layout)
        while batch := list(islice(rows, _BATCH)):
            yield batch
        self.done = self.size

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
    layout = read_layout(bytes(data[:]), encoding=said.encoding, delimiter=said.delimiter)
    columns = tuple(Column(title, title) for title in layout.columns)
    part = Part("", "CSV", columns, layout.encoding, layout.delimiter, has_header=layout.has_header, notes=layout.notes)
    return PeopleFile(data, Summary("CSV", (part,)), layout)
