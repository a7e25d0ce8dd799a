"""What a mail that came back says: whose fault it is, and with that whether anybody is stopped for it. Pure.

Final, because a server gave up, is not the same as hard, because the address is bad: who is suppressed for good must be
somebody whom no mail can reach. What is refused for our own sake, or for the mail's, never blames the reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mailer.model import Cause, EventKind


class Bounce(NamedTuple):
    """What a bounce means. `cause` decides `kind`, and is kept beside it."""

    kind: EventKind
    cause: Cause


KIND_OF: Mapping[Cause, EventKind] = MappingProxyType(
    {
        Cause.ADDRESS: EventKind.BOUNCED_HARD,
        Cause.FULL: EventKind.BOUNCED_SOFT,
        Cause.TRANSIENT: EventKind.BOUNCED_SOFT,
        Cause.UNKNOWN: EventKind.BOUNCED_SOFT,
        Cause.POLICY: EventKind.BLOCKED,
        Cause.CONTENT: EventKind.BLOCKED,
    }
)

# RFC 3463: subject and detail. The class is another matter: what is temporary may be reported as final.
ADDRESS: Final = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "4.4"})
FULL: Final = frozenset({"2.2", "2.3", "3.4"})
# What servers say who have no better word.
VAGUE: Final = frozenset({"", "0.0", "5.0"})
# So much of what a server says is looked at.
LONGEST: Final = 2000

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3}\.\d{1,3})(?![\d.])")
# The number of RFC 5321 in front of the words, also as a delivery report repeats it.
_LATER = re.compile(r"\s*(?:smtp;\s*)?4\d\d(?:[\s-]|$)", re.IGNORECASE)
_NOBODY = re.compile(
    r"user (?:is )?(?:unknown|not found|does not exist)|unknown (?:user|recipient|mailbox|account|local)"
    r"|no such (?:user|recipient|mailbox|account|person|address|domain)"
    r"|(?:user|recipient|mailbox|account|address|domain)\b.{0,40}"
    r"(?:not exist|doesn't exist|not found|unknown|disabled|inactive|invalid)"
    r"|invalid (?:recipient|mailbox|address)|domain not found|host not found",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(
    r"(?:mailbox|inbox|account|user)\b.{0,40}\bfull\b|over ?quota|quota.{0,20}exceed|exceed.{0,20}quota", re.IGNORECASE
)
_SPAM = re.compile(r"\b(?:spam|virus|malware|phish\w*|unsolicited|bulk mail)\b", re.IGNORECASE)
_LISTED = re.compile(
    r"spamhaus|spamcop|barracuda|\b(?:block|black|deny) ?list|\bdnsbl\b|\brbl\b|\bdmarc\b|\bspf\b|\bdkim\b"
    r"|reputation|\bpolicy\b|\bunauthenticated\b",
    re.IGNORECASE,
)


def classify(
    status: str,
    text: str,
    codes: Mapping[str, str] = MappingProxyType({}),
    *,
    blocked: bool = False,
    invalid: bool = False,
) -> Bounce:
    """What a bounce with this status of RFC 3463, where there is one, and these words of a server says.

    `codes`: an organisation's own word for a status, which comes before everything. `invalid`: the provider itself says
    that the address is bad. `blocked`: it says that it is not the address.
    """
    status, text = status[:LONGEST], text[:LONGEST]
    found = _STATUS.search(status)
    if found is None or found[2] in VAGUE:
        # The number a server gave stands in its words; what the provider made of it may be 5.0.0.
        found = _STATUS.search(text) or found
    own = codes.get(found[0]) if found else None
    cause = Cause(own) if own else _cause(found[1] if found else "", found[2] if found else "", text)
    if not own:
        cause = _as_told(cause, blocked=blocked, invalid=invalid)
    return Bounce(KIND_OF[cause], cause)


def _cause(digit: str, subject: str, text: str) -> Cause:
    """By the table: RFC 3463 where the server spoke it, else its words."""
    topic = subject.partition(".")[0]
    if topic == "6" or (subject == "7.1" and _SPAM.search(text)):
        return Cause.CONTENT
    if topic == "7":
        return Cause.POLICY
    if subject in FULL:
        return Cause.FULL
    if digit == "4" or (not digit and _LATER.match(text)):
        return Cause.TRANSIENT
    if subject in ADDRESS:
        return Cause.ADDRESS
    if subject in VAGUE:
        return _by_words(text)
    # Systems and routes mend.
    return Cause.TRANSIENT if topic in ("3", "4") else Cause.UNKNOWN


def _by_words(text: str) -> Cause:
    """What stops nobody comes first: words about lists and quotas name users and mailboxes too."""
    for pattern, cause in ((_LISTED, Cause.POLICY), (_NO_ROOM, Cause.FULL), (_SPAM, Cause.CONTENT)):
        if pattern.search(text):
            return cause
    return Cause.ADDRESS if _NOBODY.search(text) else Cause.UNKNOWN


def _as_told(cause: Cause, *, blocked: bool, invalid: bool) -> Cause:
    """What the provider itself makes of it, who knows more of the other side than one answer says."""
    if blocked:
        return cause if cause is Cause.CONTENT else Cause.POLICY
    return Cause.ADDRESS if invalid and cause is Cause.UNKNOWN else cause
