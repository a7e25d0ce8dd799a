"""Going on with an issue after a sender died: when there is something to do, and what may be done again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import sources
from mailer.model import BatchState, DeliveryState, IssueState
from mailer.store import issues as stored_issues
from mailer.store.batching import hold_batches
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
    issue_id = stored_issues.number(connection, issue)
    # Batches before their issue, as everybody does. One that somebody holds is being settled; and what falls into doubt
    # from here on is for the next time, so that no batch goes back without its people.
    mine = (batches.c.issue_id == issue_id, batches.c.state == BatchState.DOUBTFUL, batches.c.provider == provider)
    held = [batch.id for batch in hold_batches(connection, *mine, skip_locked=True)]
    if not held or stored_issues.locked(connection, issue).state is IssueState.CANCELLED:
        return 0  # of a cancelled one nobody would take them, and they would wait for ever
    reopened = 0
    for batch_id in held:
        reopened += _reopen(connection, batch_id, now)
    if reopened:
        connection.execute(
            sa.update(issues)
            .where(issues.c.id == issue_id, issues.c.state == IssueState.SENT)
            .values(state=IssueState.SENDING, finished_at=None, updated_at=now)
        )
    return reopened


def _reopen(connection: Connection, batch_id: int, now: datetime) -> int:
    """Let a batch in doubt that is held be handed over again; how many deliveries of it."""
    reopened = connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.DOUBTFUL)
        .values(state=DeliveryState.PENDING, detail="", due_at=None, updated_at=now)
    )
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch_id, batches.c.state.in_(sources(BatchState.PENDING)))
        .values(state=BatchState.PENDING, owner=None, lease_until=None, due_at=None, updated_at=now)
    )
    return reopened.rowcount
