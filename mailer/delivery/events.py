"""What a provider reports of a mail after it took it, in the program's words, and what a bounce means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from mailer.model import EventKind


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one mail.

    `reference` is what we gave the mail along, and comes from outside: whether it is one of ours must be verified.
    `key` is the same whenever the same thing is reported. `detail` is for people and carries no address. `batch`: with
    which batch the mail was handed over; 0 where the provider does not tell.
    """

    reference: str
    kind: EventKind
    at: datetime
    key: str
    detail: str = ""
    batch: int = 0

    @property
    def left(self) -> bool:
        """Whether it shows that the mail went on its way. One that was taken may still have been dropped."""
        return self.kind not in (EventKind.PROCESSED, EventKind.DROPPED)


# RFC 3463: subject and detail. The class is another matter: what is temporary may be reported as final.
_ADDRESS = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.4"})
_FULL = frozenset({"2.2", "2.3", "3.4"})
# Content and policy are about the mail and about us.
_OURS = frozenset({"6", "7"})
# What servers say who have no better word.
_VAGUE = frozenset({"", "0.0", "5.0"})

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3}\.\d{1,3})(?![\d.])")
_NOBODY = re.compile(
    r"user (?:is )?(?:unknown|not found|does not exist)|unknown (?:user|recipient|mailbox|account|local)"
    r"|no such (?:user|recipient|mailbox|account|person|address|domain)"
    r"|(?:user|recipient|mailbox|account|address|domain)\b.{0,40}"
    r"(?:not exist|doesn't exist|not found|unknown|disabled|inactive|invalid)"
    r"|invalid (?:recipient|mailbox|address)|domain not found|host not found",
    re.IGNORECASE,
)


def bounce_kind(status: str, text: str, *, blocked: bool = False, invalid: bool = False) -> EventKind:
    """What a bounce says: hard where the address is bad, blocked where the other side refuses us, else soft.

    Final, because a server gave up, is not the same as hard, because the address is bad: who is suppressed for good
    must be somebody whom no mail can reach. `invalid`: the provider itself says that the address is. `blocked`: it
    says that it is not the address.
    """
    found = _STATUS.search(status)
    if found is None or found[2] in _VAGUE:
        # The number a server gave stands in its words; what the provider made of it may be 5.0.0.
        found = _STATUS.search(text) or found
    kind, subject = (found[1], found[2]) if found else ("", "")
    if blocked or subject.partition(".")[0] in _OURS:
        return EventKind.BLOCKED
    if kind == "4" or subject in _FULL:
        return EventKind.BOUNCED_SOFT
    bad = subject in _ADDRESS or invalid or (subject in _VAGUE and _NOBODY.search(text) is not None)
    return EventKind.BOUNCED_HARD if bad else EventKind.BOUNCED_SOFT
