"""Which mails of ours a mail that came back may be about: found by their numbers, with whom they went to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.tables import confirmations, deliveries, issues, subscribers

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 400


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that was written. `issue` is empty for one that asked to confirm, and `email_key` once its person
    is forgotten."""

    issue: str
    email_key: str


def of_issues(connection: Connection, numbers: Collection[int]) -> dict[int, Mailed]:
    """Those deliveries that there are."""
    query = (
        sa.select(deliveries.c.id, issues.c.name, subscribers.c.email_key, subscribers.c.forgotten_at)
        .join(issues, issues.c.id == deliveries.c.issue_id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
    )
    found: dict[int, Mailed] = {}
    chosen = sorted(set(numbers))
    for start in range(0, len(chosen), CHUNK):
        here = deliveries.c.id.in_(chosen[start : start + CHUNK])
        # The key of somebody who was forgotten says nothing.
        found |= {row[0]: Mailed(row[1], "" if row[3] else row[2]) for row in connection.execute(query.where(here))}
    return found


def of_asks(connection: Connection, message_ids: Collection[str]) -> dict[str, Mailed]:
    """Those mails that asked to confirm, by their Message-ID."""
    query = sa.select(confirmations.c.message_id, subscribers.c.email_key, subscribers.c.forgotten_at).join(
        subscribers, subscribers.c.id == confirmations.c.subscriber_id
    )
    found: dict[str, Mailed] = {}
    chosen = sorted(set(message_ids))
    for start in range(0, len(chosen), CHUNK):
        here = confirmations.c.message_id.in_(chosen[start : start + CHUNK])
        found |= {row[0]: Mailed("", "" if row[2] else row[1]) for row in connection.execute(query.where(here))}
    return found
