"""What follows from what was reported: who is not mailed any more, and which issue stops. Pure.

Everything is decided from all that is known of a person's mails, never from the event that came last: so it is the same
in whatever order, how often and how late events come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from mailer.model import Cause, EventKind

ADVICE: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.POLICY: "look at SPF, DKIM and DMARC of the sender's domain, and whether it stands on a blocklist",
        Cause.CONTENT: "receivers take the mail for spam or worse: look at what it says and where its links go",
    }
)
"""What to look at where the fault is ours."""

ARRIVED: Final = frozenset(
    {
        EventKind.DELIVERED,
        EventKind.OPENED,
        EventKind.CLICKED,
        EventKind.COMPLAINED,
        EventKind.UNSUBSCRIBED,
    }
)
CAME_BACK: Final = frozenset({EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT})
# Of these nobody learns whether the address takes mail.
NO_WORD: Final = frozenset({EventKind.BLOCKED, EventKind.DROPPED})
TELLING: Final = ARRIVED | CAME_BACK | NO_WORD


@dataclass(frozen=True, slots=True)
class Policy:
    """`[bounces]`: after how many bounces an address is not mailed any more."""

    hard: int = 1
    soft: int = 4
    soft_days: int = 21
    soft_issues: int = 3


class Word(NamedTuple):
    """One thing that was reported of a mail."""

    kind: EventKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """What is known of one mail to a person. `at`: when it was handed over."""

    issue: int
    at: datetime
    words: tuple[Word, ...] = ()

    @property
    def last(self) -> Word | None:
        """The last thing that says whether it arrived. Of the same second, that it came back: it was taken before."""
        told = [word for word in self.words if word.kind in TELLING]
        return max(told, key=lambda word: (word.at, word.kind not in ARRIVED, word.kind), default=None)

    @property
    def when(self) -> datetime:
        return max((word.at for word in self.words), default=self.at)


def since(mails: Iterable[Mail], moment: datetime | None) -> list[Mail]:
    """Only what was said after a person let the address in again."""
    if moment is None:
        return list(mails)
    return [
        Mail(mail.issue, mail.at, tuple(word for word in mail.words if word.at > moment))
        for mail in mails
        if mail.when > moment
    ]


def why_not(mails: Iterable[Mail], policy: Policy) -> str:
    """Why this person is not to be mailed any more, in words; empty as long as there is no reason."""
    known = sorted(mails, key=lambda mail: (mail.when, mail.issue))
    hard = sum(any(word.kind is EventKind.BOUNCED_HARD for word in mail.words) for mail in known)
    if hard >= policy.hard:
        return "there is no such address" if hard == 1 else f"{hard} mails came back: there is no such address"
    return _too_often(_streak(known), policy)


def _streak(known: list[Mail]) -> list[Mail]:
    """The last mails that came back softly, one after the other.

    A mail of which nothing was heard arrived: not every provider says so. One that was refused for our sake ends it as
    well: who is in doubt is mailed.
    """
    found: list[Mail] = []
    for mail in reversed(known):
        last = mail.last
        if last is None or last.kind not in CAME_BACK:
            break
        if last.kind is EventKind.BOUNCED_SOFT:
            found.append(mail)
    return found[::-1]


def _too_often(streak: list[Mail], policy: Policy) -> str:
    times = [word.at for mail in streak for word in mail.words if word.kind is EventKind.BOUNCED_SOFT]
    issues = len({mail.issue for mail in streak})
    if not times or len(times) < policy.soft or issues < policy.soft_issues:
        return ""
    days = (max(times) - min(times)) / timedelta(days=1)
    if days < policy.soft_days:
        return ""
    return f"{len(times)} bounces in a row, of {issues} issues over {days:.0f} days"


def too_many(number: int, answered: int, share: float, least: int) -> bool:
    """Whether a part of the mails of an issue is more than it may be. 1 is never too much."""
    return share < 1 and answered >= least and number > share * answered
