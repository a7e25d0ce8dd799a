"""Batches that a provider keeps until later: which can be dropped, and what it means that one was.

    take      nobody else's answer counts for the batch any more, and nothing of it counts as accepted
    (drop)    the provider is told, with no transaction open
    dropped   it never leaves: its people are given to a new batch, or spared where the issue was cancelled
    keep      it was not dropped: what was accepted is accepted

Killed after `take`, whoever comes next takes it again when its time is over, and may tell the provider once more.
After the last moment for that it stays in doubt, whatever became of it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import batch_state, held_sources, sources
from mailer.model import BatchState, DeliveryState, IssueChange, IssueState
from mailer.store import issues as stored_issues
from mailer.store.batching import following_number, new_batch
from mailer.store.tables import batches, deliveries, issues
from mailer.wording import counted

DROPPING, DROPPED = "being dropped", "dropped"
"""The owner of such a batch, which is no sender's."""

TAKEN = "taken back: whether the provider dropped it is not known"
MIDST = "taken back while it was handed over"
SPARED = "taken back before it left"

IN_DOUBT = (BatchState.DOUBTFUL,)
RECALLABLE = (BatchState.SUBMITTING, BatchState.ACCEPTED, BatchState.DOUBTFUL)
AFTERWARDS = (BatchState.CANCELLED, BatchState.REFUSED)
"""The states of a batch that was dropped: refused, where somebody in it was."""


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """A batch that its provider keeps under the number `hold` until `send_at`."""

    id: int
    number: int
    hold: str
    send_at: datetime


@dataclass(frozen=True, slots=True)
class Which:
    """The batches of an issue that one provider has in one of these states, and that leave later than `after`."""

    issue: str
    provider: str
    states: Collection[BatchState]
    after: datetime


COLUMNS = (batches.c.id, batches.c.number, batches.c.hold, batches.c.send_at)
ITS_ISSUE = batches.c.issue_id == issues.c.id


def droppable(connection: Connection, which: Which, now: datetime) -> list[KeptBatch]:
    """The batches that can be dropped, but for those that somebody else is at."""
    query = sa.select(*COLUMNS).join_from(batches, issues, ITS_ISSUE)
    rows = connection.execute(query.where(_condition(which), _free(now)).order_by(batches.c.number))
    return [KeptBatch(*row) for row in rows]


def due(connection: Connection, which: Which, now: datetime) -> datetime | None:
    """When a batch can be dropped; None when there is none."""
    # Without a lease, since it was written.
    free = sa.func.coalesce(batches.c.lease_until, batches.c.updated_at)
    query = sa.select(sa.func.min(free, type_=batches.c.lease_until.type)).join_from(batches, issues, ITS_ISSUE)
    found: datetime | None = connection.execute(query.where(_condition(which))).scalar()
    return None if found is None else max(found, now)


def keeps(connection: Connection, issue: str, states: Collection[BatchState], now: datetime) -> bool:
    """Whether any provider keeps a batch of the issue that is in one of these states."""
    kept = sa.and_(issues.c.name == issue, batches.c.hold != "", batches.c.send_at > now, batches.c.state.in_(states))
    query = sa.select(sa.exists(sa.select(batches.c.id).join_from(batches, issues, ITS_ISSUE).where(kept)))
    return bool(connection.execute(query).scalar())


def take(
    connection: Connection, kept: KeptBatch, states: Collection[BatchState], until: datetime, now: datetime
) -> bool:
    """Make a batch ours to drop, `until` then; False when it changed, or somebody else is at it.

    From here on nothing of it counts as accepted: the provider may drop it and the answer be lost.
    """
    taken = connection.execute(
        sa.update(batches)
        .where(batches.c.id == kept.id, batches.c.hold == kept.hold, batches.c.state.in_(states), _free(now))
        .values(state=BatchState.DOUBTFUL, owner=DROPPING, lease_until=until, updated_at=now)
    )
    if taken.rowcount == 1:
        _doubt(connection, kept.id, now)
    return taken.rowcount == 1


def dropped(connection: Connection, kept: KeptBatch, now: datetime) -> int:
    """A batch that was taken never leaves: how many people are given to a new one, or spared by a cancelled issue.

    The old one stays, without them, as what was dropped. 0 when somebody else saw to it.
    """
    issue = _taken(connection, kept)
    if issue is None:
        return 0
    # A report of the provider may have come in between: accepted is what it was, and it does not leave.
    _doubt(connection, kept.id, now)
    theirs = sa.and_(deliveries.c.batch_id == kept.id, deliveries.c.state == DeliveryState.DOUBTFUL)
    if issue.state is IssueState.CANCELLED:
        values = {"state": DeliveryState.CANCELLED, "detail": SPARED, "updated_at": now}
        people = connection.execute(sa.update(deliveries).where(theirs).values(values)).rowcount
        words = f"{counted(people, 'mail')} of batch {kept.number} were taken back before they left"
    else:
        number = following_number(connection, issue.issue_id)
        batch_id = new_batch(connection, issue.issue_id, number, now, attempts=issue.attempts + 1)
        values = {"state": DeliveryState.PENDING, "detail": "", "provider_id": "", "due_at": None, "updated_at": now}
        values["batch_id"] = batch_id
        people = connection.execute(sa.update(deliveries).where(theirs).values(values)).rowcount
        words = f"{counted(people, 'mail')} in doubt were dropped before they left, and go out with batch {number}"
        _reopen(connection, issue.issue_id, now)
    _close(connection, kept, now)
    stored_issues.log(connection, issue.issue_id, IssueChange.RESOLVED, now, words)
    return people


