"""Taking a batch, and the point of no return. Every step is a compare-and-set, so that any number may try."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import sources
from mailer.model import BatchState, DeliveryState, Exclusion, IssueState, Recipient, SubscriptionState
from mailer.store.banning import broadest
from mailer.store.pacing import Pace
from mailer.store.suppressions import EVERY_LIST
from mailer.store.tables import batches, deliveries, issue_lists, issues, lists, subscribers, subscriptions


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """Who claims, for how long, how fast, and at most so many deliveries: a larger batch is divided."""

    owner: str
    lease_seconds: float
    pace: Pace | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What is written down of a batch at the point of no return.

    `in_order`: its deliveries are handed over one by one in the order of their numbers, each answer jotted down
    before the next. `boot` says since which start of the machine the sender runs. `hold`: the provider keeps the
    mails under this number until `send_at`.
    """

    provider: str = ""
    in_order: bool = False
    boot: str = ""
    hold: str = ""
    send_at: datetime | None = None


UNMARKED = Marks()


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """A batch that is ours until `lease_until`, with the people it goes to. `not_before`: its slot at the rate."""

    id: int
    issue: str
    number: int
    attempts: int
    lease_until: datetime
    recipients: tuple[Recipient, ...]
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Lease:
    owner: str
    until: datetime
    now: datetime


def claim(connection: Connection, issue: str, terms: ClaimTerms, now: datetime) -> ClaimedBatch | None:
    """The issue's next batch that is due; None when there is none, or the issue is not being sent.

    Whoever unsubscribed or was suppressed since the freeze is taken out here, in the same transaction.
    """
    lease = _Lease(terms.owner, now + timedelta(seconds=terms.lease_seconds), now)
    while (row := _next_due(connection, issue, now)) is not None:
        if not _take(connection, row.id, lease):
            continue
        recipients = _check_again(connection, row.id, row.issue_id, now)
        if recipients:
            return ClaimedBatch(row.id, issue, row.number, row.attempts, lease.until, recipients)
        _move(connection, row.id, BatchState.CANCELLED, now)
    return None


def begin(connection: Connection, batch_id: int, owner: str, now: datetime, marks: Marks = UNMARKED) -> bool:
    """The point of no return. False when the batch is no longer the owner's, or the issue no longer being sent."""
    still_sending = sa.exists().where(issues.c.id == batches.c.issue_id, issues.c.state == IssueState.SENDING)
    begun = connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch_id, batches.c.owner == owner, batches.c.lease_until > now)
        .where(batches.c.state.in_(sources(BatchState.SUBMITTING)), still_sending)
        .values(state=BatchState.SUBMITTING, updated_at=now, **asdict(marks))
    )
    if begun.rowcount != 1:
        return False
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.PENDING)
        .values(state=DeliveryState.SUBMITTING, due_at=None, updated_at=now)
    )
    return True


def renew(connection: Connection, batch_id: int, owner: str, lease_seconds: float, now: datetime) -> bool:
    """Extend a lease that has not run out."""
    held = (BatchState.CLAIMED, BatchState.SUBMITTING)
    renewed = connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch_id, batches.c.owner == owner, batches.c.lease_until > now)
        .where(batches.c.state.in_(held))
        .values(lease_until=now + timedelta(seconds=lease_seconds), updated_at=now)
    )
    return renewed.rowcount == 1


def next_due(connection: Connection, issue: str) -> datetime | None:
    """When the earliest batch that has to wait is due; None when none waits."""
    query = (
        sa.select(sa.func.min(batches.c.due_at))
        .join(issues, issues.c.id == batches.c.issue_id)
        .where(issues.c.name == issue, batches.c.state == BatchState.PENDING)
    )
    return connection.execute(query).scalar()


