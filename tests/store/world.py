"""Building a store for a test: people on lists, issues frozen over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.model import How, IssueKind, MailingList, Outcome, Receipt, SubscriptionState, SuppressionReason
from mailer.store import ledger, lists, subscribers, suppressions
from mailer.store.database import Store
from mailer.store.subscriptions import Change, Origin, change
from mailer.store.suppressions import Suppression
from mailer.store.tables import batches, deliveries
from mailer.store.tables import subscribers as people

# For what only one kind of database has: a file to copy, a server to lose.
FILES_ONLY = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
SERVERS_ONLY = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CONFIRMED, PENDING, UNSUBSCRIBED = (
    SubscriptionState.CONFIRMED,
    SubscriptionState.PENDING,
    SubscriptionState.UNSUBSCRIBED,
)


def address(name: str, *, ascii_only: bool = True, key: str | None = None) -> Address:
    email = f"{name}@example.org"
    return Address(email, key or email, email if ascii_only else None)


def key(name: str) -> str:
    return f"{name}@example.org"


@dataclass
class World:
    """A store and a clock. Every method is one transaction."""

    store: Store
    now: datetime = NOW
    lists: dict[str, int] = field(default_factory=dict)

    def later(self, minutes: float = 1) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now

    def add(
        self,
        list_name: str,
        *names: str,
        state: SubscriptionState = CONFIRMED,
        ascii_only: bool = True,
        **attributes: Any,
    ) -> subscribers.ImportCounts:
        rows = [subscribers.NewSubscriber(address(name, ascii_only=ascii_only), attributes, state) for name in names]
        return self.upsert(list_name, rows)

    def upsert(
        self, list_name: str, rows: Sequence[subscribers.NewSubscriber], words: str = "a test"
    ) -> subscribers.ImportCounts:
        with self.store.write() as connection:
            number = lists.ensure(connection, MailingList(list_name, list_name.title()))
            return subscribers.upsert(connection, number, rows, Origin(How.IMPORT, words), self.now)

    def change(self, list_name: str, name: str, state: SubscriptionState, words: str = "a link") -> bool:
        with self.store.write() as connection:
            person = subscribers.get(connection, key(name))
            assert person is not None
            return change(connection, Change(list_name, person.id, state, Origin(How.LINK, words)), self.now)

    def suppress(self, name: str, reason: SuppressionReason = SuppressionReason.BOUNCED) -> bool:
        with self.store.write() as connection:
            return suppressions.add(connection, Suppression(key(name), reason), self.now)

    def pause(self, name: str, minutes: float) -> None:
        until = self.now + timedelta(minutes=minutes)
        with self.store.write() as connection:
            connection.execute(sa.update(people).where(people.c.email == key(name)).values(paused_until=until))

    def freeze(self, *list_names: str, name: str = "issue", **values: Any) -> ledger.FrozenCounts:
        frozen = ledger.Frozen(
            name,
            values.pop("kind", IssueKind.BULLETIN),
            values.pop("subject", "Rivers"),
            values.pop("hash", "h1"),
            values.pop("snapshot", {"html": "<p>Hallå</p>"}),
            list_names,
            **values,
        )
        with self.store.write() as connection:
            return ledger.freeze(connection, frozen, self.now)

    def claim(
        self, owner: str = "one", issue: str = "issue", lease: float = 60, **terms: Any
    ) -> ledger.ClaimedBatch | None:
        with self.store.write() as connection:
            return ledger.claim(connection, issue, ledger.ClaimTerms(owner, lease, **terms), self.now)

    def claimed(self, owner: str = "one", issue: str = "issue", lease: float = 60, **terms: Any) -> ledger.ClaimedBatch:
        batch = self.claim(owner, issue, lease, **terms)
        assert batch is not None
        return batch

    def begin(self, batch: ledger.ClaimedBatch, owner: str = "one", marks: ledger.Marks | None = None) -> bool:
        with self.store.write() as connection:
            return ledger.begin(connection, batch.id, owner, self.now, marks or ledger.Marks())

    def settle(self, batch: ledger.ClaimedBatch, owner: str = "one") -> None:
        with self.store.write() as connection:
            ledger.settle(connection, batch.id, owner, self.now)

    def give_back(self, batch: ledger.ClaimedBatch, owner: str = "one", pace: ledger.Pace | None = None) -> bool:
        with self.store.write() as connection:
            return ledger.give_back(connection, batch.id, owner, self.now, pace)

    def record(self, batch: ledger.ClaimedBatch, receipts: Sequence[Receipt], owner: str = "one") -> int:
        with self.store.write() as connection:
            return ledger.record(connection, batch.id, owner, receipts, self.now)

    def submit(self, outcome: Outcome = Outcome.ACCEPTED, owner: str = "one", issue: str = "issue") -> int:
        """Take one batch through to the end with one outcome for all."""
        batch = self.claimed(owner, issue)
        assert self.begin(batch, owner)
        return self.record(batch, receipts(batch, outcome), owner)

    def sweep(self, boot: str = "") -> ledger.Swept:
        with self.store.write() as connection:
            return ledger.sweep(connection, self.now, boot)

    def finish(self, issue: str = "issue") -> bool:
        with self.store.write() as connection:
            return ledger.finish(connection, issue, self.now)

    def figures(self, issue: str = "issue") -> ledger.Figures:
        with self.store.read() as connection:
            return ledger.figures(connection, issue)

    def states(self) -> dict[str, str]:
        """The delivery state of each person, by name, in the order of the deliveries."""
        query = sa.select(people.c.email, deliveries.c.state).join(
            deliveries, deliveries.c.subscriber_id == people.c.id
        )
        query = query.order_by(deliveries.c.id)
        with self.store.read() as connection:
            return {email.partition("@")[0]: state.value for email, state in connection.execute(query)}

    def batch_states(self) -> list[str]:
        query = sa.select(batches.c.state).order_by(batches.c.issue_id, batches.c.number)
        with self.store.read() as connection:
            return [state.value for state in connection.execute(query).scalars()]


def receipts(batch: ledger.ClaimedBatch, *outcomes: Outcome, **values: Any) -> list[Receipt]:
    """One receipt a recipient: the outcomes in turn, the last one for the rest."""
    padded = [*outcomes, *([outcomes[-1]] * len(batch.recipients))]
    return [
        Receipt(recipient.delivery_id, outcome, **values)
        for recipient, outcome in zip(batch.recipients, padded, strict=False)
    ]


def names(batch: ledger.ClaimedBatch) -> list[str]:
    return [recipient.email.partition("@")[0] for recipient in batch.recipients]


def count(connection: Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
