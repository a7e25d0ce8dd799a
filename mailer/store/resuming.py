"""Going on with an issue after a sender died: when there is something to do, and what may be done again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import sources
from mailer.model import BatchState, DeliveryState, IssueState
from mailer.store import issues as stored_issues
from mailer.store.tables import batches, deliveries, issues


def next_free(connection: Connection, issue: str) -> datetime | None:
    """When the next batch can be claimed: it is due then, or its owner's lease ends. None when none is open.

    An issue that is not being sent has nothing to wait for.
    """
    held = batches.c.state.in_((BatchState.CLAIMED, BatchState.SUBMITTING))
    waiting = batches.c.state == BatchState.PENDING
    # A batch without a time is due since it was written.
    free = sa.case((held, batches.c.lease_until), else_=sa.func.coalesce(batches.c.due_at, batches.c.updated_at))
    query = (
        sa.select(sa.func.min(free, type_=batches.c.due_at.type))
        .join_from(batches, issues, issues.c.id == batches.c.issue_id)
        .where(issues.c.name == issue, issues.c.state == IssueState.SENDING, sa.or_(held, waiting))
    )
    return connection.execute(query).scalar()


def resend_doubts(connection: Connection, issue: str, now: datetime, provider: str = "") -> int:
    """Let what is in doubt of an issue at that provider be handed over to it again; how many deliveries there are.

    For one to which handing over twice makes no second mail: nobody else, and not what another provider may have.
    """
    row = stored_issues.locked(connection, issue)
    if row.state is IssueState.CANCELLED:
        return 0  # nobody would take them, and they would wait for ever
    issue_id = row.id
    here = sa.and_(
        batches.c.issue_id == issue_id, batches.c.state == BatchState.DOUBTFUL, batches.c.provider == provider
    )
    doubtful = sa.select(batches.c.id).where(here)
    reopened = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id.in_(doubtful), deliveries.c.state == DeliveryState.DOUBTFUL)
        .values(state=DeliveryState.PENDING, detail="", due_at=None, updated_at=now)
    )
    connection.execute(
        sa.update(batches)
        .where(here, batches.c.state.in_(sources(BatchState.PENDING)))
        .values(state=BatchState.PENDING, owner=None, lease_until=None, due_at=None, updated_at=now)
    )
    if reopened.rowcount:
        connection.execute(
            sa.update(issues)
            .where(issues.c.id == issue_id, issues.c.state == IssueState.SENT)
            .values(state=IssueState.SENDING, finished_at=None, updated_at=now)
        )
    return reopened.rowcount
