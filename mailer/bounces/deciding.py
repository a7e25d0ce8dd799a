"""What follows from a report about a mail of ours, now that it is known whom that mail went to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from mailer.audience.address import parse_address
from mailer.bounces.facts import Action, Fate, Reading, What
from mailer.delivery.bounced import classify
from mailer.model import Cause, EventKind

LONGEST_DETAIL: Final = 300

_ADDRESS = re.compile(r"[^\s<>()\[\]\"';:,]+@[^\s<>()\[\]\"';:,]+")
_XTEXT = re.compile(r"\+([0-9A-Fa-f]{2})")
_WORSE: Final = (Action.PASSED, Action.DELIVERED, Action.DELAYED, Action.FAILED)


class Verdict(NamedTuple):
    """What happened to the mail. `detail` is for people and carries no address."""

    kind: EventKind
    cause: Cause | None
    detail: str


def verdict(reading: Reading, email_key: str, codes: Mapping[str, str]) -> Verdict | None:
    """What the mail that was read says about ours; None when nothing follows from it.

    `email_key`: whom ours went to; empty when that is not known any more.
    """
    if reading.what is What.COMPLAINT:
        return Verdict(EventKind.COMPLAINED, None, reading.why)
    if reading.what is What.OPT_OUT:
        return Verdict(EventKind.UNSUBSCRIBED, None, reading.why)
    if reading.what is not What.REPORT or not reading.fates:
        return None
    theirs = [fate for fate in reading.fates if about(fate, email_key)]
    if theirs:
        return _of_fate(max(theirs, key=_badness), codes)
    # The address took the mail and passed it on: to somebody at least, and where it went is none of ours.
    found = _of_fate(min(reading.fates, key=_badness), codes)
    if found and found.kind is EventKind.BOUNCED_HARD:
        return Verdict(EventKind.BOUNCED_SOFT, Cause.UNKNOWN, f"behind the address: {found.detail}"[:LONGEST_DETAIL])
    return found


def about(fate: Fate, email_key: str) -> bool:
    """Whether it is about this address: by its name, by another host's name for it, or without saying."""
    return not fate.addresses or not email_key or any(_same(address, email_key) for address in fate.addresses)


def _same(address: str, email_key: str) -> bool:
    for text in (address, _XTEXT.sub(lambda found: chr(int(found[1], 16)), address)):
        try:
            key = parse_address(text).key
        except ValueError:
            key = text
        local, _, domain = key.rpartition("@")
        own_local, _, own_domain = email_key.rpartition("@")
        # Servers name the host behind the domain as well.
        if local == own_local and (f".{domain}".endswith(f".{own_domain}") or f".{own_domain}".endswith(f".{domain}")):
            return True
    return False


def _badness(fate: Fate) -> int:
    return _WORSE.index(fate.action)


def _of_fate(fate: Fate, codes: Mapping[str, str]) -> Verdict | None:
    if fate.action is Action.DELAYED:
        return Verdict(EventKind.DEFERRED, None, detail(fate))
    if fate.action is Action.DELIVERED:
        return Verdict(EventKind.DELIVERED, None, detail(fate))
    if fate.action is Action.PASSED:
        return None
    bounce = classify(fate.status, fate.text, codes)
    return Verdict(bounce.kind, bounce.cause, detail(fate))


def detail(fate: Fate) -> str:
    """The status and what a server said, in one line without addresses."""
    said = "".join(letter if letter.isprintable() else " " for letter in fate.text)
    status = "" if fate.status in said else fate.status
    return " ".join(f"{status} {_ADDRESS.sub('(address)', said)}".split())[:LONGEST_DETAIL]
