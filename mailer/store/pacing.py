"""How fast a provider may be used, by all senders on one database together.

A claim reserves what it takes in its own transaction: a slot at the rate, and its mails in the day's count. So the
limits hold for any number of senders, and whoever dies with a batch leaves no more behind than a share of a day.

The rate is kept over every 60 seconds: the mails of all the slots in them are never more. A slot is for a whole
batch, whose mails go at once, so that a batch has no more than what goes in a second or so (`Pace.burst`), and as much
is left of each minute for the one that falls on its edge. What counts is the slot: a mail that leaves seconds after it
(the network is slow) may meet later ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import insert_absent
from mailer.store.tables import rates, sending_days

MINUTE = timedelta(minutes=1)

# No slot is further away than a quarter of the longest lease and the minute of one mail. Where one is, the clock was
# set back, and nobody should wait as long as it was.
LONGEST_AHEAD = timedelta(minutes=16)


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

    @property
    def burst(self) -> int | None:
        """The most mails of one batch: what goes in about a second."""
        return None if self.per_minute is None else max(1, self.per_minute // 60)

    def time_for(self, mails: int) -> timedelta:
        """How long after a slot of so many mails the next one is."""
        if self.per_minute is None or self.burst is None:
            return timedelta()
        # Rounded up: a microsecond too little would be one mail too many in some minute.
        return -(-mails * MINUTE // (self.per_minute + 1 - self.burst))


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be claimed: at most so many mails (None: any number), from that slot on. `day`: where they count."""

    pace: Pace
    slot: datetime
    most: int | None
    day: str | None


def grant(connection: Connection, pace: Pace, ahead: timedelta, now: datetime) -> Grant | None:
    """What may be claimed now; None when the slot is further `ahead` than that, or nothing is left of the day.

    The provider's row is held until the transaction ends.
    """
    slot = _slot(connection, pace, now, hold=True)
    if slot - now > ahead:
        return None
    day = _day(pace, now)
    left = _left(connection, pace, day)
    if left == 0:
        return None
    limits = [limit for limit in (pace.burst, left) if limit is not None]
    return Grant(pace, slot, min(limits, default=None), None if left is None else day)


def reserve(connection: Connection, grant: Grant, mails: int) -> None:
    """Take so many mails of what was granted, in the same transaction."""
    pace = grant.pace
    if pace.per_minute is not None:
        values = {"next_at": grant.slot + pace.time_for(mails)}
        connection.execute(sa.update(rates).where(rates.c.provider == pace.provider).values(values))
    if grant.day is not None:
        insert_absent(connection, sending_days, {"provider": pace.provider, "day": grant.day, "mails": 0})
        _count(connection, pace, grant.day, sending_days.c.mails + mails)


def release(connection: Connection, pace: Pace, mails: int, claimed_at: datetime) -> None:
    """Mails that were claimed then and have not left do not count for their day."""
    if pace.warmup:
        fewer = sending_days.c.mails - mails
        _count(connection, pace, _day(pace, claimed_at), sa.case((fewer > 0, fewer), else_=0))


def block(connection: Connection, provider: str, until: datetime, now: datetime) -> None:
    """The provider wants no call before `until`: nothing is claimed for it, and no batch begins. A longer wait stays.

    What `now` is does not matter to the row; a time that is past already blocks nothing.
    """
    if until <= now:
        return
    insert_absent(connection, rates, {"provider": provider})
    longer = sa.or_(rates.c.blocked_until.is_(None), rates.c.blocked_until < until)
    connection.execute(sa.update(rates).where(rates.c.provider == provider, longer).values(blocked_until=until))


def is_blocked(provider: str, now: datetime) -> sa.ColumnElement[bool]:
    """Whether the provider wants no call now: a condition."""
    return sa.exists().where(rates.c.provider == provider, rates.c.blocked_until > now)


def ready_at(connection: Connection, pace: Pace, now: datetime) -> datetime | None:
    """When the next batch can be claimed; None: now."""
    at = _slot(connection, pace, now, hold=False)
    if _left(connection, pace, _day(pace, now)) == 0:
        at = max(at, _next_midnight(pace, now))
    return at if at > now else None


def _slot(connection: Connection, pace: Pace, now: datetime, *, hold: bool) -> datetime:
    """The next slot: now, if nobody has to be waited for."""
    query = sa.select(rates.c.next_at, rates.c.blocked_until).where(rates.c.provider == pace.provider)
    limited = pace.per_minute is not None or bool(pace.warmup)
    row = connection.execute(query.with_for_update() if hold and limited else query).first()
    if row is None:
        if hold and limited:
            insert_absent(connection, rates, {"provider": pace.provider})
            return _slot(connection, pace, now, hold=hold)
        return now
    at = now if row.next_at is None or pace.per_minute is None else min(row.next_at, now + LONGEST_AHEAD)
    return max(now, at, row.blocked_until or now)


def _left(connection: Connection, pace: Pace, day: str) -> int | None:
    """How many mails are left of a day; None for any number."""
    if not pace.warmup:
        return None
    mine = sending_days.c.provider == pace.provider
    earlier = sa.select(sa.func.count()).where(mine, sending_days.c.day < day, sending_days.c.mails > 0)
    days = connection.execute(earlier).scalar_one()
    if days >= len(pace.warmup):
        return None
    sent = sa.select(sending_days.c.mails).where(mine, sending_days.c.day == day)
    return max(0, pace.warmup[days] - (connection.execute(sent).scalar() or 0))


def _count(connection: Connection, pace: Pace, day: str, mails: sa.ColumnElement[int]) -> None:
    its_row = (sending_days.c.provider == pace.provider, sending_days.c.day == day)
    connection.execute(sa.update(sending_days).where(*its_row).values(mails=mails))


def _day(pace: Pace, now: datetime) -> str:
    return now.astimezone(ZoneInfo(pace.zone)).date().isoformat()


def _next_midnight(pace: Pace, now: datetime) -> datetime:
    zone = ZoneInfo(pace.zone)
    day = now.astimezone(zone).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(now.tzinfo)
