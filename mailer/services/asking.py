"""Asking people to confirm: who is due, the mails, and what the provider said.

For each mail, in this order:

    write down    that the person is asked, committed, while their subscription is locked
    hand over     the mail, with no transaction open
    record        what the provider said

Killed after the first step the person counts as asked: they may have got the mail, and are asked again only when the
pause is over. So a crash never asks anybody twice, and a process beside this one sees whom it has taken.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.errors import MailerError, ProviderError
from mailer.model import Batch, Envelope, MailingList, Outcome, Receipt, SubscriptionState
from mailer.providers import Provider
from mailer.render.issue import CONFIRM
from mailer.services.binding import check_bound
from mailer.services.confirmation_mail import BATCH_NAME, Addressee, ConfirmationWriter
from mailer.services.program import Program
from mailer.services.sending.access import provided
from mailer.services.sending.results import Stop, never
from mailer.services.subscribers import Added, Asking, Entry, NotAsked, add_in
from mailer.store import confirmations, consents
from mailer.store import lists as stored_lists
from mailer.store.confirmations import Candidate, Rule

MOST_ASKS = 3
"""So often a person is asked about one list, ever. Who says nothing three times has answered."""

PAUSE = timedelta(days=7)
"""Between two mails to one person about one list."""

GIVE_UP = confirmations.ON_ITS_WAY.total_seconds() / 2
"""So many seconds after mails were written down none of them is begun any more: who forgets somebody relies on it."""

PAGE = 100
"""So many are written down before they are handed over: what one crash can leave unknown."""


@dataclass(frozen=True, slots=True)
class AskResult:
    """What became of one run. `due`: people who would have been asked when it began.

    `reasons` says why mails were refused or not sent, with how many.
    """

    list_name: str
    due: int
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    stopped: bool = False

    @property
    def accepted(self) -> int:
        return self.outcomes.get(Outcome.ACCEPTED, 0)

    @property
    def refused(self) -> int:
        return self.outcomes.get(Outcome.REFUSED, 0)

    @property
    def doubtful(self) -> int:
        return self.outcomes.get(Outcome.DOUBTFUL, 0)

    @property
    def not_sent(self) -> int:
        """They were not asked, and are due as before."""
        return self.outcomes.get(Outcome.NOT_SENT, 0) + self.outcomes.get(Outcome.RETRY, 0)


Tell = Callable[[int, int], None]
"""Progress: so many of so many."""


def usual_rule(now: datetime) -> Rule:
    return Rule(MOST_ASKS, now - PAUSE)


def count_due(program: Program, definition: MailingList, rule: Rule) -> int:
    """How many people on the list would be asked now."""
    with program.store.write() as connection:
        return confirmations.count_due(connection, stored_lists.ensure(connection, definition), rule)


def ask_everybody(
    program: Program,
    definition: MailingList,
    rule: Rule,
    limit: int | None = None,
    tell: Tell | None = None,
    stop: Stop = never,
) -> AskResult:
    """Ask the people of a list who are pending and due, at most `limit` of them, oldest first."""
    due = count_due(program, definition, rule)
    if not due:
        return AskResult(definition.name, 0)
    wanted = due if limit is None else min(due, limit)
    with provided(program) as provider:
        asker = Asker(program, provider, ConfirmationWriter(program, definition))
        stopped = asker.run(rule, wanted, tell, stop)
    return AskResult(definition.name, due, dict(asker.outcomes), dict(asker.reasons), stopped)


class Asker:
    """Asks people about one list, batch by batch."""

    def __init__(self, program: Program, provider: Provider, writer: ConfirmationWriter) -> None:
        check_bound(program)
        self.store = program.store
        self.now = program.now
        self.provider = provider
        self.writer = writer
        self.definition = writer.definition
        self.page = min(PAGE, program.settings.provider.batch_size, provider.capabilities.max_recipients)
        self.outcomes: Counter[Outcome] = Counter()
        self.reasons: Counter[str] = Counter()
        self.number = 0
        self.deadline = 0.0

    def run(self, rule: Rule, wanted: int, tell: Tell | None, stop: Stop) -> bool:
        """Ask until nobody is due or `wanted` were asked; True when `stop` ended it before."""
        done = last = 0
        while done < wanted:
            if stop():
                return True
            with self.store.write() as connection:
                list_id = stored_lists.ensure(connection, self.definition)
                page = confirmations.due_after(connection, list_id, rule, last, min(self.page, wanted - done))
                if not page:
                    return False
                last = page[-1]
                people = [one for one in confirmations.pending(connection, list_id, page) if rule.allows(one.asked)]
                to = self.write_down(connection, list_id, people)
            receipts = self.hand_over(to)
            done += len(to)
            if to and not any(one.outcome not in (Outcome.NOT_SENT, Outcome.RETRY) for one in receipts):
                return False  # nothing leaves: going on would only walk through everybody
            if tell:
                tell(done, wanted)
        return False

    def write_down(self, connection: Connection, list_id: int, people: Sequence[Candidate]) -> list[Addressee]:
        """Keep that they are asked, in the transaction that looked at them."""
        now = self.now()
        self.deadline = time.monotonic() + GIVE_UP
        shown = people and self.writer.template == CONFIRM
        consent = consents.ensure(connection, self.definition.consent, now) if shown else None
        asks = [(person, self.writer.new_message_id()) for person in people]
        numbers = confirmations.write_asks(connection, list_id, consent, asks, now)
        return [
            Addressee(number, person.id, person.email, message_id, person.language)
            for number, (person, message_id) in zip(numbers, asks, strict=True)
        ]

    def hand_over(self, to: Sequence[Addressee]) -> list[Receipt]:
        """Write the mails, hand them over and keep what the provider said of each."""
        if not to:
            return []
        written = dict(self.written(to))
        envelopes = tuple(one for one in written.values() if isinstance(one, Envelope))
        receipts = [one for one in written.values() if isinstance(one, Receipt)]
        try:
            receipts += self.submit(envelopes)
        except ProviderError as error:
            # It could not begin, so nothing left.
            self.keep([*receipts, *(Receipt(one.delivery_id, Outcome.NOT_SENT, error.message) for one in envelopes)])
            raise
        self.keep(receipts)
        return receipts

    def written(self, to: Sequence[Addressee]) -> Iterator[tuple[int, Envelope | Receipt]]:
        """The mail for each, or why there can be none."""
        date = self.now()
        for each in to:
            try:
                yield each.number, self.writer.envelope(each, date)
            except MailerError as error:
                yield each.number, Receipt(each.number, Outcome.REFUSED, f"not written: {error.message}")

    def write_one(self, connection: Connection, address: Address, rule: Rule) -> Addressee | NotAsked:
        """Keep that one person is asked, or say why they are not."""
        list_id = stored_lists.ensure(connection, self.definition)
        due = _due(connection, list_id, address.key, rule)
        return due if isinstance(due, NotAsked) else self.write_down(connection, list_id, [due])[0]

    def one(self, to: Addressee | NotAsked) -> Asking:
        """Hand over that mail."""
        if isinstance(to, NotAsked):
            return Asking(to)
        (receipt,) = self.hand_over([to])
        return Asking(receipt.outcome, "" if receipt.outcome is Outcome.ACCEPTED else receipt.detail)

    def submit(self, envelopes: tuple[Envelope, ...]) -> tuple[Receipt, ...]:
        if not envelopes:
            return ()
        self.number += 1
        name = BATCH_NAME.format(self.definition.name)
        return self.provider.submit(
            Batch(envelopes[0].delivery_id, name, self.number, envelopes, deadline=self.deadline)
        )

    def keep(self, receipts: Sequence[Receipt]) -> None:
        with self.store.write() as connection:
            outcomes = {receipt.delivery_id: receipt.outcome for receipt in receipts}
            confirmations.record(connection, outcomes, self.now())
        self.outcomes.update(receipt.outcome for receipt in receipts)
        self.reasons.update(receipt.detail for receipt in receipts if receipt.outcome is not Outcome.ACCEPTED)


def add_and_ask(
    program: Program, entry: Entry, address: Address, attributes: Mapping[str, object], rule: Rule
) -> Added:
    """Put one person on a list and, where they are pending then, send them the mail that asks."""
    with provided(program) as provider:
        # A design that cannot be compiled stops this here, before anything is written.
        asker = Asker(program, provider, ConfirmationWriter(program, entry.definition))
        with program.store.write() as connection:
            added = add_in(connection, entry, address, attributes, program.now())
            if added.kept_out or added.state is not SubscriptionState.PENDING:
                return added
            to = asker.write_one(connection, address, rule)
        return replace(added, asked=asker.one(to))


def ask_one(program: Program, definition: MailingList, address: Address, rule: Rule) -> Asking:
    """Ask one person who is pending on the list, unless the rule says they were asked enough."""
    with provided(program) as provider:
        asker = Asker(program, provider, ConfirmationWriter(program, definition))
        with program.store.write() as connection:
            to = asker.write_one(connection, address, rule)
        return asker.one(to)


def would_ask(program: Program, definition: MailingList, address: Address, rule: Rule) -> NotAsked | None:
    """Why one person would not be asked now; None when they would."""
    with program.store.write() as connection:
        due = _due(connection, stored_lists.ensure(connection, definition), address.key, rule)
        return due if isinstance(due, NotAsked) else None


def _due(connection: Connection, list_id: int, email_key: str, rule: Rule) -> Candidate | NotAsked:
    found = confirmations.pending_with(connection, list_id, email_key)
    if found is None:
        return NotAsked.NOT_PENDING
    if found.asked.times >= rule.most:
        return NotAsked.ENOUGH
    return found if rule.allows(found.asked) else NotAsked.PAUSE
