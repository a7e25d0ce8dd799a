"""When a send stops by itself: too many of the last mails were refused or came back.

A few dead addresses are the life of every list. One mail in ten is not: then the list is not what somebody thinks it
is, or the receivers do not trust the sender, and each further mail makes that worse.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LEAST = 100
"""So many mails must have been answered before their share means anything."""

WINDOW = 1000
"""How many of the last answers count: trouble that begins after a million good mails is trouble."""

OTHER = "other"
ADVICE: Mapping[str, str] = {
    "address": "the addresses are old or were never right: look at where this list comes from",
    "mailbox full": "the addresses are old: look at where this list comes from",
    "policy": "receivers do not trust the sender: look at SPF, DKIM and DMARC of its domain, and at its reputation",
    "content": "receivers take the mail for spam or worse: look at what it says and where its links go",
    "size": "the mail is too large",
    "server": "the mail server is in trouble: look at its log",
    "not written": "the mail cannot be written for these people: a field that it mentions is missing",
    "not sent": "the mail server cannot carry these mails",
}


def kind_of(detail: str) -> str:
    """Whose fault a refusal is: the word in front of the colon, where it is one that providers use."""
    word = detail.partition(":")[0]
    return word if word in ADVICE else OTHER


@dataclass(slots=True)
class Answers:
    """The last answers of one send. `share`: the part that may be bad; 1 is never too much."""

    share: float
    blocks: deque[tuple[int, Counter[str]]] = field(default_factory=deque)
    handled: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def note(self, taken: int, refusals: Iterable[str]) -> None:
        """Some more mails were answered: so many taken, and the details of those refused."""
        bad = Counter(map(kind_of, refusals))
        handled = taken + bad.total()
        self.blocks.append((handled, bad))
        self.handled += handled
        self.total += handled
        self.bad += bad
        while self.blocks and self.handled - self.blocks[0][0] >= WINDOW:
            old, old_bad = self.blocks.popleft()
            self.handled -= old
            self.bad -= old_bad

    def reason(self, bounced: int = 0) -> str:
        """Why to stop; empty as long as there is no reason. `bounced`: mails of this send that came back."""
        if self.share >= 1:
            return ""
        refused = self.bad.total()
        if self.handled >= LEAST and refused > self.share * self.handled:
            return f"{refused:,} of the last {self.handled:,} mails were refused ({_kinds(self.bad)})"
        if self.total >= LEAST and bounced > self.share * self.total:
            return f"{bounced:,} of {self.total:,} mails came back"
        return ""

    def advice(self) -> str:
        """What to look at first."""
        return next((ADVICE[kind] for kind, _ in self.bad.most_common() if kind in ADVICE), "")


def _kinds(bad: Counter[str]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in bad.most_common(3))
