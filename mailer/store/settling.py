"""What came of a batch: receipts, leases that ran out, cancellation, the end of an issue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.outcomes import STATE_AFTER, try_again_at
from mailer.delivery.states import OPEN_BATCHES, batch_state, check_move, sources
from mailer.model import BatchState, DeliveryState, IssueChange, IssueState, Receipt
from mailer.store import issues as stored_issues
from mailer.store.batching import new_batch
from mailer.store.pacing import Pace
from mailer.store.tables import batches, deliveries, issues

# A late owner may still say what came of a doubt of its own.
ANSWERABLE = (BatchState.SUBMITTING, BatchState.DOUBTFUL)


BATCH = (batches.c.id, batches.c.issue_id, batches.c.attempts, batches.c.state, batches.c.in_order, batches.c.boot)


@dataclass(frozen=True, slots=True)
class _Batch:
    id: int
    issue_id: int
    attempts: int
    state: BatchState
    in_order: bool
    boot: str


@dataclass(frozen=True, slots=True)
class Swept:
    """Batches whose lease ran out: `returned` had certainly not been sent, `doubtful` may have been."""

    returned: int
    doubtful: int


def record(connection: Connection, batch_id: int, owner: str, receipts: Sequence[Receipt], now: datetime) -> int:
    """Write down what the provider said; how many deliveries that settled, 0 when the batch is not the owner's.

    Receipts may come in parts. What is to be tried again becomes pending once every delivery has an answer:
    in the same batch when nothing of it was taken, else in a new one.
    """
    query = sa.select(*BATCH).where(batches.c.id == batch_id, batches.c.owner == owner, batches.c.state.in_(ANSWERABLE))
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        return 0
    batch = _Batch(*row)
    by_state: defaultdict[DeliveryState, list[dict[str, Any]]] = defaultdict(list)
    for receipt in receipts:
        by_state[STATE_AFTER[receipt.outcome]].append(
            {
                "its_id": receipt.delivery_id,
                "new_detail": receipt.detail,
                "new_provider_id": receipt.provider_id,
                "new_due_at": try_again_at(receipt.outcome, now, batch.attempts, receipt.retry_after),
            }
        )
    recorded = 0
    for state, rows in by_state.items():
        statement = (
            sa.update(deliveries)
            .where(deliveries.c.id == sa.bindparam("its_id"), deliveries.c.batch_id == batch_id)
            # Equals and not IN, whose parameters cannot be sent for many rows at once.
            .where(sa.or_(*(deliveries.c.state == old for old in sources(state))))
            .values(
                state=state,
                detail=sa.bindparam("new_detail"),
                provider_id=sa.bindparam("new_provider_id"),
                due_at=sa.bindparam("new_due_at", type_=deliveries.c.due_at.type),
                updated_at=now,
            )
        )
        recorded += connection.execute(statement, rows).rowcount
    _settle(connection, batch, now)
    return recorded


def give_back(connection: Connection, batch_id: int, owner: str, now: datetime, pace: Pace | None = None) -> bool:
    """Return a batch that was claimed and not begun; False when it is not the owner's any more.

    With the `pace` of its claim, its mails do not count for the day.
    """
    query = sa.select(*BATCH).where(
        batches.c.id == batch_id, batches.c.owner == owner, batches.c.state == BatchState.CLAIMED
    )
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        return False
    _back_to_pending(connection, _Batch(*row), now)
    return True


def settle(connection: Connection, batch_id: int, owner: str, now: datetime) -> None:
    """After a batch whose answers were jotted down one by one: its state follows from its deliveries."""
    query = sa.select(*BATCH).where(batches.c.id == batch_id, batches.c.owner == owner, batches.c.state.in_(ANSWERABLE))
    row = connection.execute(query.with_for_update()).first()
    if row is not None:
        _settle(connection, _Batch(*row), now)


def sweep(connection: Connection, now: datetime, boot: str = "") -> Swept:
    """Free the batches of owners that died: back to pending before the point of no return, in doubt after it.

    Of a batch that was handed over in order only the first delivery without an answer is in doubt, if this is still
    the same `boot` of the machine: what its sender jotted down may miss the last answers after a power cut.
    """
    query = (
        sa.select(*BATCH)
        .where(batches.c.state.in_((BatchState.CLAIMED, BatchState.SUBMITTING)))
        .where(batches.c.lease_until <= now)
        .order_by(batches.c.id)
    )
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    expired = [_Batch(*row) for row in rows]
    for batch in expired:
        if batch.state is BatchState.CLAIMED:
            _back_to_pending(connection, batch, now)
            continue
        unanswered = sa.and_(deliveries.c.batch_id == batch.id, deliveries.c.state == DeliveryState.SUBMITTING)
        doubtful = unanswered
        if batch.in_order and boot and batch.boot == boot:
            first = connection.execute(sa.select(sa.func.min(deliveries.c.id)).where(unanswered)).scalar()
            doubtful = sa.and_(unanswered, deliveries.c.id == first)
        connection.execute(
            sa.update(deliveries)
            .where(doubtful)
            .values(
                state=DeliveryState.DOUBTFUL,
                detail="the sender stopped during the call",
                updated_at=now,
            )
        )
        connection.execute(
            sa.update(deliveries).where(unanswered).values(state=DeliveryState.PENDING, due_at=None, updated_at=now)
        )
        _settle(connection, batch, now)
    returned = sum(batch.state is BatchState.CLAIMED for batch in expired)
    return Swept(returned, len(expired) - returned)


def _settle(connection: Connection, batch: _Batch, now: datetime) -> None:
    """Let the batch's state follow from its deliveries, once none of them waits for an answer."""
    query = (
        sa.select(deliveries.c.state, sa.func.count(), sa.func.max(deliveries.c.due_at))
        .where(deliveries.c.batch_id == batch.id)
        .group_by(deliveries.c.state)
    )
    rows = connection.execute(query).all()
    counts = {state: count for state, count, _ in rows}
    due_at = next((due for state, _, due in rows if state is DeliveryState.PENDING), None)
    if counts.get(DeliveryState.SUBMITTING):
        return
    again = bool(counts.pop(DeliveryState.PENDING, 0))
    state = batch_state(counts)
    attempts = batch.attempts + (due_at is not None)
    if again and state is BatchState.CANCELLED:
        _back_to_pending(connection, batch, now, due_at=due_at, attempts=attempts)
        return
    if again:
        _split_off_pending(connection, batch, now, due_at=due_at, attempts=attempts)
    # The owner stays: while there is doubt, its answer still counts.
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch.id)
        .values(state=state, lease_until=None, due_at=None, updated_at=now)
    )


