"""How fast a provider may be used, by all senders on one database together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import insert_absent
from mailer.store.tables import rates


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one provider may be used.

    `per_minute`: mails a minute. `warmup`: the most mails on the first, second, ... day on which there was any
    sending; after its end there is no cap. `zone`: whose midnight ends a day.
    """

    provider: str
    per_minute: int | None = None
    warmup: tuple[int, ...] = ()
    zone: str = "UTC"


def block(connection: Connection, provider: str, until: datetime, now: datetime) -> None:
    """The provider wants no call before `until`: nobody claims anything for it. A longer wait stays."""
    insert_absent(connection, rates, {"provider": provider})
    longer = sa.or_(rates.c.blocked_until.is_(None), rates.c.blocked_until < until)
    connection.execute(sa.update(rates).where(rates.c.provider == provider, longer).values(blocked_until=until))


def ready_at(connection: Connection, pace: Pace, now: datetime) -> datetime | None:
    """When the next batch can be claimed; None: now."""
    query = sa.select(rates.c.blocked_until).where(rates.c.provider == pace.provider)
    until: datetime | None = connection.execute(query).scalar()
    return until if until is not None and until > now else None