def keep(connection: Connection, kept: KeptBatch, again_at: datetime, now: datetime) -> None:
    """A batch that was taken was certainly not dropped. What is in doubt stays so, and may be tried again then."""
    if _taken(connection, kept) is None:
        return
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id == kept.id, deliveries.c.detail == TAKEN)
        .where(deliveries.c.state.in_(sources(DeliveryState.ACCEPTED)))
        .values(state=DeliveryState.ACCEPTED, detail="", updated_at=now)
    )
    values: dict[str, Any] = {"state": _state(connection, kept.id), "lease_until": again_at, "updated_at": now}
    if values["state"] is not BatchState.DOUBTFUL:
        values |= {"owner": None, "lease_until": None}
    connection.execute(sa.update(batches).where(batches.c.id == kept.id).values(values))


def in_flight(connection: Connection, provider: str, now: datetime) -> int:
    """How many batches of all issues a provider was told to drop, or will be, and that would not have left yet."""
    told = sa.and_(batches.c.state.in_(AFTERWARDS), batches.c.owner == DROPPED)
    kept = sa.and_(batches.c.provider == provider, batches.c.hold != "", batches.c.send_at > now)
    query = sa.select(sa.func.count()).where(kept, sa.or_(told, batches.c.state == BatchState.DOUBTFUL))
    return int(connection.execute(query).scalar_one())


def forgettable(connection: Connection, provider: str, before: datetime) -> list[KeptBatch]:
    """Some batches that were dropped and would have left before then."""
    query = sa.select(*COLUMNS).where(
        batches.c.state.in_(AFTERWARDS),
        batches.c.owner == DROPPED,
        batches.c.provider == provider,
        batches.c.hold != "",
        batches.c.send_at < before,
    )
    return [KeptBatch(*row) for row in connection.execute(query.order_by(batches.c.id).limit(10))]


def forget(connection: Connection, kept: KeptBatch) -> None:
    """The provider does not know any more that it dropped a batch."""
    which = sa.and_(batches.c.id == kept.id, batches.c.owner == DROPPED, batches.c.hold == kept.hold)
    connection.execute(sa.update(batches).where(which).values(hold=""))


def stop(connection: Connection, issue: str, now: datetime) -> None:
    """Cancel an issue that was sent, for the sake of what is still kept of it."""
    row = stored_issues.locked(connection, issue)
    done = connection.execute(
        sa.update(issues)
        .where(issues.c.id == row.id, issues.c.state == IssueState.SENT)
        .values(state=IssueState.CANCELLED, finished_at=now, updated_at=now)
    )
    if done.rowcount == 1:
        stored_issues.log(connection, row.id, IssueChange.CANCELLED, now)


def _condition(which: Which) -> sa.ColumnElement[bool]:
    return sa.and_(
        issues.c.name == which.issue,
        batches.c.state.in_(which.states),
        batches.c.provider == which.provider,
        batches.c.hold != "",
        batches.c.send_at > which.after,
    )


def _free(now: datetime) -> sa.ColumnElement[bool]:
    """Nobody is at it: there was no owner, or a sender, or the time of who wanted to drop it is over."""
    at_it = sa.and_(batches.c.owner == DROPPING, batches.c.lease_until > now)
    return sa.or_(batches.c.owner.is_(None), batches.c.lease_until.is_(None), ~at_it)


def _doubt(connection: Connection, batch_id: int, now: datetime) -> None:
    """What of a batch was accepted, or is being handed over, is in doubt."""
    detail = sa.case((deliveries.c.state == DeliveryState.ACCEPTED, TAKEN), else_=MIDST)
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id == batch_id, deliveries.c.state.in_(held_sources(DeliveryState.DOUBTFUL)))
        .values(state=DeliveryState.DOUBTFUL, detail=detail, updated_at=now)
    )


def _taken(connection: Connection, kept: KeptBatch) -> sa.Row[int, int, IssueState] | None:
    """The taken batch and its issue's state, both held; None when it is not taken any more."""
    query = sa.select(batches.c.issue_id, batches.c.attempts, issues.c.state).join_from(batches, issues, ITS_ISSUE)
    ours = sa.and_(batches.c.id == kept.id, batches.c.hold == kept.hold, batches.c.owner == DROPPING)
    return connection.execute(query.where(ours, batches.c.state.in_(RECALLABLE)).with_for_update()).first()


def _state(connection: Connection, batch_id: int) -> BatchState:
    """The state that follows for a batch from those of its deliveries."""
    query = sa.select(deliveries.c.state, sa.func.count().label("mails")).where(deliveries.c.batch_id == batch_id)
    rows = connection.execute(query.group_by(deliveries.c.state)).all()
    return batch_state({row.state: row.mails for row in rows})


def _close(connection: Connection, kept: KeptBatch, now: datetime) -> None:
    values = {"state": _state(connection, kept.id), "owner": DROPPED, "lease_until": None, "updated_at": now}
    connection.execute(sa.update(batches).where(batches.c.id == kept.id).values(values))


def _reopen(connection: Connection, issue_id: int, now: datetime) -> None:
    """An issue that has waiting people again is not sent."""
    connection.execute(
        sa.update(issues)
        .where(issues.c.id == issue_id, issues.c.state == IssueState.SENT)
        .values(state=IssueState.SENDING, finished_at=None, updated_at=now)
    )
