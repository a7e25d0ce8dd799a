"""Who is at work on an issue: seen from what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import BatchState
from mailer.store import issues as stored_issues
from mailer.store.tables import batches

Held = Mapping[str, frozenset[tuple[int, BatchState, datetime]]]
"""By owner, the batches it holds. A change is a sign of life; a dead owner's stay as they are until they are free."""


def others(connection: Connection, issue: str, ours: str, now: datetime) -> Held:
    """What owners hold of an issue whose names do not begin with `ours`. Its row is held until this transaction ends:
    of two who ask at once and then claim, one sees the other."""
    issue_id = stored_issues.locked(connection, issue).id
    query = sa.select(batches.c.owner, batches.c.id, batches.c.state, batches.c.lease_until).where(
        batches.c.issue_id == issue_id,
        batches.c.state.in_((BatchState.CLAIMED, BatchState.SUBMITTING)),
        batches.c.lease_until > now,
        ~batches.c.owner.startswith(ours, autoescape=True),
    )
    held: dict[str, set[tuple[int, BatchState, datetime]]] = {}
    for holder, number, state, until in connection.execute(query):
        held.setdefault(holder, set()).add((number, state, until))
    return {holder: frozenset(theirs) for holder, theirs in held.items()}
