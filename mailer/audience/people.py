"""The cells of a table -> people. A block of ordinary rows is done column by column, any other row on its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count, repeat
from typing import Any, NamedTuple

from mailer.audience.address import Address, parse_address, plain_addresses
from mailer.audience.cells import checked_tags, listed_tags, may_be_escaped, original_text, split_tags
from mailer.audience.columns import attribute_name, folded
from mailer.audience.exporters import Exporter, Rule, Said, nothing_said
from mailer.audience.jsonvalues import json_fault, strict_json
from mailer.audience.layout import EMAIL, LEFT_OUT, MERGED, NO_ATTRIBUTE, SURPLUS, TAGS, Part
from mailer.audience.ownfile import TAKEN, TYPED
from mailer.audience.records import Record, Table
from mailer.audience.rows import RejectedRow, Row
from mailer.model import Attributes

LONGEST_CELL = 64 * 1024
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 10_000, 500
# A block in which one row is peculiar is tried again in pieces of so many rows.
_PIECE = 48
_CONTROLS = dict.fromkeys([*range(32), 127], "")
_KEPT_CONTROLS = str.maketrans("", "", "\t\r\n")

# Without the call in Python that the named tuple's own constructor makes.
_make: Callable[[tuple[Any, ...]], Row] = partial(tuple.__new__, Row)


class People:
    """Makes people of the rows of one table."""

    def __init__(self, part: Part, exporter: Exporter | None, file_name: str) -> None:
        columns = self._columns = part.columns
        becomes = [column.becomes for column in columns]
        titles = [folded(column.title) for column in columns]
        self._by_title = {column.title: column.becomes for column in columns}
        self._width = len(columns)
        self._email_at = becomes.index(EMAIL)
        self._kept = [(at, name) for at, name in enumerate(becomes) if name not in NO_ATTRIBUTE]
        self._names = tuple(name for _, name in self._kept)
        typed = {at for at, column in enumerate(columns) if column.title.rstrip().endswith(TYPED)}
        self._typed_at = [at for at, _ in self._kept if at in typed]
        self._tags_at = [at for at, name in enumerate(becomes) if name == TAGS]
        self._merged_at = [at for at, name in enumerate(becomes) if name == MERGED]
        self._surplus_at = [at for at, name in enumerate(becomes) if name == SURPLUS]
        self._part = part.name
        self._encoding = part.encoding.removesuffix("-sig")
        self._delimiter = part.delimiter
        # What an ordinary block of ASCII has none of.
        marks = (10, 9) if part.delimiter == "\t" else (10,)
        self._unprintable = bytes(number for number in (*range(32), 127) if number not in marks)
        self._split: Callable[[str], tuple[str, ...]] = exporter.tags if exporter else split_tags
        self._several = exporter.several if exporter else ""
        wanted = self._state_titles = exporter.state_titles if exporter else ()
        self._state_at = [titles.index(title) if title in titles else None for title in wanted]
        self._rule: Rule = exporter.rule(file_name, titles) if exporter and exporter.rule else nothing_said
        self._said: dict[tuple[str, ...], Said] = {}
        self._tags: dict[str, tuple[str, ...]] = {}
        self._values: dict[str, Any] = {}
        self._domains: set[str] = set()

    def rows(self, table: Table | Record) -> list[Row | RejectedRow]:
        """The people of these rows, in order; rows without any text are passed over."""
        if isinstance(table, Record):
            return [self.row(table)] if table.fault or "".join(table.cells).strip() else []
        if (found := self._ordinary(table)) is not None:
            return found
        return [row for piece in _pieces(table) for row in self._piece(piece)]

    def _piece(self, piece: Table) -> list[Row | RejectedRow]:
        if (found := self._ordinary(piece)) is not None:
            return found
        records = (Record(line, line, cells) for line, cells in enumerate(piece.rows, piece.first_line))
        return [self.row(record) for record in records if "".join(record.cells).strip()]

    def _ordinary(self, table: Table) -> list[Row | RejectedRow] | None:
        """All rows at once: when they have the same width, usual addresses, and only letters that can be printed."""
        text = table.text
        if (
            self._merged_at
            or self._surplus_at
            or self._several
            or set(map(len, table.rows)) != {self._width}
            or not self._is_printable(text)
            or may_be_escaped(text)
            or (len(text) > LONGEST_CELL and max(map(len, text.split("\n"))) > LONGEST_CELL)
        ):
            return None
        columns: list[Sequence[str]] = list(zip(*table.rows, strict=True))
        if self._may_have_spaces(text):
            columns = [[cell.strip() for cell in column] for column in columns]
        addresses = plain_addresses(columns[self._email_at], self._domains)
        if addresses is None:
            return None
        try:
            return self._together(table.first_line, addresses, columns, self._may_be_empty(text))
        except ValueError:  # a cell of tags or of JSON, which the careful way will name
            return None

    def _is_printable(self, text: str) -> bool:
        if text.isascii():
            letters = text.encode()
            return len(letters.translate(None, self._unprintable)) == len(letters)
        bare = text.replace("\n", "")
        return (bare.replace("\t", "") if self._delimiter == "\t" else bare).isprintable() and "\ufffd" not in bare

    def _together(
        self, first: int, addresses: list[Address], columns: Sequence[Sequence[str]], may_be_empty: bool
    ) -> list[Row | RejectedRow]:
        said = self._said_of_all(columns)
        return list(
            map(
                _make,
                zip(
                    count(first), addresses, self._attributes_of_all(columns, may_be_empty), self._tags_of_all(columns),
                    (state for state, _ in said) if said else repeat(None), repeat(self._part),
                    (words for _, words in said) if said else repeat(""),
                    strict=False,
                ),
            )
        )  # fmt: skip

    def _may_have_spaces(self, text: str) -> bool:
        mark = self._delimiter
        return " " in text and (
            f" {mark}" in text
            or f"{mark} " in text
            or "\n " in text
            or " \n" in text
            or text[0] == " "
            or text[-1] == " "
            or ('"' in text and ('" ' in text or ' "' in text))
        )

    def _may_be_empty(self, text: str) -> bool:
        mark = self._delimiter
        return (
            f"{mark}{mark}" in text
            or f"{mark}\n" in text
            or f"\n{mark}" in text
            or text[0] == mark
            or text[-1] == mark
            or " " in text
            or '""' in text
        )

    def _attributes_of_all(self, columns: Sequence[Sequence[str]], may_be_empty: bool) -> Iterator[Attributes]:
        kept = [columns[at] for at, _ in self._kept]
        if not kept:
            return ({} for _ in repeat(None))
        names = self._names
        if self._typed_at:
            values = [[self._value(at, cell) for cell in columns[at]] for at, _ in self._kept]
            rows = zip(*values, strict=True)
            return ({name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows)
        if may_be_empty and any("" in column for column in kept):
            cells = zip(*kept, strict=True)
            return ({name: cell for name, cell in zip(names, row, strict=True) if cell} for row in cells)
        return map(dict, map(zip, repeat(names), zip(*kept, strict=True)))

    def _value(self, at: int, cell: str) -> Any:
        """The value of a cell; None where there is none. Columns whose title says so hold JSON."""
        if at not in self._typed_at or not cell:
            return cell or None
        if cell in self._values:
            return self._values[cell]
        value = strict_json(cell)
        if fault := json_fault(value):
            raise ValueError(fault)
        self._remember(self._values, cell, value)
        return value

    @staticmethod
    def _remember(memory: dict[str, Any], cell: str, value: Any) -> None:
        if len(memory) < _MOST_REMEMBERED and len(cell) <= _LONGEST_REMEMBERED:
            memory[cell] = value

    def _tags_of_all(self, columns: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
        if not self._tags_at:
            return repeat(())
        if len(self._tags_at) == 1:
            return map(self._tags_of, columns[self._tags_at[0]])
        cells = zip(*(columns[at] for at in self._tags_at), strict=True)
        return (checked_tags([tag for cell in row for tag in self._tags_of(cell)]) for row in cells)

    def _tags_of(self, cell: str) -> tuple[str, ...]:
        found = self._tags.get(cell)
        if found is None:
            found = self._split(cell)
            self._remember(self._tags, cell, found)
        return found

    def _said_of_all(self, columns: Sequence[Sequence[str]]) -> list[Said] | None:
        if self._rule is nothing_said:
            return None
        empty = repeat("")
        asked = [empty if at is None else columns[at] for at in self._state_at]
        if all(at is None for at in self._state_at):
            return [self._rule([""] * len(self._state_at))] * len(columns[self._email_at])
        return [self._said_of(cells) for cells in zip(*asked, strict=False)]

    def _said_of(self, cells: tuple[str, ...]) -> Said:
        found = self._said.get(cells)
        if found is None:
            found = self._rule(cells)
            if len(self._said) < _MOST_REMEMBERED and sum(map(len, cells)) <= _LONGEST_REMEMBERED:
                self._said[cells] = found
        return found

    def row(self, record: Record) -> Row | RejectedRow:
        """One row, with care."""
        cells = record.cells
        reason = record.fault or ("" if self._is_plain(record) else self._fault(record))
        if not reason:
            try:
                return self._person(record.line, cells)
            except ValueError as error:
                reason = str(error)
        return RejectedRow(record.line, reason, tuple(cell[:LONGEST_CELL] for cell in cells), self._part)

    def _person(self, line: int, cells: Sequence[str]) -> Row:
        """ValueError with the reason why the row is not taken."""
        address = self._address(cells)
        attributes: dict[str, Any] = {}
        for at in self._merged_at:
            if at < len(cells) and (cell := cells[at].strip()):
                attributes.update(_merged(cell))
        width = len(cells)
        for at, name in self._kept:
            if at < width and (text := cells[at].strip()):
                value = self._value(at, original_text(text))
                if value is not None:
                    attributes[name] = value
        tags = [tag for at in self._tags_at if at < width for tag in self._tags_of(original_text(cells[at].strip()))]
        inner = attributes.pop(TAGS, None)
        if isinstance(inner, list):
            tags += listed_tags(inner)
        state, words = self._said_of(
            tuple("" if at is None or at >= width else cells[at].strip() for at in self._state_at)
        )
        return Row(line, address, attributes, checked_tags(tags) if tags else (), state, self._part, words)

    def _address(self, cells: Sequence[str]) -> Address:
        text = cells[self._email_at] if self._email_at < len(cells) else ""
        if self._several and self._several in text:
            text = next(filter(None, map(str.strip, text.split(self._several))), "")
        return parse_address(text)

    def of_object(self, line: int, value: Mapping[str, Any], fault: str, text: str) -> Row | RejectedRow:
        """The person of a JSON object, whose values keep their types; `fault`: why there is no object."""
        if not fault:
            faults = (_title(title).fault or json_fault(inner) for title, inner in value.items())
            fault = next(filter(None, faults), "")
        if not fault:
            try:
                return self._of_values(line, value)
            except ValueError as error:
                fault = str(error)
        cells = [_shown(value.get(column.title)) for column in self._columns] if value else [text]
        return RejectedRow(line, fault, tuple(cell[:LONGEST_CELL] for cell in cells), self._part)

    def _of_values(self, line: int, values: Mapping[str, Any]) -> Row:
        email: Any = ""
        attributes: dict[str, Any] = {}
        tags: list[str] = []
        for title, value in values.items():
            name = self._by_title.get(title) or _title(title).name or LEFT_OUT
            if name == EMAIL:
                email = value
            elif name == TAGS:
                tags += listed_tags(value) if isinstance(value, list) else self._tags_of(_shown(value))
            elif name == MERGED:
                attributes.update(_named(value) if isinstance(value, dict) else _merged(_shown(value)) if value else {})
            elif name not in NO_ATTRIBUTE and value is not None:
                attributes[name] = value
        if not isinstance(email, str):
            raise ValueError("the address is no text")
        inner = attributes.pop(TAGS, None)
        if isinstance(inner, list):
            tags += listed_tags(inner)
        state, words = self._said_of_values(values)
        found = checked_tags(tags) if tags else ()
        return Row(line, parse_address(email), attributes, found, state, self._part, words)

    def _said_of_values(self, values: Mapping[str, Any]) -> Said:
        if self._rule is nothing_said:
            return nothing_said(())
        titles = {_title(title).folded: title for title in values} if self._state_titles else {}
        return self._said_of(tuple(_shown(values.get(titles.get(title, ""))) for title in self._state_titles))

    def _is_plain(self, record: Record) -> bool:
        """Nearly every row: nothing in it that `_fault` could find."""
        together = "".join(record.cells)
        return (
            len(record.cells) <= self._width
            and not self._surplus_at
            and len(together) <= LONGEST_CELL
            and together.isprintable()
            and "\ufffd" not in together
        )

    def _fault(self, record: Record) -> str:
        width = self._width
        if any(map(str.strip, record.cells[width:])):
            return f"{len(record.cells)} cells, where the file has {width} columns"
        if any(record.cells[at].strip() for at in self._surplus_at if at < len(record.cells)):
            return "cells under extra_1 and the like, which belong to no column"
        if max(map(len, record.cells), default=0) > LONGEST_CELL:
            return f"a cell is longer than {LONGEST_CELL} characters"
        if record.last_line > record.line and any(_swallowed(cell, self._delimiter) for cell in record.cells):
            return (
                f"a cell holds what looks like whole rows, up to line {record.last_line}: "
                "probably a quotation mark that is closed too late"
            )
        together = "".join(record.cells)
        if "\ufffd" in together:
            return f"bytes that are not {self._encoding or 'text'}"
        if _has_controls(together):
            return "an unprintable character, such as NUL"
        return ""


def _pieces(table: Table) -> Iterator[Table]:
    """The rows in pieces; text of its own for each, so that what is peculiar of one row is not of all."""
    lines = table.text.split("\n")
    for start in range(0, len(table.rows), _PIECE):
        end = start + _PIECE
        yield Table(table.first_line + start, table.rows[start:end], "\n".join(lines[start:end]))


def _merged(cell: str) -> dict[str, Any]:
    """The attributes in a cell of JSON."""
    try:
        found = strict_json(cell)
    except ValueError as error:
        raise ValueError(f"the attributes are not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("the attributes are not a JSON object")
    if fault := json_fault(found):
        raise ValueError(fault)
    return _named(found)


class _Title(NamedTuple):
    """The name of a value in a JSON object: what it is called here, how it compares, and what is wrong with it."""

    name: str
    folded: str
    fault: str


_titles: dict[str, _Title] = {}


def _title(text: str) -> _Title:
    """Found out once: the names in most objects are the same few."""
    found = _titles.get(text)
    if found is None:
        found = _Title(attribute_name(text), folded(text), json_fault(text))
        if len(_titles) < _MOST_REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
            _titles[text] = found
    return found


def _named(found: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {}
    for title, value in found.items():
        name = _title(title).name
        if name and value is not None:
            attributes[f"imported_{name}" if name in TAKEN else name] = value
    return attributes


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _has_controls(text: str) -> bool:
    bare = text.translate(_KEPT_CONTROLS)
    return len(bare.translate(_CONTROLS)) < len(bare)


def _swallowed(cell: str, delimiter: str) -> bool:
    """A note may well run over lines; a line of it with an @ and a delimiter is somebody else's row."""
    return any("@" in line and delimiter in line for line in cell.splitlines()[1:])
