"""New batches."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.model import BatchState
from mailer.store.database import insert_row
from mailer.store.tables import batches


def new_batch(
    connection: Connection,
    issue_id: int,
    number: int,
    now: datetime,
    *,
    due_at: datetime | None = None,
    attempts: int = 0,
) -> int:
    """A batch that waits, without deliveries; its id. `due_at` None is at once."""
    values = {
        "issue_id": issue_id,
        "number": number,
        "state": BatchState.PENDING,
        "due_at": due_at,
        "attempts": attempts,
        "updated_at": now,
        "provider": "",
        "in_order": False,
        "boot": "",
        "hold": "",
    }
    return insert_row(connection, batches, values)
