"""Taking in what a provider reports: each event is kept once, and proves what nobody wrote down.

Order, repetition and lateness do not matter: an event is a fact about one mail, and what follows from it follows
whenever it comes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hmac import compare_digest
from itertools import islice

from sqlalchemy.engine import Connection

from mailer.config.settings import SenderSettings
from mailer.delivery.events import Event
from mailer.errors import NeedsAttention, UsageError
from mailer.model import EventKind, IssueChange
from mailer.providers.sendgrid.events import read
from mailer.render.mailbox import ascii_address
from mailer.services.noting import TRACKED, Noted, note_all
from mailer.services.program import Program
from mailer.services.reacting import REACTED, WATCHED, Said, policy_of, react, watch
from mailer.services.references import CONFIRMATION, delivery_of, key_of, references
from mailer.store import events as stored
from mailer.store import evidence, reacting
from mailer.store import issues as stored_issues
from mailer.store.events import Delivered, Filed
from mailer.store.reacting import Asked
from mailer.wording import counted

CHUNK = 2000
"""So many events in one transaction."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of events.

    `new` were kept, by kind; `known` had come before; `unkept`: opens and clicks, which are not counted here;
    `confirmations`: about mails that ask to confirm; `foreign`: about mails that this database did not send, or with a
    reference that we did not make. `settled`: doubts that turned out as accepted, by issue. `reacted`: who was
    suppressed, by reason, and subscriptions that `ended`; `paused`: issues that were, and why.
    """

    read: int = 0
    new: Mapping[str, int] = field(default_factory=dict)
    known: int = 0
    unkept: int = 0
    confirmations: int = 0
    foreign: int = 0
    settled: Mapping[str, int] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    faulty: int = 0
    reacted: Mapping[str, int] = field(default_factory=dict)
    paused: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> list[str]:
        """The same for people."""
        kinds = ", ".join(f"{count:,} {EventKind(kind).value.replace('_', ' ')}" for kind, count in self.new.items())
        lines = [
            f"{counted(self.read, 'event')} read, {sum(self.new.values()):,} new" + (f": {kinds}" if kinds else "")
        ]
        told = (
            (self.known, "known already"),
            (self.unkept, "opened or clicked, which is not counted here (tracking is off)"),
            (self.confirmations, "about mails that ask to confirm; of those nothing is kept but what follows"),
            (self.foreign, "about mails that were not sent from this database"),
            (sum(self.others.values()), "about no mail"),
        )
        lines += [f"{count:,} {words}" for count, words in told if count]
        lines += self._followed()
        return lines + [f"{issue}: {count:,} in doubt were accepted after all" for issue, count in self.settled.items()]

    def _followed(self) -> list[str]:
        reasons = {reason: count for reason, count in self.reacted.items() if reason != "ended"}
        lines = []
        if reasons:
            told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
            lines.append(f"{counted(sum(reasons.values()), 'address', 'addresses')} suppressed: {told}")
        if ended := self.reacted.get("ended", 0):
            lines.append(f"{counted(ended, 'subscription')} ended")
        return lines + [f"{issue} is paused: {why}" for issue, why in self.paused.items()]

    def raise_for_faults(self) -> None:
        """NeedsAttention when something could not be read; the rest is in."""
        if self.faulty:
            more = f"; and {self.faulty - len(self.faults):,} more" if self.faulty > len(self.faults) else ""
            raise NeedsAttention(
                f"{counted(self.faulty, 'event')} could not be read: {'; '.join(self.faults)}{more}",
                hint="The others were taken in; the file may be imported again.",
            )


def import_posts(program: Program, body: bytes) -> Taken:
    """Take in a file with what the webhook of the provider posted."""
    report = read(body, program.settings.bounces.codes)
    if report.faulty and not (report.events or report.foreign or report.others):
        raise UsageError(
            f"that is no file of events: {report.faults[0]}",
            hint="It holds what SendGrid's event webhook posts: a JSON array, or one in each line.",
        )
    taken = take(program, report.events, program.now())
    return replace(
        taken,
        read=taken.read + report.foreign + sum(report.others.values()),
        foreign=taken.foreign + report.foreign,
        others=report.others,
        faults=report.faults,
        faulty=report.faulty,
    )


def take(program: Program, events: Iterable[Event], now: datetime) -> Taken:
    """Take in events whose sender was verified. Forged references and mails of others do nothing."""
    taker = Taker(program, now)
    remaining = iter(events)
    while chunk := list(islice(remaining, CHUNK)):
        taker.chunk(chunk)
    taker.watch()
    return taker.taken()


Pair = tuple[Filed, Event]


class Taker:
    """Takes in events chunk by chunk, each in a transaction of its own."""

    def __init__(self, program: Program, now: datetime) -> None:
        self.program = program
        self.store = program.store
        self.now = now
        self.keys = program.workspace.secret_keys(program.environ)
        self.policy = policy_of(program)
        self.issue_keys: dict[int, bytes] = {}
        self.counts: Counter[str] = Counter()
        self.new: Counter[EventKind] = Counter()
        self.settled: Counter[str] = Counter()
        self.reacted: Counter[str] = Counter()
        self.watched: defaultdict[EventKind, dict[int, str]] = defaultdict(dict)
        self.paused: dict[str, str] = {}

    def chunk(self, events: Sequence[Event]) -> None:
        self.counts["read"] += len(events)
        with self.store.read() as connection:
            genuine = list(self.genuine(connection, events))
            asks = self.asks(connection, events)
        if not genuine and not asks:
            return
        tracked = [pair for pair in genuine if pair[1].kind in TRACKED]
        filed = [pair for pair in genuine if pair[1].kind not in TRACKED]
        with self.store.write() as connection:
            if any(event.kind in REACTED for event in events):
                reacting.enter(connection)
            fresh = stored.add(connection, [ours for ours, _ in filed], self.now)
            self.prove(connection, genuine)
            noted = note_all(self.program, connection, tracked, self.now)
            said = [*self.said(fresh, filed), *said_of_asks(asks)]
            self.reacted += react(connection, said, self.policy, self.now)
            reacting.accept_asks(connection, [ask.number for ask, event in asks if not unsent(event)], self.now)
        self.count(genuine, filed, fresh, noted)

    def count(self, genuine: Sequence[Pair], filed: Sequence[Pair], fresh: Sequence[Filed], noted: Noted) -> None:
        """What came of a chunk, once it is kept."""
        self.new.update(event.kind for event in fresh)
        self.new.update(noted.new)
        self.counts["unkept"] += noted.unkept
        self.counts["known"] += len(genuine) - len(fresh) - noted.new.total() - noted.unkept
        for event in fresh:
            if event.kind in WATCHED:
                self.watched[event.kind][event.delivery.issue_id] = event.delivery.issue

    def prove(self, connection: Connection, genuine: Sequence[Pair]) -> None:
        """Mails in doubt were accepted, as these show."""
        settled = evidence.accept_all(connection, (proof_of(*pair) for pair in genuine), self.now)
        names = {ours.delivery.issue_id: ours.delivery.issue for ours, _ in genuine}
        for issue_id, count in settled.items():
            words = f"{count} in doubt were accepted, as events show"
            stored_issues.log(connection, issue_id, IssueChange.RESOLVED, self.now, words)
            self.settled[names[issue_id]] += count

    def said(self, fresh: Sequence[Filed], filed: Sequence[Pair]) -> Iterator[Said]:
        """What may follow from events that were not known. Of an issue whose events were pruned nobody knows."""
        new = {(each.delivery.id, each.key) for each in fresh}
        for ours, event in filed:
            about = ours.delivery
            if event.kind in REACTED and (about.over or (about.id, ours.key) in new):
                mail = f"issue {about.issue}"
                yield Said(about.subscriber_id, about.list_id, event.kind, event.at, mail, event.everywhere)

    def asks(self, connection: Connection, events: Sequence[Event]) -> list[tuple[Asked, Event]]:
        """The events about mails that ask to confirm, each with its mail."""
        about = [event for event in events if CONFIRMATION.fullmatch(event.reference)]
        domains = {ascii_address(each.email, "From").rpartition("@")[2] for each in self.senders() if about}
        found = reacting.asked(connection, (f"{event.reference}@{domain}" for event in about for domain in domains))
        by_reference = {message_id.partition("@")[0]: ask for message_id, ask in found.items()}
        self.counts["confirmations"] += len(about)
        return [(ask, event) for event in about if (ask := by_reference.get(event.reference)) is not None]

    def senders(self) -> Iterable[SenderSettings]:
        return self.program.settings.senders.values()

    def genuine(self, connection: Connection, events: Sequence[Event]) -> Iterator[Pair]:
        """The events whose reference we made, each as it is filed with the delivery it is about."""
        numbers = [delivery_of(event.reference) or 0 for event in events]
        found = stored.delivered(connection, filter(None, numbers))
        made = self.made(connection, found.values())
        for number, event in zip(numbers, events, strict=True):
            if number in found and compare_digest(event.reference.encode(), made[number]):
                yield Filed(event.key, found[number], event.kind, event.detail, event.at, event.cause), event
            elif not CONFIRMATION.fullmatch(event.reference):
                self.counts["foreign"] += 1

    def made(self, connection: Connection, about: Iterable[Delivered]) -> dict[int, bytes]:
        """The reference that we made of each delivery. Neighbours cost what one does."""
        by_issue: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
        for each in about:
            by_issue[each.issue_id, each.issue].append(each.id)
        found: dict[int, bytes] = {}
        for (issue_id, name), numbers in by_issue.items():
            if issue_id not in self.issue_keys:
                issue = stored_issues.get(connection, name)
                self.issue_keys[issue_id] = key_of(issue.snapshot if issue else {}, self.keys)
            ours = references(self.issue_keys[issue_id], name, numbers)
            found.update(zip(numbers, map(str.encode, ours), strict=True))
        return found

    def watch(self) -> None:
        """Pause the issues that had better stop, now that everything is kept."""
        issues = {number: name for of_kind in self.watched.values() for number, name in of_kind.items()}
        self.paused = watch(self.program, issues, set(self.watched)) if issues else {}

    def taken(self) -> Taken:
        counts = self.counts
        return Taken(
            read=counts["read"],
            new={kind.value: count for kind, count in self.new.items()},
            known=counts["known"],
            unkept=counts["unkept"],
            confirmations=counts["confirmations"],
            foreign=counts["foreign"],
            settled=dict(self.settled),
            reacted=dict(self.reacted),
            paused=self.paused,
        )


def said_of_asks(asks: Iterable[tuple[Asked, Event]]) -> Iterator[Said]:
    """What may follow from events about mails that ask to confirm."""
    for ask, event in asks:
        mail = "the mail that asks to confirm"
        yield Said(ask.subscriber, ask.list_id, event.kind, event.at, mail, event.everywhere, counts=False)


def unsent(event: Event) -> bool:
    """Whether it shows that the provider did not send the mail."""
    return event.kind is EventKind.DROPPED


def proof_of(filed: Filed, event: Event) -> evidence.Proof:
    return evidence.Proof(filed.delivery.id, event.left, event.batch)
