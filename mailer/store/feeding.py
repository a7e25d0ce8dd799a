"""What there is to do in the issues being sent, for whoever hands out the work: read only, and cheap at any size."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import OPEN_BATCHES
from mailer.model import BatchState, IssueState
from mailer.store.batching import STILL_OPEN
from mailer.store.issues import LISTING, IssueRow
from mailer.store.scheduling import HELD, urgency
from mailer.store.tables import batches, issues


@dataclass(frozen=True, slots=True)
class SendingIssue:
    """An issue being sent. `batch_size`: the most people of one batch."""

    row: IssueRow
    batch_size: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How an issue stands: its state, and why it is paused."""

    state: IssueState
    reason: str


def sending(connection: Connection) -> list[SendingIssue]:
    """The issues being sent: alerts before bulletins, then the oldest."""
    query = sa.select(*LISTING, issues.c.batch_size).where(issues.c.state == IssueState.SENDING)
    found = []
    for row in connection.execute(query):
        values = row._asdict()
        size = values.pop("batch_size")
        found.append(SendingIssue(IssueRow(**values), size))
    return sorted(found, key=lambda each: place(each.row))


def place(issue: IssueRow) -> tuple[int, datetime, int]:
    """The place of an issue being sent among the others."""
    return urgency(issue.kind), issue.started_at or issue.frozen_at, issue.id


def due_batches(connection: Connection, issue_id: int, now: datetime, most: int) -> list[int]:
    """The issue's first batches that are due."""
    query = (
        sa.select(batches.c.id)
        .where(batches.c.issue_id == issue_id, batches.c.state == BatchState.PENDING)
        .where(sa.or_(batches.c.due_at.is_(None), batches.c.due_at <= now))
        .order_by(batches.c.number)
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def is_open(connection: Connection, issue_id: int) -> bool:
    """Whether anything of the issue waits or is in hand."""
    mine = (batches.c.issue_id == issue_id, batches.c.state.in_(sorted(OPEN_BATCHES)))
    return bool(connection.execute(sa.select(sa.exists().where(*mine))).scalar())


def holders(connection: Connection, issue_id: int, now: datetime) -> set[str]:
    """Who holds batches of the issue."""
    query = sa.select(batches.c.owner).where(
        batches.c.issue_id == issue_id, batches.c.state.in_(HELD), batches.c.lease_until > now
    )
    return set(connection.execute(query).scalars())


def left_behind(connection: Connection, now: datetime) -> bool:
    """Whether any batch's owner is dead, as far as its lease tells."""
    # Index by state: those that are held are few.
    dead = sa.exists().where(batches.c.state.in_(HELD), STILL_OPEN, batches.c.lease_until <= now)
    return bool(connection.execute(sa.select(dead)).scalar())


def doubts_of(connection: Connection, issue_id: int, provider: str) -> bool:
    """Whether a batch of the issue is in doubt at that provider."""
    doubt = sa.exists().where(
        batches.c.issue_id == issue_id, batches.c.state == BatchState.DOUBTFUL, batches.c.provider == provider
    )
    return bool(connection.execute(sa.select(doubt)).scalar())


def issue_of(connection: Connection, batch_id: int) -> IssueRow | None:
    """The issue of a batch that waits; None when the batch does not, or its issue is not being sent."""
    query = (
        sa.select(*LISTING)
        .join_from(batches, issues, issues.c.id == batches.c.issue_id)
        .where(batches.c.id == batch_id, batches.c.state == BatchState.PENDING, issues.c.state == IssueState.SENDING)
    )
    row = connection.execute(query).first()
    return None if row is None else IssueRow(**row._asdict())


def issue_numbered(connection: Connection, issue_id: int) -> IssueRow | None:
    """The issue of that number; None when it is a draft again."""
    row = connection.execute(sa.select(*LISTING).where(issues.c.id == issue_id)).first()
    return None if row is None else IssueRow(**row._asdict())


def standings(connection: Connection, issue_ids: Collection[int]) -> Mapping[int, Standing]:
    """How these issues stand."""
    query = sa.select(issues.c.id, issues.c.state, issues.c.reason).where(issues.c.id.in_(issue_ids))
    return {row.id: Standing(row.state, row.reason) for row in connection.execute(query)}