def _next_due(connection: Connection, issue: str, now: datetime) -> sa.Row[int, int, int, int] | None:
    query = (
        sa.select(batches.c.id, batches.c.issue_id, batches.c.number, batches.c.attempts)
        .join(issues, issues.c.id == batches.c.issue_id)
        .where(issues.c.name == issue, issues.c.state == IssueState.SENDING)
        .where(batches.c.state == BatchState.PENDING)
        .where(sa.or_(batches.c.due_at.is_(None), batches.c.due_at <= now))
        .order_by(batches.c.number)
        .limit(1)
    )
    # Where rows are locked, a batch somebody else is just taking is passed over.
    return connection.execute(query.with_for_update(of=batches, skip_locked=True)).first()


def _take(connection: Connection, batch_id: int, lease: _Lease) -> bool:
    taken = connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch_id, batches.c.state.in_(sources(BatchState.CLAIMED)))
        .values(state=BatchState.CLAIMED, owner=lease.owner, lease_until=lease.until, updated_at=lease.now)
    )
    return taken.rowcount == 1


def _move(connection: Connection, batch_id: int, state: BatchState, now: datetime) -> None:
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch_id, batches.c.state.in_(sources(state)))
        .values(state=state, owner=None, lease_until=None, updated_at=now)
    )


def _check_again(connection: Connection, batch_id: int, issue_id: int, now: datetime) -> tuple[Recipient, ...]:
    rows = connection.execute(_people(batch_id)).all()
    kept: list[sa.Row[Any]] = []
    others: list[sa.Row[Any]] = []
    for row in rows:
        open_to = row.state is SubscriptionState.CONFIRMED and row.ban is None
        (kept if open_to else others).append(row)
    moved = False
    for row in others:
        new_list = None if row.ban == EVERY_LIST else _other_list(connection, row.id, issue_id)
        moved = moved or new_list is not None
        change: dict[str, Any] = {"list_id": new_list}
        if new_list is None:
            change = {"state": DeliveryState.EXCLUDED, "detail": _reason(row).value}
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id == row.id, deliveries.c.state == DeliveryState.PENDING)
            .values(updated_at=now, **change)
        )
    if moved:
        kept = list(connection.execute(_people(batch_id)))
    return tuple(Recipient(*tuple(row)[:5]) for row in kept)


def _reason(row: sa.Row[Any]) -> Exclusion:
    """Why the list of a delivery cannot mail its person any more."""
    return Exclusion.SUPPRESSED if row.ban is not None else Exclusion(row.state or Exclusion.UNSUBSCRIBED)


def _people(batch_id: int) -> sa.Select[Any]:
    """The pending deliveries of a batch as recipients, each with the subscription that brought it and its ban."""
    its_subscription = sa.and_(
        subscriptions.c.list_id == deliveries.c.list_id,
        subscriptions.c.subscriber_id == deliveries.c.subscriber_id,
    )
    return (
        sa.select(
            deliveries.c.id,
            subscribers.c.public_id,
            sa.func.coalesce(subscribers.c.ascii_email, subscribers.c.email),
            lists.c.name,
            subscribers.c.attributes,
            subscriptions.c.state,
            sa.case((subscribers.c.forgotten_at.is_not(None), EVERY_LIST), else_=broadest(deliveries.c.list_id)).label(
                "ban"
            ),
        )
        .join_from(deliveries, subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(lists, lists.c.id == deliveries.c.list_id)
        .join(subscriptions, its_subscription, isouter=True)
        .where(deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.PENDING)
        .order_by(deliveries.c.id)
    )


def _other_list(connection: Connection, delivery_id: int, issue_id: int) -> int | None:
    """The first list of the issue that can mail this delivery's person now, by the rule of the freeze."""
    query = (
        sa.select(issue_lists.c.list_id)
        .join(subscriptions, subscriptions.c.list_id == issue_lists.c.list_id)
        .join(deliveries, deliveries.c.subscriber_id == subscriptions.c.subscriber_id)
        .where(deliveries.c.id == delivery_id, issue_lists.c.issue_id == issue_id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(subscriptions.c.state == SubscriptionState.CONFIRMED, broadest(issue_lists.c.list_id).is_(None))
        .order_by(issue_lists.c.position)
        .limit(1)
    )
    return connection.execute(query).scalar()
