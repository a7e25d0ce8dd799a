"""The columns of an exported list: which there are, and each value as a cell that an import reads back as it was.

A column of texts is written as it is. A column in which anything else was found, such as numbers, or a text that CSV
would not bring back (blanks at its ends, control characters), holds JSON, and `:=` behind its title says so, as in
`mailer subscribers set EMAIL age:=34`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from mailer.audience.edits import TAGS, tags_of
from mailer.audience.ownfile import TYPED
from mailer.audience.tagging import tag_set, tags_cell
from mailer.services.spreadsheet import safe_text

# What an import refuses, or takes for a sign that the file is damaged.
_REFUSED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")
_FIRST = frozenset("'=+-@\t\r\n＝＋－＠")
_LONGEST = 8000
# Made once: making it costs as much as using it.
write = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


class UnseenError(Exception):
    """A value that the columns, which were found by looking at some people, have no place for."""


class Columns:
    """The attributes that were found, in order of first sight, and whether each is written as JSON.

    `wanted`: those a person asked for, in her order; None for all.
    """

    def __init__(self, wanted: Iterable[str] | None = None) -> None:
        self.wanted = None if wanted is None else tuple(wanted)
        self.typed: dict[str, bool] = {}

    def look(self, attributes: Mapping[str, Any]) -> None:
        """Make place for everything that this person has."""
        typed = self.typed
        for name, value in attributes.items():
            if typed.get(name) or value is None:
                continue
            if type(value) is str and value.isprintable() and value.strip() is value:
                typed.setdefault(name, False)
            else:
                typed[name] = not (tags_are_plain(value) if name == TAGS else is_plain(value))

    def unknown(self) -> list[str]:
        """What was asked for and nobody has. Having no tags is nothing unknown."""
        return [name for name in self.wanted or () if name not in self.typed and name != TAGS]

    @property
    def names(self) -> list[str]:
        """The attributes to write; tags come first."""
        if self.wanted is not None:
            return list(self.wanted)
        return sorted(self.typed, key=lambda name: name != TAGS)

    @property
    def titles(self) -> list[str]:
        """The titles of their columns."""
        return [safe_text(name + TYPED if self.typed.get(name) else name) for name in self.names]

    def row_maker(self) -> Callable[[Mapping[str, Any]], list[str]]:
        """What makes cells of a person's attributes; it raises UnseenError for what has no place."""
        encoders = [(name, self._encoder(name)) for name in self.names]
        complete = self.wanted is None

        def row(attributes: Mapping[str, Any]) -> list[str]:
            missing = 0
            cells = []
            for name, encode in encoders:
                value = attributes.get(name)
                if value is None:
                    cells.append("")
                    missing += name not in attributes
                else:
                    cells.append(encode(value))
            if complete and len(cells) - missing != len(attributes):
                raise UnseenError
            return cells

        return row

    def _encoder(self, name: str) -> Callable[[Any], str]:
        if self.typed.get(name):
            return json_cell
        return tag_cell if name == TAGS else text_cell


def text_cell(value: Any) -> str:
    """A text as it is; nothing that a spreadsheet would run."""
    if type(value) is str and value.isprintable() and value.strip() is value:
        return safe_text(value) if value[:1] in _FIRST else value
    if not is_plain(value):
        raise UnseenError
    return safe_text(value)


def json_cell(value: Any) -> str:
    """A value as JSON on one line."""
    if type(value) is int:
        return str(value)
    text = write(value)
    if not text.isascii() or not text.isprintable():
        text = _REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # No JSON begins with a sign of a formula but a number with a minus, and as such it runs nothing.
    return text


def tag_cell(value: Any) -> str:
    """Tags, separated by commas."""
    if isinstance(value, str):
        return text_cell(value)
    try:
        return tags_text(tuple(value))
    except TypeError:
        raise UnseenError from None


@lru_cache(maxsize=4096)
def tags_text(tags: tuple[Any, ...]) -> str:
    """The cell of these tags, which many people have."""
    if not tags_are_plain(list(tags)):
        raise UnseenError
    return safe_text(tags_cell(tags))


def is_plain(value: Any) -> bool:
    """Whether a cell with this text is read as the same text."""
    if not isinstance(value, str) or value != value.strip() or len(value) > _LONGEST or _REFUSED.search(value):
        return False
    # A later line with an @ may be somebody else's row behind a quotation mark that was never closed.
    return not any("@" in line for line in value.splitlines()[1:])


def tags_are_plain(value: Any) -> bool:
    """Whether a cell with these tags is read as the same tags."""
    if not isinstance(value, list):
        return is_plain(value)
    tags = tags_of({TAGS: value})
    return value == list(tag_set(tags)) and all(tag.isprintable() and is_plain(tag) for tag in tags)
