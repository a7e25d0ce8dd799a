"""What a stored value is when it is compared: as a text, a number, a day, yes or no.

An attribute may be anything that JSON can say. The value it is compared with decides which of these forms counts; a
value without that form is a value that does not match. `store/dialect.py` says the same in SQL, and a property test
holds them together, which is why every rule here is one that two databases can keep to the last digit.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from mailer.audience.segment.nodes import Day, Moment, Op, Span
from mailer.audience.segment.words import DECIMALS

LARGEST = 10**14
"""Numbers from here on have no form: with four decimals they would not fit 64 bits."""

LARGEST_TEXT = 10**15
"""Whole numbers from here on have no text form: databases begin to write them in different ways."""

YES, NO = frozenset({"true", "yes"}), frozenset({"false", "no"})

_NUMBER = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,15})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
MICROSECOND = timedelta(microseconds=1)


def ascii_lower(text: str) -> str:
    """Without the capitals A to Z: what every database agrees on."""
    return text.translate(_SMALL)


def spellings(text: str) -> tuple[str, ...]:
    """The ways of writing a tag that count as the same: with and without capitals."""
    ways = (text, text.lower(), text.upper(), text.casefold(), text.capitalize(), text.title())
    return tuple(sorted({ascii_lower(way) for way in ways}))


def text_form(value: Any) -> str | None:
    """Texts, whole numbers, and `true` or `false`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < LARGEST_TEXT:
        return str(value)
    return None


def number_form(value: Any) -> int | None:
    """Numbers and texts that read as plain ones, in ten-thousandths; what is beyond is cut off."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value * 10**DECIMALS if abs(value) < LARGEST else None
    if isinstance(value, float):
        written = repr(value)
        if "e-" in written:
            return 0
        return _scaled(written) if abs(value) < LARGEST else None
    return _scaled(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _scaled(written: str) -> int:
    whole, _, decimals = written.partition(".")
    return int(whole + decimals[:DECIMALS].ljust(DECIMALS, "0"))


def day_form(value: Any) -> str | None:
    """The first ten characters of a text, where they look like a day."""
    return value[:10] if isinstance(value, str) and _DAY.match(value) else None


def truth_form(value: Any) -> bool | None:
    """JSON's own, and the words for it."""
    if isinstance(value, bool):
        return value
    word = ascii_lower(value) if isinstance(value, str) else ""
    return True if word in YES else False if word in NO else None


def is_set(value: Any) -> bool:
    """Whether there is something: no null, no empty text, list or object."""
    return value is not None and (not isinstance(value, str | list | Mapping) or len(value) > 0)


def elements(value: Any) -> tuple[str, ...] | None:
    """The texts of a list; None when it is no list."""
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else None


def day_text(literal: Day | Span, now: datetime) -> str:
    """The day that is meant, as it is compared."""
    return (literal.value if isinstance(literal, Day) else (now + literal.value).astimezone(UTC).date()).isoformat()


Bounds = tuple[datetime | None, datetime | None]


def bounds(op: Op, literal: Day | Moment | Span, now: datetime) -> Bounds:
    """The moments for which a comparison holds: from the first, to before the second. A day lasts until the next."""
    start = _start(literal, now)
    end = start + (timedelta(days=1) if isinstance(literal, Day) else MICROSECOND)
    match op:
        case Op.EQ:
            return start, end
        case Op.LT:
            return None, start
        case Op.LE:
            return None, end
        case Op.GT:
            return end, None
        case Op.GE:
            return start, None


def _start(literal: Day | Moment | Span, now: datetime) -> datetime:
    match literal:
        case Day(day):
            return datetime.combine(day, time(), UTC)
        case Moment(moment):
            return moment
        case Span(span):
            return now + span
