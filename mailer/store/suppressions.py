"""Addresses that must not be mailed, whatever any list says."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.tables import suppressions


def add(connection: Connection, email_key: str, reason: str, now: datetime) -> bool:
    """Suppress an address; False when it was already, whose first reason and time stay."""
    if reason_of(connection, email_key) is not None:
        return False
    connection.execute(sa.insert(suppressions).values(email_key=email_key, reason=reason, created_at=now))
    return True


def remove(connection: Connection, email_key: str) -> bool:
    """Lift a suppression; False when there was none. The person's subscriptions are as they were."""
    gone = connection.execute(sa.delete(suppressions).where(suppressions.c.email_key == email_key))
    return gone.rowcount > 0


def reason_of(connection: Connection, email_key: str) -> str | None:
    """Why an address is suppressed; None when it is not."""
    query = sa.select(suppressions.c.reason).where(suppressions.c.email_key == email_key)
    return connection.execute(query).scalar()


def all_keys(connection: Connection) -> set[str]:
    """Every suppressed address's key."""
    return set(connection.execute(sa.select(suppressions.c.email_key)).scalars())
