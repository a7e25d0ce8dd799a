"""What came of a batch: receipts, leases that ran out, cancellation, the end of an issue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.outcomes import waiting_groups
from mailer.delivery.states import OPEN_BATCHES, batch_state, check_move, sources
from mailer.model import BatchState, DeliveryState, IssueChange, IssueState, Receipt
from mailer.store import issues as stored_issues
from mailer.store.answering import write_answers
from mailer.store.batching import STILL_OPEN, HeldBatch, following_number, hold_batches, new_batch
from mailer.store.pacing import Pace, release
from mailer.store.tables import batches, deliveries, issues

# A late owner may still say what came of a doubt of its own.
ANSWERABLE = (BatchState.SUBMITTING, BatchState.DOUBTFUL)

STOPPED = "the sender stopped during the call"


@dataclass(frozen=True, slots=True)
class Swept:
    """Batches whose lease ran out: `returned` had certainly not been sent, of `doubtful` something may have been."""

    returned: int
    doubtful: int


def record(connection: Connection, batch_id: int, owner: str, receipts: Sequence[Receipt], now: datetime) -> int:
    """Write down what the provider said; how many deliveries that settled, 0 when the batch is not the owner's.

    Receipts may come in parts. What is to be tried again becomes pending once every delivery has an answer:
    in the same batch when nothing of it was taken, else in a new one. What was tried too often is refused.
    """
    batch = _answerable(connection, batch_id, owner)
    if batch is None:
        return 0
    recorded = write_answers(connection, batch, receipts, now)
    _settle(connection, batch, now)
    return recorded


def settle(connection: Connection, batch_id: int, owner: str, now: datetime) -> None:
    """After a batch whose answers were jotted down one by one: its state follows from its deliveries."""
    batch = _answerable(connection, batch_id, owner)
    if batch is not None:
        _settle(connection, batch, now)


def give_back(connection: Connection, batch_id: int, owner: str, now: datetime, pace: Pace | None = None) -> bool:
    """Return a batch that was claimed and not begun; False when it is not the owner's any more.

    With the `pace` of its claim its mails do not count for the day.
    """
    mine = (batches.c.id == batch_id, batches.c.owner == owner, batches.c.state == BatchState.CLAIMED)
    held = hold_batches(connection, *mine)
    if not held:
        return False
    count = sa.select(sa.func.count()).where(
        deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.PENDING
    )
    mails = connection.execute(count).scalar_one()
    claimed_at = connection.execute(sa.select(batches.c.updated_at).where(mine[0])).scalar_one()
    # Its issue before the day's count: who claims takes them in that order too.
    _back_to_pending(connection, held[0], now)
    if pace is not None:
        release(connection, pace, mails, claimed_at)
    return True


def sweep(connection: Connection, now: datetime, boot: str = "") -> Swept:
    """Free the batches of owners that died: back to pending before the point of no return, in doubt after it.

    Of a batch that was handed over in order only the first delivery without an answer is in doubt, and the rest goes
    back. In SQLite that holds as long as this is the same `boot` of the machine: a power cut may take the last
    answers with it that a `Jotter` wrote.
    """
    states = batches.c.state.in_((BatchState.CLAIMED, BatchState.SUBMITTING))
    expired = hold_batches(connection, states, STILL_OPEN, batches.c.lease_until <= now, skip_locked=True)
    returned = doubtful = 0
    for batch in expired:
        if batch.state is BatchState.CLAIMED:
            _back_to_pending(connection, batch, now)
            returned += 1
            continue
        whole = not (batch.in_order and _is_kept(connection, batch, boot))
        doubtful += _doubt(connection, batch, now, whole=whole)
        _settle(connection, batch, now)
    return Swept(returned, doubtful)


def _is_kept(connection: Connection, batch: HeldBatch, boot: str) -> bool:
    """Whether every answer that was jotted down of a batch is there."""
    # A server keeps what it committed; a file is written by the system when it sees fit.
    return connection.dialect.name != "sqlite" or (boot != "" and batch.boot == boot)


def _doubt(connection: Connection, batch: HeldBatch, now: datetime, *, whole: bool) -> bool:
    """Put what has no answer in doubt: all of it, or the first in order, and the rest goes back. Whether there was."""
    unanswered = sa.and_(deliveries.c.batch_id == batch.id, deliveries.c.state == DeliveryState.SUBMITTING)
    first = connection.execute(sa.select(sa.func.min(deliveries.c.id)).where(unanswered)).scalar()
    if first is None:
        return False
    doubtful = unanswered if whole else sa.and_(unanswered, deliveries.c.id == first)
    connection.execute(
        sa.update(deliveries)
        .where(doubtful)
        .values(state=DeliveryState.DOUBTFUL, detail=STOPPED, due_at=None, updated_at=now)
    )
    if not whole:
        back = sa.update(deliveries).where(unanswered)
        connection.execute(back.values(state=DeliveryState.PENDING, detail="", due_at=None, updated_at=now))
    return True


def _answerable(connection: Connection, batch_id: int, owner: str) -> HeldBatch | None:
    mine = (batches.c.id == batch_id, batches.c.owner == owner, batches.c.state.in_(ANSWERABLE))
    return next(iter(hold_batches(connection, *mine)), None)


def _settle(connection: Connection, batch: HeldBatch, now: datetime) -> None:
    """Let the batch's state follow from its deliveries, once none of them waits for an answer."""
    query = (
        sa.select(deliveries.c.state, deliveries.c.due_at, sa.func.count())
        .where(deliveries.c.batch_id == batch.id)
        .group_by(deliveries.c.state, deliveries.c.due_at)
    )
    counts: Counter[DeliveryState] = Counter()
    times = []
    for state, due_at, number in connection.execute(query):
        counts[state] += number
        if state is DeliveryState.PENDING:
            times.append(due_at)
    if counts[DeliveryState.SUBMITTING]:
        return
    groups = waiting_groups(times)
    del counts[DeliveryState.PENDING]
    state = batch_state(counts)
    if groups and state is BatchState.CANCELLED:
        # Nothing of it was taken, so that it is what it was. Those who wait until another time leave it.
        *others, (_, due_at) = groups
        for group in others:
            _split_off_pending(connection, batch, group, now)
        _back_to_pending(connection, batch, now, due_at=due_at, attempts=_attempts(batch, due_at))
        return
    for group in groups:
        _split_off_pending(connection, batch, group, now)
    # The owner stays: while there is doubt, its answer still counts.
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch.id)
        .values(state=state, lease_until=None, due_at=None, updated_at=now)
    )


