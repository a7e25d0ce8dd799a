"""What SendGrid's event webhook posts -> events in the program's words. Pure.

A post is a JSON array. The same event may come again, weeks of them may come at once, in any order, and a retry may
have another `sg_event_id`: so the key of an event is made of what it says. Our arguments stand among its own fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import orjson

from mailer.delivery.bounced import KIND_OF, Bounce, classify
from mailer.delivery.events import Event
from mailer.model import Cause, EventKind, Reader
from mailer.providers.sendgrid.reply import LONGEST_DETAIL, one_line
from mailer.providers.sendgrid.request import BATCH_ARGUMENT, DELIVERY_ARGUMENT

KINDS: Mapping[str, EventKind] = {
    "processed": EventKind.PROCESSED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "bounce": EventKind.BOUNCED_SOFT,  # until it is looked at, see `_bounce`
    "dropped": EventKind.DROPPED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}
"""Any other is kept by its name, and nothing follows from it. So it is with `group_resubscribe`: who wants to come back
presses a button of ours, which is what shows that they agreed."""

# SendGrid's words for whose fault a bounce is, in `bounce_classification`.
INVALID = "invalid address"
CONTENT = "content"
OURS = frozenset({"reputation", "frequency or volume too high"})
# Seconds since 1970 until the year 2100; a number beyond is no time, or in other units.
LATEST = 4_102_444_800
MOST_FAULTS = 20
LONGEST_NAME = 40
# In 64 bits there is room for 18 digits.
LONGEST_NUMBER = 19


@dataclass(frozen=True, slots=True)
class Report:
    """What stood in a post or a file of them.

    `foreign`: events of mails that are not ours; `others`: what is about no mail, by name; `faults`: what cannot be
    read, with its place, the first of them in words.
    """

    events: tuple[Event, ...]
    foreign: int
    others: Mapping[str, int]
    faults: tuple[str, ...]
    faulty: int


class Unreadable(ValueError):
    """An event that says nothing which can be used. The message carries nothing of it."""


def read(body: bytes, codes: Mapping[str, str] = MappingProxyType({})) -> Report:
    """The events of a post, or of a file with a post or an event in each line.

    `codes`: the organisation's own word for whose fault a status is.
    """
    events: list[Event] = []
    others: Counter[str] = Counter()
    faults: list[str] = []
    foreign = faulty = 0
    for place, found in _entries(body):
        try:
            if isinstance(found, Unreadable):
                raise found
            event = one(found, codes)
        except Unreadable as error:
            faulty += 1
            if faulty <= MOST_FAULTS:
                faults.append(f"{place}: {error}")
            continue
        if isinstance(event, Event):
            events.append(event)
        elif event:
            others[event] += 1
        else:
            foreign += 1
    return Report(tuple(events), foreign, dict(others), tuple(faults), faulty)


def one(found: Any, codes: Mapping[str, str] = MappingProxyType({})) -> Event | str:
    """One event; the name of one that is about no mail, and an empty text for a mail that is not ours."""
    if not isinstance(found, dict):
        raise Unreadable("not an object")
    name = _text(found, "event")
    if not name:
        raise Unreadable("says no event")
    if name.startswith("account_"):
        return named(name)
    reference = _text(found, DELIVERY_ARGUMENT)
    if not reference:
        return ""
    at = _time(found.get("timestamp"))
    kind, cause = _bounce(found, codes) if name == "bounce" else (KINDS.get(name, EventKind.OTHER), None)
    return Event(
        reference,
        kind,
        at,
        _key(reference, name, found),
        _detail(name, found),
        _number(found, BATCH_ARGUMENT),
        cause,
        everywhere=name == "unsubscribe",
        reader=Reader.MACHINE if found.get("sg_machine_open") is True else Reader.HUMAN,
    )


def _entries(body: bytes) -> Iterator[tuple[str, Any]]:
    """Each event with its place for people. A file is one JSON value, or one in each line."""
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        for number, line in enumerate(body.splitlines(), 1):
            if line.strip():
                yield from _of_line(f"line {number}", line)
        return
    for number, found in enumerate(whole if isinstance(whole, list) else [whole], 1):
        yield f"event {number}", found


def _of_line(place: str, line: bytes) -> Iterator[tuple[str, Any]]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        yield place, Unreadable("not JSON")
        return
    for each in found if isinstance(found, list) else [found]:
        yield place, each


def _bounce(found: Mapping[str, Any], codes: Mapping[str, str]) -> Bounce:
    word = _text(found, "bounce_classification").casefold()
    bounce = classify(
        _text(found, "status"),
        _text(found, "reason"),
        codes,
        blocked=_text(found, "type") == "blocked" or word in OURS,
        invalid=word == INVALID,
    )
    if word == CONTENT and bounce.cause in (Cause.POLICY, Cause.UNKNOWN):
        return Bounce(KIND_OF[Cause.CONTENT], Cause.CONTENT)
    return bounce


def _key(reference: str, name: str, found: Mapping[str, Any]) -> str:
    """The same for every report of the same thing, whichever number it is reported under.

    Two clicks on different links may be of the same second, and so may two attempts.
    """
    parts = (reference, name, *(str(found.get(field, "")) for field in ("timestamp", "url", "attempt", "type")))
    return f"sendgrid:{sha256(orjson.dumps(parts)).hexdigest()[:32]}"


def _detail(name: str, found: Mapping[str, Any]) -> str:
    """What is said of it, for people: no address, no network number, and not what was clicked on."""
    match name:
        case "bounce" | "dropped":
            words = f"{_text(found, 'status')} {_text(found, 'reason')}"
        case "deferred" | "delivered":
            words = _text(found, "response")
        case "open" if found.get("sg_machine_open") is True:
            words = "by a machine, not a reader"
        case "unsubscribe" | "group_unsubscribe":
            words = "through the provider's own link"
        case _:
            words = "" if name in KINDS else named(name)
    return one_line(words)[:LONGEST_DETAIL]


def named(name: str) -> str:
    """The name of an event that we do not know: somebody else's word, so it is kept short."""
    return one_line(name)[:LONGEST_NAME]


def _number(found: dict[str, Any], name: str) -> int:
    """A number of ours, which comes back as text; 0 for anything else."""
    text = _text(found, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER else 0


def _time(value: Any) -> datetime:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 0 < int(text[:30]) < LATEST:
        raise Unreadable("its time is not a number of seconds")
    return datetime.fromtimestamp(int(text[:30]), UTC)


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""
