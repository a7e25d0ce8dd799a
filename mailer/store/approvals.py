"""Who approved which content of an issue. What is there is only ever added to, or withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.tables import approvals


@dataclass(frozen=True, slots=True)
class Given:
    """An approval as it was given. `how`: "user" of the operating system; or "key", with a signature over the words."""

    issue: str
    hash: str
    who: str
    how: str
    statement: str
    signature: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredApproval(Given):
    """The same as it is kept."""

    withdrawn_at: datetime | None


COLUMNS = (
    approvals.c.issue,
    approvals.c.hash,
    approvals.c.who,
    approvals.c.how,
    approvals.c.statement,
    approvals.c.signature,
    approvals.c.at,
    approvals.c.withdrawn_at,
)


def add(connection: Connection, given: Given) -> None:
    values = {
        "issue": given.issue,
        "hash": given.hash,
        "who": given.who,
        "how": given.how,
        "statement": given.statement,
        "signature": given.signature,
        "at": given.at,
    }
    connection.execute(sa.insert(approvals), values)


def of(connection: Connection, issue: str) -> list[StoredApproval]:
    """Every approval of an issue, of whatever content it had, oldest first."""
    query = sa.select(*COLUMNS).where(approvals.c.issue == issue).order_by(approvals.c.id)
    return [StoredApproval(*row) for row in connection.execute(query)]


def withdraw(connection: Connection, issue: str, who: str, now: datetime) -> list[str]:
    """Take back what somebody approved of an issue, of whatever content; the hashes of that."""
    theirs = (approvals.c.issue == issue, approvals.c.who == who, approvals.c.withdrawn_at.is_(None))
    hashes = list(connection.execute(sa.select(approvals.c.hash).where(*theirs)).scalars())
    connection.execute(sa.update(approvals).where(*theirs).values(withdrawn_at=now))
    return hashes
