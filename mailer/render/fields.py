"""What templates find of recipients: their fields cleaned, for one recipient or for many at once.

Many at once are kept by columns: a field is looked up and cleaned when a template asks for it and not before, for all
of them in one go, because asking once whether a thousand texts are harmless takes no longer than asking it of five.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import escape

SEPARATOR = "\x00"
"""Parts texts that are worked on together; it is taken out of all data and of all constants."""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]+")
"""What no mail may contain, whatever an import let in: control characters other than tab and newline, surrogates."""

PLAIN_KINDS = frozenset({str, type(None)})

Values = Mapping[str, Any]
Asked = tuple[str, str]
"""A field that a template asks for: of what (`subscriber` or `links`), and its name."""


def clean(value: Any) -> Any:
    """Recipient data as it may stand in a mail."""
    if isinstance(value, str):
        return value if value.isprintable() else CONTROL.sub(" ", value)
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return value


def has_value(value: Any) -> bool:
    """An empty text counts as missing, so that `default("friend")` works for it."""
    return value is not None and value != ""


def clean_fields(values: Values) -> dict[str, Any]:
    """The fields that have a value."""
    return {key: clean(value) for key, value in values.items() if has_value(value)}


def escaped(texts: list[str]) -> list[str]:
    """The texts escaped for HTML, all at once: one call instead of one for each, eight times as fast. The same list
    where there is nothing to escape."""
    whole = SEPARATOR.join(texts)
    safe = str(escape(whole))
    if safe == whole:
        return texts
    found = safe.split(SEPARATOR)
    return found if len(found) == len(texts) else [str(escape(text)) for text in texts]


class FieldColumns:
    """The fields of several recipients. `own` goes before the attributes; `links` is what is found under `links`.

    A column in which nothing is to be changed stays the list it was.
    """

    def __init__(
        self,
        attributes: Sequence[Values],
        own: Mapping[str, list[Any]],
        links: Mapping[str, list[str]],
    ) -> None:
        self.attributes = attributes
        self.own = own
        self.links = links
        self._fields: dict[Asked, list[Any]] = {}
        self._plain: dict[Asked, bool] = {}
        self._texts: dict[tuple[Asked, Any, bool], list[str] | None] = {}

    def __len__(self) -> int:
        return len(self.attributes)

    def field(self, asked: Asked) -> list[Any]:
        """A field of everybody, cleaned; None for whom it has no value."""
        if asked not in self._fields:
            self._fields[asked] = self._clean(asked, self._raw(asked))
        return self._fields[asked]

    def plain(self, asked: Asked) -> bool:
        """Whether a field is text for all who have it."""
        self.field(asked)
        return self._plain[asked]

    def texts(self, asked: Asked, default: Any, *, html: bool) -> list[str] | None:
        """A field as it is printed, escaped for `html`; None when somebody has neither a value nor a default."""
        key = (asked, (type(default), default), html)
        if key not in self._texts:
            self._texts[key] = self._printed(asked, default, html=html)
        return self._texts[key]

    def each(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Everybody's fields and links as templates see them, one after the other."""
        for index, attributes in enumerate(self.attributes):
            own = {name: column[index] for name, column in self.own.items()}
            links = {name: column[index] for name, column in self.links.items()}
            yield clean_fields({**attributes, **own}), clean_fields(links)

    def _raw(self, asked: Asked) -> list[Any]:
        root, name = asked
        known = self.links if root == "links" else self.own
        if name in known:
            return known[name]
        if root == "links":
            return [None] * len(self)
        return [attributes.get(name) for attributes in self.attributes]

    def _clean(self, asked: Asked, raw: list[Any]) -> list[Any]:
        self._plain[asked] = set(map(type, raw)) <= PLAIN_KINDS
        if self._plain[asked]:
            if not "".join(filter(None, raw)).isprintable():
                return [clean(value) or None for value in raw]
            return [value or None for value in raw] if "" in raw else raw
        return [clean(value) if has_value(value) else None for value in raw]

    def _printed(self, asked: Asked, default: Any, *, html: bool) -> list[str] | None:
        if html:
            texts = self.texts(asked, default, html=False)
            return None if texts is None else escaped(texts)
        values = self.field(asked)
        if None in values:
            if default is None:
                return None
            values = [default if value is None else value for value in values]
        if self._plain[asked] and isinstance(default, str | None):
            return values
        return [value if isinstance(value, str) else str(value) for value in values]