def cancel(connection: Connection, issue: str, now: datetime) -> int:
    """Stop an issue for good; how many deliveries that kept from leaving. What is in flight ends as it ends."""
    issue_id = stored_issues.set_state(connection, issue, IssueState.CANCELLED, now)
    stored_issues.log(connection, issue_id, IssueChange.CANCELLED, now)
    return _cancel_waiting(connection, issue_id, now)


def finish(connection: Connection, issue: str, now: datetime) -> bool:
    """Whether the issue is sent: it becomes so when no batch of it is pending, claimed or submitting."""
    row = stored_issues.locked(connection, issue)
    if row.state is IssueState.SENT:
        return True
    work_left = sa.exists().where(batches.c.issue_id == issues.c.id, batches.c.state.in_(sorted(OPEN_BATCHES)))
    done = connection.execute(
        sa.update(issues)
        .where(issues.c.id == row.id, issues.c.state.in_(sources(IssueState.SENT)), ~work_left)
        .values(state=IssueState.SENT, finished_at=now, updated_at=now, reason="")
    )
    if done.rowcount == 1:
        stored_issues.log(connection, row.id, IssueChange.SENT, now)
    return done.rowcount == 1


def _back_to_pending(connection: Connection, batch: _Batch, now: datetime, **values: Any) -> None:
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch.id)
        .values(state=BatchState.PENDING, owner=None, lease_until=None, updated_at=now, **values)
    )
    _reopen(connection, batch.issue_id, now)


def _split_off_pending(
    connection: Connection, batch: _Batch, now: datetime, *, due_at: datetime | None, attempts: int
) -> None:
    # The issue's row is held first: two senders at once must not give two batches one number.
    connection.execute(sa.select(issues.c.id).where(issues.c.id == batch.issue_id).with_for_update())
    last = sa.select(sa.func.max(batches.c.number)).where(batches.c.issue_id == batch.issue_id)
    number = connection.execute(last).scalar_one() + 1
    new_id = new_batch(connection, batch.issue_id, number, now, due_at=due_at, attempts=attempts)
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id == batch.id, deliveries.c.state == DeliveryState.PENDING)
        .values(batch_id=new_id)
    )
    _reopen(connection, batch.issue_id, now)


def _reopen(connection: Connection, issue_id: int, now: datetime) -> None:
    """An issue that has pending work again is not sent; a cancelled one lets go of it."""
    row = connection.execute(sa.select(issues.c.name, issues.c.state).where(issues.c.id == issue_id)).one()
    if row.state is IssueState.CANCELLED:
        _cancel_waiting(connection, issue_id, now)
    elif row.state is IssueState.SENT:
        check_move(row.state, IssueState.SENDING, f'issue "{row.name}"')
        connection.execute(
            sa.update(issues)
            .where(issues.c.id == issue_id)
            .values(state=IssueState.SENDING, finished_at=None, updated_at=now)
        )


def _cancel_waiting(connection: Connection, issue_id: int, now: datetime) -> int:
    waiting = sa.select(batches.c.id).where(batches.c.issue_id == issue_id, batches.c.state == BatchState.PENDING)
    stopped = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id.in_(waiting), deliveries.c.state == DeliveryState.PENDING)
        .values(state=DeliveryState.CANCELLED, due_at=None, updated_at=now)
    )
    connection.execute(
        sa.update(batches)
        .where(batches.c.issue_id == issue_id, batches.c.state == BatchState.PENDING)
        .values(state=BatchState.CANCELLED, due_at=None, updated_at=now)
    )
    return stopped.rowcount
