"""What somebody asks to change of people: `city=Oslo`, `age:=34`, a tag more, a tag less. Pure, so that it can be
tried on everybody before it is done to anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from mailer.audience.columns import attribute_name
from mailer.audience.ownfile import TAKEN
from mailer.audience.tagging import checked_tag, with_tags, without_tags
from mailer.wording import quoted

TAGS = "tags"
LONGEST_VALUE = 10_000
# As JSON writes it; behind an even number of backslashes, or it is the text of one.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_EMPTY: tuple[Any, ...] = (None, "", [], {})
BY_COMMANDS = "tags are given by `subscribers tag` and taken by `subscribers untag`"
ON_THEIR_OWN = "tags are no attribute: they are told on their own"


@dataclass(frozen=True, slots=True)
class Edit:
    """Values to set, names to take away, tags to give and to take."""

    values: Mapping[str, Any] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()

    def applied(self, old: Mapping[str, Any]) -> dict[str, Any] | None:
        """The attributes afterwards; None when that changes nothing."""
        new = {name: value for name, value in old.items() if name not in self.unset}
        changed = len(new) != len(old)
        for name, value in self.values.items():
            if name not in new or not same(new[name], value):
                new[name], changed = value, True
        if self.tag or self.untag:
            changed |= self._tagged(new)
        return new if changed else None

    def _tagged(self, attributes: dict[str, Any]) -> bool:
        old = tags_of(attributes)
        new = with_tags(without_tags(old, self.untag), self.tag)
        if new == old:
            return False
        if new:
            attributes[TAGS] = list(new)
        else:
            del attributes[TAGS]
        return True


def tags_of(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of a person."""
    tags = attributes.get(TAGS)
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON. For Python alone, 1 and True are equal, and 1 and 1.0."""
    if type(one) is not type(other):
        return False
    return (
        one == other if isinstance(one, str) else json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


def parse_edit(settings: Sequence[str], unset: Sequence[str] = ()) -> Edit:
    """The edit that `KEY=VALUE`, `KEY:=JSON` and names to unset ask for; the last word counts.

    ValueError says what is wrong.
    """
    values: dict[str, Any] = dict(map(parse_assignment, settings))
    gone = frozenset(_name(key) for key in unset)
    if both := sorted(gone & set(values)):
        raise ValueError(f"{both[0]} is both set and unset")
    return Edit(values, gone)


def edit_of(
    values: Mapping[str, Any], unset: Sequence[str] = (), tag: Sequence[str] = (), untag: Sequence[str] = ()
) -> Edit:
    """The edit that a program asks for, whose values are JSON already. ValueError says what is wrong, and where."""
    new = {_name(key, ON_THEIR_OWN): value for key, value in values.items()}
    if len(new) != len(values):
        raise ValueError("two of the names are the same attribute")
    for name, value in new.items():
        new[name] = _plain_value(name, value)
    gone = frozenset(_name(key, ON_THEIR_OWN) for key in unset)
    if both := sorted(gone & set(new)):
        raise ValueError(f"{both[0]} is both set and unset")
    return Edit(new, gone, tuple(map(checked_tag, tag)), tuple(map(checked_tag, untag)))


def _plain_value(name: str, value: Any) -> Any:
    if (value.strip() if isinstance(value, str) else value) in _EMPTY:
        raise ValueError(f"{name} has no value")
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except (ValueError, RecursionError):
        raise ValueError(f"{name}: the value is no JSON") from None
    if _NUL.search(written):
        raise ValueError(f"{name}: the value holds control characters")
    _check_length(name, written)
    return _text(name, value) if isinstance(value, str) else value


def parse_assignment(setting: str) -> tuple[str, Any]:
    """The attribute and its value: text after `=`, JSON after `:=`."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise ValueError(f"{quoted(setting)} has no =; attributes are set as KEY=VALUE, or KEY:=JSON")
    typed = key.endswith(":")
    name = _name(key.removesuffix(":") if typed else key)
    value = _json(name, text) if typed else _text(name, text)
    if value in _EMPTY:
        raise ValueError(f"{name} gets no value; to take it away: --unset {name}")
    return name, value


def _name(key: str, about_tags: str = BY_COMMANDS) -> str:
    name = attribute_name(key)
    if not name:
        raise ValueError(f"{quoted(key)} is no name: it has neither letter nor digit")
    if name == TAGS:
        raise ValueError(about_tags)
    if name in TAKEN:
        raise ValueError(f"{name} cannot be set: it is the program's to say")
    return name


def _text(name: str, text: str) -> str:
    value = text.strip()
    if not value.replace("\t", " ").replace("\n", " ").isprintable():
        raise ValueError(f"{name}: the value holds control characters")
    _check_length(name, value)
    return value


def _json(name: str, text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant)
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except (ValueError, RecursionError):
        raise ValueError(f'{name}:= is followed by JSON: a number, true, false, "text", a list or an object') from None
    if _NUL.search(written):
        raise ValueError(f"{name}: the value holds control characters")
    _check_length(name, written)
    return value.strip() if isinstance(value, str) else value


def _check_length(name: str, written: str) -> None:
    if len(written) > LONGEST_VALUE:
        raise ValueError(f"{name}: the value is longer than {LONGEST_VALUE:,} characters")


def _no_constant(word: str) -> NoReturn:
    raise ValueError(word)
