"""Taking in what a provider reports: each event is kept once, and proves what nobody wrote down.

Order, repetition and lateness do not matter: an event is a fact about one mail, and what follows from it follows
whenever it comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from sqlalchemy.engine import Connection

from mailer.delivery.events import Event
from mailer.errors import NeedsAttention, UsageError
from mailer.model import EventKind, IssueChange
from mailer.providers.sendgrid.events import read
from mailer.services.program import Program
from mailer.services.references import CONFIRMATION, delivery_of, is_genuine, key_of
from mailer.store import events as stored
from mailer.store import evidence
from mailer.store import issues as stored_issues
from mailer.store.events import Delivered, Filed
from mailer.wording import counted

CHUNK = 2000
"""So many events in one transaction."""

TRACKED = frozenset({EventKind.OPENED, EventKind.CLICKED})
"""Kept only where the organisation counts them. They prove that a mail arrived all the same."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of events.

    `new` were kept, by kind; `known` had come before; `unkept`: opens and clicks, which are not counted here;
    `confirmations`: about mails that ask to confirm; `foreign`: about mails that this database did not send, or with a
    reference that we did not make. `settled`: doubts that turned out as accepted, by issue.
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

    def summary(self) -> list[str]:
        """The same for people."""
        kinds = ", ".join(f"{count:,} {EventKind(kind).value.replace('_', ' ')}" for kind, count in self.new.items())
        lines = [
            f"{counted(self.read, 'event')} read, {sum(self.new.values()):,} new" + (f": {kinds}" if kinds else "")
        ]
        told = (
            (self.known, "known already"),
            (self.unkept, "opened or clicked, which is not counted here (tracking is off)"),
            (self.confirmations, "about mails that ask to confirm; nothing is kept of those"),
            (self.foreign, "about mails that were not sent from this database"),
            (sum(self.others.values()), "about no mail"),
        )
        lines += [f"{count:,} {words}" for count, words in told if count]
        return lines + [f"{issue}: {count:,} in doubt were accepted after all" for issue, count in self.settled.items()]

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
    report = read(body)
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
    return taker.taken()


class Taker:
    """Takes in events chunk by chunk, each in a transaction of its own."""

    def __init__(self, program: Program, now: datetime) -> None:
        self.store = program.store
        self.now = now
        self.keys = program.workspace.secret_keys(program.environ)
        self.tracking = program.settings.privacy.tracking
        self.issue_keys: dict[int, bytes] = {}
        self.counts: Counter[str] = Counter()
        self.new: Counter[EventKind] = Counter()
        self.settled: Counter[str] = Counter()

    def chunk(self, events: Sequence[Event]) -> None:
        self.counts["read"] += len(events)
        with self.store.read() as connection:
            genuine = list(self.genuine(connection, events))
        if not genuine:
            return
        ours, told = zip(*genuine, strict=True)
        filed = [each for each in ours if self.tracking or each.kind not in TRACKED]
        with self.store.write() as connection:
            fresh = stored.add(connection, filed, self.now)
            settled = evidence.accept_all(connection, map(proof_of, ours, told), self.now)
            for issue_id, count in settled.items():
                words = f"{count} in doubt were accepted, as events show"
                stored_issues.log(connection, issue_id, IssueChange.RESOLVED, self.now, words)
        names = {each.delivery.issue_id: each.delivery.issue for each in ours}
        self.settled.update({names[issue_id]: count for issue_id, count in settled.items()})
        self.new.update(event.kind for event in fresh)
        self.counts["unkept"] += len(ours) - len(filed)
        self.counts["known"] += len(filed) - len(fresh)

    def genuine(self, connection: Connection, events: Sequence[Event]) -> Iterator[tuple[Filed, Event]]:
        """The events whose reference we made, each as it is filed with the delivery it is about."""
        numbers = {number for event in events if (number := delivery_of(event.reference))}
        found = stored.delivered(connection, numbers)
        for event in events:
            about = found.get(delivery_of(event.reference) or 0)
            if about is not None and self.made(connection, event.reference, about):
                yield Filed(event.key, about, event.kind, event.detail, event.at), event
            else:
                ask = CONFIRMATION.fullmatch(event.reference)
                self.counts["confirmations" if ask else "foreign"] += 1

    def made(self, connection: Connection, reference: str, about: Delivered) -> bool:
        if about.issue_id not in self.issue_keys:
            issue = stored_issues.get(connection, about.issue)
            self.issue_keys[about.issue_id] = key_of(issue.snapshot if issue else {}, self.keys)
        return is_genuine(reference, self.issue_keys[about.issue_id], about.issue, about.id)

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
        )


def proof_of(filed: Filed, event: Event) -> evidence.Proof:
    return evidence.Proof(filed.delivery.id, event.left, event.batch)
