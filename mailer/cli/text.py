"""Text for a terminal: cleaned of what could command it, measured in cells, laid out in columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

# ECMA-48: CSI ... final byte; OSC, DCS, SOS, PM and APC up to BEL or ST; two-character escapes.
# The C1 forms (one byte 0x80-0x9f in 8-bit terminals) are the same commands without the ESC.
ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Line breaks of every kind and tabs become a space: one text is one line, whatever it contains.
BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# Controls, and the bidirectional overrides that show a text in another order than it has (CVE-2021-42574).
# Joiners and the plain direction marks stay: Persian and Hindi need them.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")

# Rows that are looked at before the first is printed. Later ones may be wider and then stick out.
MEASURED = 500
GAP = "  "


def clean(text: str) -> str:
    """One line of text that commands no terminal."""
    if text.isascii() and text.isprintable():
        return text
    return CONTROLS.sub("", BREAKS.sub(" ", ESCAPES.sub("", text)))


def cells(text: str) -> int:
    """How many columns a terminal uses for it: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(letter) in ("Mn", "Me", "Cf") else 2 if east_asian_width(letter) in "WF" else 1 for letter in text
    )


def cut(text: str, width: int) -> str:
    """The text, shortened with an ellipsis where it needs more than `width` cells."""
    if cells(text) <= width:
        return text
    kept = text
    while kept and cells(kept) > width - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def shown(value: Any) -> str:
    """A cell as a person reads it: nothing for None, minutes and zone for a time."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M")
        case tuple() | list():
            return ", ".join(shown(part) for part in value)
    return clean(str(value))


@dataclass(frozen=True, slots=True)
class Table:
    headers: tuple[str, ...]
    rows: Iterable[Sequence[Any]]
    right: frozenset[str] = frozenset()


def render_table(table: Table, width: int | None = None) -> Iterator[str]:
    """The lines of the table, header first. With `width` the widest column gives way until a line fits."""
    texts = (tuple(shown(value) for value in row) for row in table.rows)
    first = [table.headers, *islice(texts, MEASURED)]
    widths = [max(cells(row[column]) for row in first) for column in range(len(table.headers))]
    if width is not None:
        widths = fitted(widths, width)
    right = [header in table.right for header in table.headers]
    for row in chain(first, texts):
        placed = (cut(text, room) if width else text for text, room in zip(row, widths, strict=True))
        yield GAP.join(map(pad, placed, widths, right)).rstrip()


def pad(text: str, width: int, right: bool) -> str:
    filling = " " * (width - cells(text))
    return filling + text if right else text + filling


def fitted(widths: list[int], width: int) -> list[int]:
    """Takes from the widest column, one cell after the other, until all fit or none is worth cutting."""
    fitting = list(widths)
    excess = sum(fitting) + len(GAP) * (len(fitting) - 1) - width
    while excess > 0 and max(fitting) > 12:
        widest = fitting.index(max(fitting))
        fitting[widest] -= 1
        excess -= 1
    return fitting
