"""Rows as both databases must have them: what a column holds, one text for each row, and a checksum over all.

The text is the one that COPY of PostgreSQL reads. Equal values give equal texts, whichever database they come from.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from mailer.errors import StoreError
from mailer.store.columns import UtcDateTime

Row = tuple[Any, ...]

# What the text format of COPY gives a meaning of its own, and what stands there for no value.
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_NULL = "\\N"
# An escaped U+0000 or half of a surrogate pair, and not a backslash before the letters of one.
_NO_TEXT = re.compile(r"(?<!\\)(?:\\\\)*\\u0000|[\ud800-\udfff]")


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    TEXT = "text"
    JSON = "json"
    TRUTH = "truth"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Shape:
    """A table to be moved: its columns in their order, what they hold, and its key."""

    table: sa.Table
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    key: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def numbered(self) -> bool:
        """Whether the database numbers its rows by itself."""
        return self.key == ("id",)

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """The columns that hold one of these."""
        return tuple(name for name, kind in zip(self.names, self.kinds, strict=True) if kind in kinds)


def shape_of(table: sa.Table) -> Shape:
    """How a table is moved. StoreError for a column of a type that nobody thought of here."""
    names = tuple(column.name for column in table.columns)
    kinds = tuple(kind_of(column) for column in table.columns)
    return Shape(table, names, kinds, tuple(column.name for column in table.primary_key.columns))


def kind_of(column: sa.Column[Any]) -> Kind:
    held = column.type
    if isinstance(held, UtcDateTime | sa.Integer):
        return Kind.NUMBER
    # Before texts: SQLAlchemy's enumerations are texts, and JSON is neither.
    for known, kind in ((sa.JSON, Kind.JSON), (sa.Boolean, Kind.TRUTH), (sa.String, Kind.TEXT)):
        if isinstance(held, known):
            return kind
    if isinstance(held, sa.LargeBinary):
        return Kind.BYTES
    raise StoreError(f"column {column.table.name}.{column.name} cannot be moved: nobody said how")


def canonical_json(text: str | None) -> str | None:
    """One text for one value: names sorted, numbers as PostgreSQL keeps them."""
    return None if text is None else _write(_read(text))


def has_no_text_there(text: str) -> bool:
    """Whether JSON holds a letter that PostgreSQL cannot keep."""
    return _NO_TEXT.search(_write(_read(text))) is not None


def _number(text: str) -> float | int:
    """A number with a fraction or an exponent. PostgreSQL writes 1e+22 out, and knows no zero below zero."""
    if "e" not in text and "E" not in text:
        return float(text) or 0.0
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    return int(number) if isinstance(exponent, int) and exponent >= 0 else float(number) or 0.0


_read: Callable[[str], Any] = json.JSONDecoder(parse_float=_number).decode
_write: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def canonical(shape: Shape, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows with their JSON in its one form."""
    if Kind.JSON not in shape.kinds or not rows:
        return rows
    columns = zip(shape.kinds, zip(*rows, strict=True), strict=True)
    return list(zip(*(map(canonical_json, held) if kind is Kind.JSON else held for kind, held in columns), strict=True))


def written(shape: Shape, rows: Sequence[Row]) -> str:
    """The rows as lines of COPY. By columns: a question that is asked of ten thousand values at once costs nothing."""
    columns = (_WRITERS[kind](held) for kind, held in zip(shape.kinds, zip(*rows, strict=True), strict=True))
    return "".join([f"{line}\n" for line in map("\t".join, zip(*columns, strict=True))])


def _numbers(values: Sequence[Any]) -> Sequence[str]:
    if None in values:
        return [_NULL if value is None else str(value) for value in values]
    return list(map(str, values))


def _texts(values: Sequence[Any]) -> Sequence[str]:
    # Nearly no text has one of the letters that mean something.
    if None not in values:
        whole = "".join(values)
        if whole.isprintable() and "\\" not in whole:
            return values
    return [_NULL if value is None else value.translate(_ESCAPES) for value in values]


def _bytes(values: Sequence[Any]) -> Sequence[str]:
    return [_NULL if value is None else f"\\\\x{bytes(value).hex()}" for value in values]


_WRITERS: Mapping[Kind, Callable[[Sequence[Any]], Sequence[str]]] = {
    Kind.NUMBER: _numbers,
    Kind.TRUTH: _numbers,
    Kind.TEXT: _texts,
    Kind.JSON: _texts,
    Kind.BYTES: _bytes,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """A table in two values: how many rows, and a checksum over all of them in the order of their keys."""

    rows: int
    checksum: str


class Sum:
    """A tally in the making."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, rows: int, lines: str) -> None:
        self.rows += rows
        self._hash.update(lines.encode("utf-8", "surrogatepass"))

    def tally(self) -> Tally:
        return Tally(self.rows, self._hash.hexdigest())
