"""Taking in what came back by mail: acted on only when it names a mail of ours by a token that we made.

Anybody may write to a bounce address. So what a mail says of a person counts only where it carries what went out with
the mail to that person alone: the address it came from as servers see it, or its Message-ID. Nothing is ever answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Final

from mailer.bounces.deciding import Verdict, verdict
from mailer.bounces.facts import Reading, What
from mailer.bounces.reading import read
from mailer.delivery.events import Event
from mailer.model import EventKind
from mailer.services.events import Taken, take
from mailer.services.mailboxes import Letter, Mailbox
from mailer.services.program import Program
from mailer.services.tokens_in_mail import Ours, Telling
from mailer.store import strays as stored
from mailer.store.strays import Found
from mailer.wording import counted

CHUNK: Final = 25
"""So many mails are in memory at once."""

LIMIT: Final = 10_000
"""So many are read in one go, where nobody says how many."""

OF_NOBODY: Final = ", about no mail of ours"


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of the mails. `new`: kept as events of mails, by kind; `known` had been taken in before.

    `replies`: automatic replies and receipts; `idle`: reports from which nothing follows; `gone`: about mails of ours
    that are not in the database, such as tests; `strays`: what is kept for a person, by its reason. `followed`: what
    was done because of it, in words.
    """

    read: int = 0
    new: Mapping[str, int] = field(default_factory=dict)
    known: int = 0
    confirmations: int = 0
    replies: int = 0
    idle: int = 0
    gone: int = 0
    strays: Mapping[str, int] = field(default_factory=dict)
    followed: tuple[str, ...] = ()
    dry_run: bool = False

    def summary(self) -> list[str]:
        """The same for people."""
        kinds = [f"{number:,} {EventKind(kind).value.replace('_', ' ')}" for kind, number in self.new.items()]
        told = (
            (self.known, "known already"),
            (self.confirmations, "about mails that ask to confirm"),
            (self.replies, "automatic replies, which are no bounces"),
            (self.idle, "reports from which nothing follows"),
            (self.gone, "about mails that are not in this database, such as tests and old issues"),
        )
        kept = "would be kept for you" if self.dry_run else "kept for you: mailer bounces list"
        lines = [", ".join([f"{counted(self.read, 'mail')} read", *kinds])]
        lines += [f"{number:,} {words}" for number, words in told if number]
        lines += [f"{number:,} {why}; {kept}" for why, number in self.strays.items()]
        lines += self.followed
        return [*lines, "nothing was changed"] if self.dry_run else lines


class Taker:
    """Takes in mails chunk by chunk: what a chunk says is stored when `chunk` has returned."""

    def __init__(self, program: Program, *, dry_run: bool = False) -> None:
        self.program = program
        self.dry_run = dry_run
        self.codes = program.settings.bounces.codes
        self.telling = Telling(program)
        self.counts: Counter[str] = Counter()
        self.new: Counter[str] = Counter()
        self.strays: Counter[str] = Counter()
        self.reacted: Counter[str] = Counter()
        self.paused: dict[str, str] = {}

    def chunk(self, letters: Sequence[Letter]) -> None:
        """Take in these mails."""
        now = self.program.now()
        readings = [read(letter.data, letter.recipients) for letter in letters]
        with self.program.store.read() as connection:
            ours = self.telling.whose(connection, readings)
        found = list(zip(letters, readings, ours, strict=True))
        self.counts["read"] += len(found)
        events = list(self.events(found, now))
        strays = list(self.unknown(found, now))
        if self.dry_run:
            self.new.update(event.kind.value for event in events)
            self.strays.update(stray.why for stray in strays)
            return
        self.store(events, strays, now)

    def store(self, events: Sequence[Event], strays: Sequence[Found], now: datetime) -> None:
        taken = take(self.program, events, now)
        self.new.update(taken.new)
        self.counts["known"] += taken.known
        self.counts["confirmations"] += taken.confirmations
        self.reacted.update(taken.reacted)
        self.paused.update(taken.paused)
        if not strays:
            return
        with self.program.store.write() as connection:
            for stray in strays:
                if stored.add(connection, [stray]):
                    self.strays[stray.why] += 1
                else:
                    self.counts["known"] += 1
            stored.make_room(connection, OF_NOBODY)

    def events(self, found: Iterable[tuple[Letter, Reading, Ours | None]], now: datetime) -> Iterator[Event]:
        """What happened to mails of ours."""
        for letter, reading, ours in found:
            if ours is None or reading.what not in (What.REPORT, What.COMPLAINT, What.OPT_OUT):
                continue
            if ours.mailed is None:
                self.counts["gone"] += 1
                continue
            told = verdict(reading, ours.mailed.email_key, self.codes)
            if told is None:
                self.counts["idle"] += 1
            else:
                yield event_of(letter, reading, ours.reference, told, now)

    def unknown(self, found: Iterable[tuple[Letter, Reading, Ours | None]], now: datetime) -> Iterator[Found]:
        """What is for a person."""
        for letter, reading, ours in found:
            if reading.what in (What.AUTO_REPLY, What.RECEIPT):
                self.counts["replies"] += 1
            elif reading.what is What.NOTHING:
                self.counts["idle"] += 1
            elif reading.what is What.UNKNOWN or ours is None:
                why = reading.why + ("" if ours else OF_NOBODY)
                yield Found(letter.data, why, now, letter.cut)

    def taken(self) -> TakenIn:
        counts = self.counts
        return TakenIn(
            read=counts["read"],
            new=dict(self.new),
            known=counts["known"],
            confirmations=counts["confirmations"],
            replies=counts["replies"],
            idle=counts["idle"],
            gone=counts["gone"],
            strays=dict(self.strays),
            followed=tuple(Taken(reacted=self.reacted, paused=self.paused).summary()[1:]),
            dry_run=self.dry_run,
        )


def event_of(letter: Letter, reading: Reading, reference: str, told: Verdict, now: datetime) -> Event:
    """The event. The same mail read twice, also by two ways, is one."""
    own = reading.id or sha256(letter.data).hexdigest()
    key = sha256("\0".join(("mail", reference, told.kind.value, own)).encode()).hexdigest()
    at = reading.at if reading.at is not None and reading.at < now else now
    return Event(reference, told.kind, at, key, told.detail, cause=told.cause)


def take_in(
    program: Program,
    mailbox: Mailbox,
    limit: int | None = None,
    *,
    dry_run: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> TakenIn:
    """Read a mailbox. What was read is marked there once it is stored, so that a run which is killed leaves nothing
    out; what is read twice changes nothing."""
    taker = Taker(program, dry_run=dry_run)
    letters = islice(mailbox.letters(), limit or LIMIT)
    while not stop() and (chunk := list(islice(letters, CHUNK))):
        taker.chunk(chunk)
        if not dry_run:
            mailbox.done(chunk)
    return taker.taken()
