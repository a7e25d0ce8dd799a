"""Everything in a mail that may name the mail of ours that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mailer.bounces.facts import Named
from mailer.bounces.opened import Mail, header, headers, outside, returned, text_of

MOST: Final = 50

_ENVELOPE = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To", "Cc", "Received")
# A bounce address with its token, which is base32; ours are told from others where the keys are.
_ADDRESS = re.compile(r"[A-Za-z0-9._%=-]{1,64}\+[A-Za-z2-7]{16,40}@[A-Za-z0-9._-]{1,253}")
_OURS = re.compile(r"(?<![0-9A-Za-z.])(?:[1-9]\d{0,17}\.[0-9a-f]{16}|confirm\.[0-9a-f]{32})@[A-Za-z0-9._-]{1,253}")


def named(mail: Mail, data: bytes, recipients: Sequence[str] = ()) -> Named:
    """What may name our mail: first where it was sent to, then what it brings back, then anywhere.

    `recipients`: whom it was delivered to, as the mail server says, where it does.
    """
    theirs = list(returned(mail))
    places = [
        *recipients,
        *(value for name in _ENVELOPE for value in headers(mail, name)),
        *(header(inner, name) for inner in theirs for name in ("Message-ID", "Return-Path", "X-Envelope-From")),
        *(header(mail, name) for name in ("X-Returned-Message-ID", "In-Reply-To", "References")),
        # Whatever no standard has a place for.
        *(text_of(part) for part in outside(mail) if part.get("Content-Transfer-Encoding") is not None),
        data.decode("ascii", "replace"),
    ]
    return Named(_found(_ADDRESS, places), _found(_OURS, places))


def _found(pattern: re.Pattern[str], places: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in _each(pattern, places):
        found.setdefault(text)
        if len(found) == MOST:
            break
    return tuple(found)


def _each(pattern: re.Pattern[str], places: Iterable[str]) -> Iterator[str]:
    for place in places:
        for match in pattern.finditer(place):
            yield match[0]
