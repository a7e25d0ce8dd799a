"""One person and one issue: what the rows say, read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.decide import Candidate, Suppressed
from mailer.model import BatchState, DeliveryState, Exclusion, Subscriber, SubscriptionState
from mailer.store import subscribers as stored_subscribers
from mailer.store import suppressions
from mailer.store.suppressions import EVERY_LIST
from mailer.store.tables import batches, deliveries, exclusions, lists, subscribers, subscriptions


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with what they are to each list they are on, and since when they have been there."""

    number: int
    subscriber: Subscriber
    states: Mapping[str, SubscriptionState]
    joined: Mapping[str, datetime]

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.subscriber, self.states)


@dataclass(frozen=True, slots=True)
class Mail:
    """A delivery with its batch. `at`: when its state became so; `hold`: the provider keeps it until `send_at`."""

    id: int
    state: DeliveryState
    detail: str
    provider_id: str
    due_at: datetime | None
    at: datetime
    list_name: str
    batch: int
    batch_state: BatchState
    batch_due_at: datetime | None
    attempts: int
    lease_until: datetime | None
    provider: str
    hold: str
    send_at: datetime | None


def person(connection: Connection, email_key: str) -> Person | None:
    """The person with this address; None when nobody has it."""
    found = stored_subscribers.get(connection, email_key)
    if found is None:
        return None
    number = connection.execute(sa.select(subscribers.c.id).where(subscribers.c.email_key == email_key)).scalar_one()
    query = sa.select(lists.c.name, subscriptions.c.state, subscriptions.c.created_at)
    query = query.join(subscriptions, subscriptions.c.list_id == lists.c.id)
    rows = connection.execute(query.where(subscriptions.c.subscriber_id == number)).all()
    return Person(number, found, {row.name: row.state for row in rows}, {row.name: row.created_at for row in rows})


def mail(connection: Connection, issue_id: int, number: int) -> Mail | None:
    """The person's mail of an issue; None where the freeze made none."""
    query = (
        sa.select(
            deliveries.c.id,
            deliveries.c.state,
            deliveries.c.detail,
            deliveries.c.provider_id,
            deliveries.c.due_at,
            deliveries.c.updated_at,
            lists.c.name,
            batches.c.number,
            batches.c.state,
            batches.c.due_at,
            batches.c.attempts,
            batches.c.lease_until,
            batches.c.provider,
            batches.c.hold,
            batches.c.send_at,
        )
        .join_from(deliveries, batches, batches.c.id == deliveries.c.batch_id)
        .join(lists, lists.c.id == deliveries.c.list_id)
        .where(deliveries.c.issue_id == issue_id, deliveries.c.subscriber_id == number)
    )
    row = connection.execute(query).first()
    return Mail(*tuple(row)) if row is not None else None


def exclusion(connection: Connection, issue_id: int, number: int) -> Exclusion | None:
    """Why the freeze left the person out; None where it did not."""
    query = sa.select(exclusions.c.reason).where(
        exclusions.c.issue_id == issue_id, exclusions.c.subscriber_id == number
    )
    reason: Exclusion | None = connection.execute(query).scalar()
    return reason


def suppressed(connection: Connection, email_key: str, names: Sequence[str]) -> Suppressed:
    """The entries that keep this address from being mailed, on every list and on these."""
    entries = suppressions.entries(connection, suppressions.values_of(email_key))
    numbers = dict(connection.execute(sa.select(lists.c.id, lists.c.name).where(lists.c.name.in_(names))).all())
    on: dict[str, set[str]] = {name: set() for name in names}
    for entry in entries:
        if entry.list_id in numbers:
            on[numbers[entry.list_id]].add(entry.value)
    return Suppressed(frozenset(entry.value for entry in entries if entry.list_id == EVERY_LIST), on)


def list_numbers(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """The lists' numbers by their names; one that nobody was ever on has none."""
    return dict(connection.execute(sa.select(lists.c.name, lists.c.id).where(lists.c.name.in_(names))).all())
