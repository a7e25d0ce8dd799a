"""Taking a batch, and the point of no return. Every step is a compare-and-set, so that any number may try."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import sources
from mailer.model import BatchState, DeliveryState, IssueState, Recipient
from mailer.store.batching import split_first
from mailer.store.checking import check_again
from mailer.store.pacing import Pace, grant, is_blocked, reserve
from mailer.store.tables import batches, deliveries, issues


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """Who claims, for how long, how fast, and at most so many deliveries: a larger batch is divided.

    `batch`: that one or none. `ahead`: for so many seconds a slot is waited for with a batch in hand, a quarter of the
    lease unless it is said.
    """

    owner: str
    lease_seconds: float
    pace: Pace | None = None
    most: int | None = None
    batch: int | None = None
    ahead: float | None = None

    @property
    def longest_wait(self) -> timedelta:
        """How far away a slot may be."""
        return timedelta(seconds=self.lease_seconds / 4 if self.ahead is None else self.ahead)


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
    """A batch that is ours until `lease_until`, with the people it goes to. `not_before`: its slot at the rate.

    `owner`: under which name it was claimed.
    """

    id: int
    issue: str
    number: int
    attempts: int
    lease_until: datetime
    recipients: tuple[Recipient, ...]
    not_before: datetime | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class _Lease:
    owner: str
    until: datetime
    now: datetime


def claim(connection: Connection, issue: str, terms: ClaimTerms, now: datetime) -> ClaimedBatch | None:
    """The issue's next batch that is due; None when there is none, the issue is not being sent, or has no slot soon.

    Whoever unsubscribed or was suppressed since the freeze is taken out here, in the same transaction, in which its
    mails are reserved at the provider's pace as well. A slot that is further away than the terms say is not waited for
    with a batch in hand: `ready_at` says when there is one.
    """
    lease = _Lease(terms.owner, now + timedelta(seconds=terms.lease_seconds), now)
    if terms.pace is not None or terms.most is not None:
        # What is divided needs a new number. The issue is held first, as whoever holds it holds batches afterwards.
        connection.execute(sa.select(issues.c.id).where(issues.c.name == issue).with_for_update())
    granted = None
    if terms.pace is not None:
        granted = grant(connection, terms.pace, terms.longest_wait, now)
        if granted is None:
            return None
    limits = (terms.most, None if granted is None else granted.most)
    most = min((limit for limit in limits if limit is not None), default=None)
    while (row := _next_due(connection, issue, terms.batch, now)) is not None:
        number, batch_id = row.number, row.id
        if most is not None and (part := split_first(connection, row.id, most, now)) is not None:
            batch_id, number = part
        if not _take(connection, batch_id, lease):
            continue
        recipients = check_again(connection, batch_id, row.issue_id, now)
        if not recipients:
            _move(connection, batch_id, BatchState.CANCELLED, now)
            continue
        if granted is not None:
            reserve(connection, granted, len(recipients))
        slot = granted.slot if granted is not None and granted.slot > now else None
        return ClaimedBatch(batch_id, issue, number, row.attempts, lease.until, recipients, slot, lease.owner)
    return None


def begin(connection: Connection, batch_id: int, owner: str, now: datetime, marks: Marks = UNMARKED) -> bool:
    """The point of no return.

    False when the batch is no longer the owner's, the issue no longer being sent, its last moment has passed, or the
    provider wants no call now.
    """
    ours = sa.and_(
        batches.c.id == batch_id,
        batches.c.owner == owner,
        batches.c.lease_until > now,
        batches.c.state.in_(sources(BatchState.SUBMITTING)),
    )
    # The batch before its issue: who takes it from us for being late holds it, and wants the issue next.
    if connection.execute(sa.select(batches.c.id).where(ours).with_for_update()).first() is None:
        return False
    if not _may_leave(connection, batch_id, now):
        return False
    begun = connection.execute(
        sa.update(batches)
        .where(ours, ~is_blocked(marks.provider, now))
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


def _may_leave(connection: Connection, batch_id: int, now: datetime) -> bool:
    """Whether the batch's issue is being sent, which stays so until this transaction ends."""
    query = (
        sa.select(issues.c.id)
        .join_from(batches, issues, issues.c.id == batches.c.issue_id)
        .where(batches.c.id == batch_id, issues.c.state == IssueState.SENDING, _in_time(now))
    )
    # Shared: senders do not wait for each other, but whoever pauses the issue waits for them, so that nothing begins
    # once that is done.
    return connection.execute(query.with_for_update(of=issues, read=True)).first() is not None


def _in_time(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(issues.c.not_after.is_(None), issues.c.not_after >= now)


def renew(connection: Connection, batch_id: int, owner: str, lease_seconds: float, now: datetime) -> bool:
    """Extend a lease that has not run out."""
    held = (BatchState.CLAIMED, BatchState.SUBMITTING)
    renewed = connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch_id, batches.c.owner == owner, batches.c.lease_until > now)
        .where(batches.c.state.in_(held))
        .values(lease_until=now + timedelta(seconds=lease_seconds))
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


def _next_due(
    connection: Connection, issue: str, batch: int | None, now: datetime
) -> sa.Row[int, int, int, int] | None:
    query = (
        sa.select(batches.c.id, batches.c.issue_id, batches.c.number, batches.c.attempts)
        .join(issues, issues.c.id == batches.c.issue_id)
        .where(issues.c.name == issue, issues.c.state == IssueState.SENDING, _in_time(now))
        .where(batches.c.state == BatchState.PENDING)
        .where(sa.or_(batches.c.due_at.is_(None), batches.c.due_at <= now))
        .order_by(batches.c.number)
        .limit(1)
    )
    if batch is not None:
        query = query.where(batches.c.id == batch)
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
