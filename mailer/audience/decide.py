"""Who receives an issue and who is left out, and why. The store says the same in SQL; a test holds the two together.

A person on several lists is one candidate and receives one copy, through the first of the issue's lists on which
they are confirmed and not suppressed. An entry for every list wins over all of them. Whom a list can mail and who
asked for a pause gets nothing by any list. A segment and then the cap on how many issues a person gets are asked last,
with the list that brings a person in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mailer.audience.suppressing import values_of
from mailer.model import Exclusion, Subscriber, SubscriptionState

# A state that is not confirmed is a reason of the same name.
_REASONS = {
    SubscriptionState.PENDING: Exclusion.PENDING,
    SubscriptionState.UNSUBSCRIBED: Exclusion.UNSUBSCRIBED,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person and their state on each list they are on."""

    subscriber: Subscriber
    subscriptions: Mapping[str, SubscriptionState]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Address keys and "@domain" that are not mailed at all, and those that single lists do not mail."""

    everywhere: Container[str] = frozenset()
    on: Mapping[str, Container[str]] = field(default_factory=dict)

    def anywhere(self, email_key: str) -> bool:
        """Whether no list mails the address."""
        return any(value in self.everywhere for value in values_of(email_key))

    def on_list(self, email_key: str, list_name: str) -> bool:
        """Whether this list does not mail it, for an entry of its own."""
        return any(value in self.on.get(list_name, ()) for value in values_of(email_key))


Chooses = Callable[[Candidate, str], bool]
"""Whether the issue's segment has a person, whom the list of that name brings in."""


Capped = Callable[[Candidate, str], bool]
"""Whether a person had as many issues of late as the list of that name, which brings them in, allows."""


def everybody(candidate: Candidate, list_name: str) -> bool:
    """No segment."""
    return True


def nobody(candidate: Candidate, list_name: str) -> bool:
    """No cap."""
    return False


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides besides lists and suppressions. `smtputf8`: the provider carries any address. `now`: the moment for
    which pauses are looked at; without it nobody is on one."""

    smtputf8: bool = False
    now: datetime | None = None
    chooses: Chooses = everybody
    capped: Capped = nobody


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`list_name` brings the person in, unless `exclusion` says why they are left out."""

    subscriber: Subscriber
    list_name: str
    exclusion: Exclusion | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """The verdicts on all candidates, each in exactly one of the two."""

    recipients: tuple[Verdict, ...]
    excluded: tuple[Verdict, ...]

    @property
    def reasons(self) -> dict[Exclusion, int]:
        """How many are left out for each reason."""
        return dict(Counter(verdict.exclusion for verdict in self.excluded if verdict.exclusion))


def decide(
    candidates: Iterable[Candidate],
    lists: Sequence[str],
    suppressed: Suppressed,
    terms: Terms = PLAIN,
) -> Audience:
    """The audience of an issue to `lists`, in their order.

    People on none of the lists are no candidates; one person given twice is one.
    """
    verdicts: dict[str, Verdict] = {}
    for candidate in candidates:
        if found := verdict(candidate, lists, suppressed, terms):
            verdicts.setdefault(candidate.subscriber.email_key, found)
    recipients = tuple(found for found in verdicts.values() if found.exclusion is None)
    excluded = tuple(found for found in verdicts.values() if found.exclusion is not None)
    assert len(recipients) + len(excluded) == len(verdicts), "a candidate is neither a recipient nor left out"
    return Audience(recipients, excluded)


def verdict(
    candidate: Candidate,
    lists: Sequence[str],
    suppressed: Suppressed,
    terms: Terms = PLAIN,
) -> Verdict | None:
    """What becomes of one person; None when they are on none of the lists."""
    person = candidate.subscriber
    on = [name for name in lists if name in candidate.subscriptions]
    if not on:
        return None
    banned = {name for name in on if suppressed.on_list(person.email_key, name)}
    confirmed = [
        name for name in on if candidate.subscriptions[name] is SubscriptionState.CONFIRMED and name not in banned
    ]
    if suppressed.anywhere(person.email_key) or (not confirmed and on[0] in banned):
        return Verdict(person, on[0], Exclusion.SUPPRESSED)
    if not confirmed:
        return Verdict(person, on[0], _REASONS[candidate.subscriptions[on[0]]])
    if terms.now is not None and person.paused(terms.now):
        return Verdict(person, confirmed[0], Exclusion.PAUSED)
    if person.ascii_email is None and not terms.smtputf8:
        return Verdict(person, on[0], Exclusion.NEEDS_SMTPUTF8)
    if not terms.chooses(candidate, confirmed[0]):
        return Verdict(person, confirmed[0], Exclusion.SEGMENT)
    if terms.capped(candidate, confirmed[0]):
        return Verdict(person, confirmed[0], Exclusion.CAP)
    return Verdict(person, confirmed[0])