def _attempts(batch: HeldBatch, due_at: datetime | None) -> int:
    """What is due at once was not tried."""
    return batch.attempts + (due_at is not None)


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


def _back_to_pending(connection: Connection, batch: HeldBatch, now: datetime, **values: Any) -> None:
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch.id)
        .values(state=BatchState.PENDING, owner=None, lease_until=None, hold="", send_at=None, updated_at=now, **values)
    )
    _reopen(connection, batch.issue_id, now)


def _split_off_pending(
    connection: Connection, batch: HeldBatch, group: tuple[datetime | None, datetime | None], now: datetime
) -> None:
    """Put the deliveries that are due in that time, its ends included, into a new batch."""
    first, last = group
    number = following_number(connection, batch.issue_id)
    new_id = new_batch(connection, batch.issue_id, number, now, due_at=last, attempts=_attempts(batch, last))
    due = deliveries.c.due_at.is_(None) if first is None else deliveries.c.due_at.between(first, last)
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id == batch.id, deliveries.c.state == DeliveryState.PENDING, due)
        .values(batch_id=new_id)
    )
    _reopen(connection, batch.issue_id, now)


def _reopen(connection: Connection, issue_id: int, now: datetime) -> None:
    """An issue that has pending work again is not sent; a cancelled one lets go of it.

    Its row is held: whoever cancels or ends it at this moment does not see this work yet, and this not what they do.
    """
    query = sa.select(issues.c.name, issues.c.state).where(issues.c.id == issue_id)
    row = connection.execute(query.with_for_update()).one()
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
