"""What must have come to rest before a database can be moved."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import BatchState, IssueState, JobState
from mailer.store.tables import batches, issues, jobs, workers

ALIVE = timedelta(seconds=10)
"""A worker that was heard of since then is one that works."""


def busy_issues(connection: Connection, now: datetime) -> list[str]:
    """The issues that are being sent, or of which somebody has something in hand."""
    held = sa.exists().where(
        batches.c.issue_id == issues.c.id,
        batches.c.state.in_((BatchState.CLAIMED, BatchState.SUBMITTING)),
        batches.c.lease_until > now,
    )
    query = sa.select(issues.c.name).where(sa.or_(issues.c.state == IssueState.SENDING, held))
    return list(connection.execute(query.order_by(issues.c.name)).scalars())


def busy_jobs(connection: Connection, now: datetime) -> list[str]:
    """The kinds of the jobs that somebody does at this moment."""
    query = sa.select(jobs.c.kind).where(jobs.c.state == JobState.RUNNING, jobs.c.lease_until > now).distinct()
    return sorted(kind.value for kind in connection.execute(query).scalars())


def live_workers(connection: Connection, now: datetime) -> list[str]:
    """The hosts on which `mailer work` runs."""
    query = sa.select(workers.c.host).where(workers.c.ended_at.is_(None), workers.c.seen_at > now - ALIVE).distinct()
    return sorted(connection.execute(query).scalars())
