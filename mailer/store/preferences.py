"""What a person decided about themselves: a pause, and whether they are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import pass_door
from mailer.store.tables import subscribers


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody whom a link names. `number` is the row's; `untracked`: they do not want to be counted."""

    number: int
    id: str
    email: str
    email_key: str
    attributes: Mapping[str, Any]
    paused_until: datetime | None
    untracked: bool


HOLDER = (
    subscribers.c.id,
    subscribers.c.public_id,
    subscribers.c.email,
    subscribers.c.email_key,
    subscribers.c.attributes,
    subscribers.c.paused_until,
    subscribers.c.untracked,
)


def holder(connection: Connection, public_id: str, *, locked: bool = False) -> Holder | None:
    """The person of that id; None for who was forgotten or never was.

    `locked`: until the transaction ends, as by everybody who changes a subscription.
    """
    query = sa.select(*HOLDER).where(subscribers.c.public_id == public_id, subscribers.c.forgotten_at.is_(None))
    if locked:
        pass_door(connection)
        query = query.with_for_update(key_share=True)
    row = connection.execute(query).first()
    return Holder(*row) if row else None


def pause(connection: Connection, number: int, until: datetime | None, now: datetime) -> None:
    """Send them nothing until then; None ends a pause."""
    _set(connection, number, {"paused_until": until}, now)


def count_them(connection: Connection, number: int, counted: bool, now: datetime) -> None:
    """Whether what they open and click may be counted, where the organisation counts."""
    _set(connection, number, {"untracked": not counted}, now)


def set_attributes(connection: Connection, number: int, attributes: Mapping[str, Any], now: datetime) -> None:
    """What is known of them from now on, for a transaction that has locked them."""
    _set(connection, number, {"attributes": dict(attributes)}, now)


def _set(connection: Connection, number: int, values: Mapping[str, Any], now: datetime) -> None:
    connection.execute(sa.update(subscribers).where(subscribers.c.id == number).values(**values, updated_at=now))
