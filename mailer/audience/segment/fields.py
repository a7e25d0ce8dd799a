"""Names in an expression: what is known of a person, and the texts it may be asked for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import NoReturn

from mailer.audience.address import parse_address
from mailer.audience.segment.nodes import Field, How, Kind, Place
from mailer.audience.segment.words import Source
from mailer.wording import quoted

KNOWN = {kind.value: kind for kind in Kind if kind is not Kind.ATTRIBUTE}
METHODS = {how.value: how for how in (How.STARTS, How.ENDS, How.CONTAINS)}
_CALLABLE = frozenset({"has", "received", "opened", "clicked", "received_within", "opened_within", "clicked_within"})
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """One expression while it is read; `flat` is what Python's parser got."""

    source: Source
    flat: str

    def place(self, node: ast.expr) -> Place:
        """Where a node stands in the author's text."""
        return Place(self._at(node.col_offset), self._at(node.end_col_offset or node.col_offset))

    def wrong(self, node: ast.expr, message: str, *, hint: str | None = None) -> NoReturn:
        self.source.wrong(self.place(node).start, message, hint=hint)

    def wrong_at(self, end: int, message: str, *, near: str) -> NoReturn:
        """A mistake at the last `near` before `end`."""
        self.source.wrong(max(self.source.text.rfind(near, 0, end), 0), message)

    def _at(self, offset: int) -> int:
        """The parser counts bytes, and the bracket before the text."""
        return len(self.flat.encode()[:offset].decode(errors="ignore")) - 1


def is_nameable(name: str) -> bool:
    """Whether an attribute of this name can be asked for; a JSON path on SQLite knows no escapes."""
    return name.isprintable() and '"' not in name and "\\" not in name and 0 < len(name) <= _LONGEST_NAME


def names_a_field(node: ast.expr) -> bool:
    """Whether this could be something known of a person."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "attributes"
    return isinstance(node, ast.Name) and node.id.lower() not in ("true", "false", "none", "null")


def field_of(reading: Reading, node: ast.expr) -> Field:
    """What a name stands for."""
    if isinstance(node, ast.Subscript):
        return _by_text(reading, node)
    if not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            reading.wrong(node, "a part of something is asked for only by .startswith(), .endswith() or .contains()")
        reading.wrong(node, "here belongs something known of a person, such as city")
    name = node.id
    if name in _CALLABLE or name == "attributes":
        example = 'attributes["name"]' if name == "attributes" else f"{name}(...)"
        reading.wrong(node, f"{quoted(name)} stands alone: write {example}")
    if not names_a_field(node) or reading.place(node).start in reading.source.values:
        reading.wrong(node, "here belongs something known of a person, such as city")
    return Field(KNOWN.get(name, Kind.ATTRIBUTE), name)


def _by_text(reading: Reading, node: ast.Subscript) -> Field:
    if not names_a_field(node):
        reading.wrong(node, 'square brackets stand only in attributes["name"] and in lists of values')
    name = node.slice.value if isinstance(node.slice, ast.Constant) else None
    if not isinstance(name, str) or not name:
        reading.wrong(node.slice, 'the name of an attribute is a text: attributes["name"]')
    if not is_nameable(name):
        reading.wrong(node.slice, "an attribute of that name cannot be asked for: no quotes, backslashes, controls")
    return Field(Kind.ATTRIBUTE, name)


def text_of(reading: Reading, node: ast.expr, field: Field) -> str:
    """A text to look for in `field`; an empty one would be in every text."""
    value = node.value if isinstance(node, ast.Constant) else None
    if not isinstance(value, str):
        reading.wrong(node, f"only a text can be looked for in {field.name}")
    if not value:
        reading.wrong(node, "an empty text is in every text")
    return value.casefold() if field.kind in (Kind.EMAIL, Kind.DOMAIN) else value


def address_text(field: Field, text: str) -> str:
    """An address or a domain as it is stored."""
    try:
        if field.kind is Kind.EMAIL:
            return parse_address(text).key
        return parse_address(f"a@{text}").key.removeprefix("a@")
    except ValueError:
        return text.casefold()
