"""JSON from strangers: what cannot be kept in every database, or was surely not meant, is a fault with a reason."""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 16
_LARGEST = 1 << 63
# So many digits of a floating-point number count, and so many it has at most before its point.
_SIGNIFICANT, _LONGEST_NUMBER = 17, 309
_LONGEST = 64 * 1024


def strict_json(text: str, *, with_line: bool = False) -> Any:
    """The value. ValueError with one short reason: not JSON, NaN, a name twice, too deep, a number too long."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if with_line else f"column {error.colno}"
        raise ValueError(f"{place}: {error.msg[:1].lower()}{error.msg[1:]}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _whole(digits: str) -> int | float:
    if len(digits) <= 20 and -_LARGEST <= (number := int(digits)) < _LARGEST:
        return number
    # PostgreSQL writes 1e30 with all its zeros.
    if len(digits.lstrip("-").rstrip("0")) <= _SIGNIFICANT and len(digits) < _LONGEST_NUMBER:
        return float(digits)
    raise ValueError("a number has more digits than can be kept")


# Made once: it costs more than reading a line with it.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_whole)


def json_fault(value: Any, depth: int = 0) -> str:
    """Why the value cannot be an attribute; empty when it can."""
    kind = type(value)
    if kind is str:
        return "" if value.isascii() and value.isprintable() and len(value) <= _LONGEST else _text_fault(value)
    if kind is int or kind is bool or value is None:
        return ""
    match value:
        case float() if value != value or value in (float("inf"), float("-inf")):
            return "a number is too large"
        case dict() | list() if depth >= DEEPEST:
            return "it is nested too deeply"
        case dict():
            inner = [*value, *value.values()]
        case list():
            inner = value
        case _:
            return ""
    for one in inner:
        if fault := json_fault(one, depth + 1):
            return fault
    return ""


def _text_fault(text: str) -> str:
    if len(text) > _LONGEST:
        return f"a text is longer than {_LONGEST} characters"
    if text.isprintable() and "\ufffd" not in text:
        return ""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "half of a surrogate pair, which is no character"
    if any((letter < " " and letter not in "\t\r\n") or letter == "\x7f" for letter in text):
        return "an unprintable character, such as NUL"
    return ""
