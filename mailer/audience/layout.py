"""How a subscriber file is read: what a person says of it, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, overload

# What a column becomes, beside the name of an attribute.
EMAIL, TAGS, STATE, MERGED, LEFT_OUT = "email", "tags", "(state)", "(attributes)", "-"
# In a file of refused rows: cells of a row that had more of them than there are columns. They must be empty now.
SURPLUS = "(surplus)"
NO_ATTRIBUTE = frozenset({EMAIL, TAGS, STATE, MERGED, LEFT_OUT, SURPLUS})
# How the format of a ZIP file begins.
ZIP_OF = "ZIP of "


class Content(Protocol):
    """The bytes of a file: `bytes`, or an `mmap.mmap` of a large one."""

    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, key: int, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...

    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A person's word, which goes before everything that is found.

    `mapping`: the title of a column, or its number from 1, to the name of an attribute, "email", "tags", or "-" to
    leave it out. `exporter`: the name of a program in `exporters`, or "none". `sheet`: its name, or number from 1.
    """

    encoding: str | None = None
    delimiter: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    exporter: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column and what it becomes: an attribute's name, "email", "tags", "(state)", "(attributes)", or "-"."""

    title: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Part:
    """One table: the file, a file of a ZIP, or a sheet.

    `state`: what it says of everybody in it (a `RowState`). `preview`: words to judge a supposed encoding by.
    """

    name: str
    format: str
    columns: tuple[Column, ...]
    encoding: str = ""
    delimiter: str = ""
    exporter: str = ""
    state: str = ""
    has_header: bool = True
    notes: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What the file is, for a person to look at before it is imported. `exporter`: a title such as "Mailchimp"."""

    format: str
    parts: tuple[Part, ...]
    own_notes: tuple[str, ...] = ()

    @property
    def exporter(self) -> str:
        """The program whose export it is; empty where it is nobody's that is known."""
        return next((part.exporter for part in self.parts if part.exporter), "")

    @property
    def is_archive(self) -> bool:
        """Whether its parts are files of their own; a sheet is none."""
        return self.format.startswith(ZIP_OF)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it, each said once."""
        said = (f"{part.name}: {note}" if part.name else note for part in self.parts for note in part.notes)
        return tuple(dict.fromkeys((*self.own_notes, *said)))
