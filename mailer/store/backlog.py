"""What waits to be done, and since when: for people who look whether the workers keep up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import BatchState, IssueKind, IssueState, JobState
from mailer.store.tables import batches, issues, jobs

IN_HAND = (BatchState.CLAIMED, BatchState.SUBMITTING)


@dataclass(frozen=True, slots=True)
class IssueBacklog:
    """An issue being sent: batches that are due, since when the first of them is, and those that a sender has."""

    name: str
    kind: IssueKind
    due: int
    since: datetime | None
    in_hand: int


@dataclass(frozen=True, slots=True)
class PausedIssue:
    name: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class JobBacklog:
    """Jobs that are due, since when the first of them is, and those that waited for a person since."""

    due: int
    since: datetime | None
    failed: int
    failed_since: datetime | None


def sending(connection: Connection, now: datetime) -> list[IssueBacklog]:
    """The issues being sent with something left, those with the oldest work first.

    A batch whose sender's lease has run out is due again.
    """
    waits = sa.and_(batches.c.state == BatchState.PENDING, sa.or_(batches.c.due_at.is_(None), batches.c.due_at <= now))
    held = batches.c.state.in_(IN_HAND)
    lost = sa.and_(held, batches.c.lease_until <= now)
    due = sa.or_(waits, lost)
    began = sa.func.coalesce(issues.c.started_at, issues.c.frozen_at)
    since = sa.case((waits, sa.func.coalesce(batches.c.due_at, began)), (lost, batches.c.lease_until))
    query = (
        sa.select(
            issues.c.name,
            issues.c.kind,
            sa.func.count(sa.case((due, 1))).label("due"),
            sa.func.min(since, type_=batches.c.due_at.type).label("since"),
            sa.func.count(sa.case((sa.and_(held, batches.c.lease_until > now), 1))).label("in_hand"),
        )
        .join_from(issues, batches, batches.c.issue_id == issues.c.id)
        .where(issues.c.state == IssueState.SENDING, batches.c.state.in_((BatchState.PENDING, *IN_HAND)))
        .group_by(issues.c.id)
    )
    rows = [IssueBacklog(**row._asdict()) for row in connection.execute(query)]
    return sorted(rows, key=lambda row: (row.since is None, row.since or now, row.name))


def to_begin(connection: Connection, now: datetime) -> list[tuple[str, datetime]]:
    """The scheduled issues whose time has come, the earliest first, and when that was."""
    query = sa.select(issues.c.name, issues.c.due_at).where(
        issues.c.state == IssueState.SCHEDULED, issues.c.due_at <= now
    )
    return [(name, due_at) for name, due_at in connection.execute(query.order_by(issues.c.due_at, issues.c.id))]


def paused(connection: Connection) -> list[PausedIssue]:
    """The issues that go on at a person's word only, the oldest pause first."""
    query = sa.select(issues.c.name, issues.c.reason, issues.c.updated_at).where(issues.c.state == IssueState.PAUSED)
    return [PausedIssue(*row) for row in connection.execute(query.order_by(issues.c.updated_at, issues.c.id))]


def of_jobs(connection: Connection, now: datetime) -> JobBacklog:
    """The jobs that are due; also those whose worker was not heard of for longer than its lease."""
    waits = sa.and_(jobs.c.state == JobState.WAITING, jobs.c.due_at <= now)
    lost = sa.and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until <= now)
    due = sa.select(sa.func.count(), sa.func.min(jobs.c.due_at)).where(sa.or_(waits, lost))
    failed = sa.select(sa.func.count(), sa.func.min(jobs.c.updated_at)).where(jobs.c.state == JobState.FAILED)
    return JobBacklog(*connection.execute(due).one(), *connection.execute(failed).one())
