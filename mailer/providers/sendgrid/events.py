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
from typing import Any

import orjson

from mailer.delivery.events import Event, bounce_kind
from mailer.model import EventKind
from mailer.providers.sendgrid.reply import LONGEST_DETAIL, one_line
from mailer.providers.sendgrid.request import BATCH_ARGUMENT, DELIVERY_ARGUMENT

KINDS: Mapping[str, EventKind] = {
    "processed": EventKind.PROCESSED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "bounce": EventKind.BOUNCED_SOFT,  # until it is looked at, see `_kind`
    "dropped": EventKind.DROPPED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}

OTHERS = frozenset({"group_resubscribe", "account_status_change"})
"""Documented as well, and nothing that happened to a mail."""

# SendGrid's word for a bounce of an address that is none.
INVALID = "invalid address"
# Seconds since 1970 until the year 2100; a number beyond is no time, or in other units.
LATEST = 4_102_444_800
MOST_FAULTS = 20
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


def read(body: bytes) -> Report:
    """The events of a post, or of a file with a post or an event in each line."""
    events: list[Event] = []
    others: Counter[str] = Counter()
    faults: list[str] = []
    foreign = faulty = 0
    for place, found in _entries(body):
        try:
            if isinstance(found, Unreadable):
                raise found
            event = one(found)
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


def one(found: Any) -> Event | str:
    """One event; the name of one that is about no mail, and an empty text for a mail that is not ours."""
    if not isinstance(found, dict):
        raise Unreadable("not an object")
    name = _text(found, "event")
    if not name:
        raise Unreadable("says no event")
    if name in OTHERS or name.startswith("account_"):
        return name
    reference = _text(found, DELIVERY_ARGUMENT)
    if not reference:
        return ""
    if name not in KINDS:
        raise Unreadable("an event of an unknown name")
    at = _time(found.get("timestamp"))
    key = _key(reference, name, found)
    return Event(reference, _kind(name, found), at, key, _detail(name, found), _number(found, BATCH_ARGUMENT))


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


def _kind(name: str, found: Mapping[str, Any]) -> EventKind:
    if name != "bounce":
        return KINDS[name]
    return bounce_kind(
        _text(found, "status"),
        _text(found, "reason"),
        blocked=_text(found, "type") == "blocked",
        invalid=_text(found, "bounce_classification").casefold() == INVALID,
    )


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
            words = ""
    return one_line(words)[:LONGEST_DETAIL]


def _number(found: dict[str, Any], name: str) -> int:
    """A number of ours, which comes back as text; 0 for anything else."""
    text = _text(found, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER else 0


def _time(value: Any) -> datetime:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 0 < int(text[:12]) < LATEST:
        raise Unreadable("its time is not a number of seconds")
    return datetime.fromtimestamp(int(text), UTC)


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""
