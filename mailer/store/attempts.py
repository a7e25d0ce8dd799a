"""How often something was tried, and what was used up: counted for all processes together.

A bucket is a keyed hash of what is counted, and its span ends at `until`. Nothing here names anybody.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import add_up, insert_absent
from mailer.store.tables import attempts, spent

HOUR: Final = timedelta(hours=1)


def count(connection: Connection, bucket: str, until: datetime) -> int:
    """Add one to what was tried in the span that ends then; how often that is now.

    Others who count the same wait until this transaction ends, so it had better be short.
    """
    values = {"bucket": bucket, "until": until, "number": 1}
    return add_up(connection, attempts, values, attempts.c.number)


def number(connection: Connection, bucket: str, until: datetime) -> int:
    """How often that was tried in the span that ends then, without counting."""
    query = sa.select(attempts.c.number).where(attempts.c.bucket == bucket, attempts.c.until == until)
    return connection.execute(query).scalar() or 0


def admit(connection: Connection, bucket: str, now: datetime, span: timedelta, most: int) -> datetime | None:
    """Count one more unless that would be more than `most` within `span`; the mark to take it back by, else None.

    A span that moves, to the hour: what was refused is not counted, so nobody is kept out by those who try in vain.
    """
    until = hour_end(now) + span
    count(connection, bucket, until)
    within = sa.select(sa.func.sum(attempts.c.number)).where(attempts.c.bucket == bucket, attempts.c.until > now)
    if connection.execute(within).scalar_one() <= most:
        return until
    take_back(connection, bucket, until)
    return None


def take_back(connection: Connection, bucket: str, until: datetime) -> None:
    """Count one less: what was admitted did not happen."""
    here = sa.and_(attempts.c.bucket == bucket, attempts.c.until == until, attempts.c.number > 0)
    connection.execute(sa.update(attempts).where(here).values(number=attempts.c.number - 1))


def hour_end(now: datetime) -> datetime:
    """The end of the hour, which is where spans of an hour end for everybody."""
    return now.replace(minute=0, second=0, microsecond=0) + HOUR


def spend(connection: Connection, stamp: str, until: datetime) -> bool:
    """Use up a stamp; False when it was used before. `until`: from then on it is refused for its age."""
    return insert_absent(connection, spent, {"stamp": stamp, "until": until})


def forget_old(connection: Connection, now: datetime, most: int) -> int:
    """Delete counts and stamps whose time is over, at most so many of each; how many."""
    old_counts = sa.select(attempts.c.bucket, attempts.c.until).where(attempts.c.until < now).limit(most)
    old_stamps = sa.select(spent.c.stamp).where(spent.c.until < now).limit(most)
    gone = connection.execute(
        sa.delete(attempts).where(sa.tuple_(attempts.c.bucket, attempts.c.until).in_(old_counts))
    ).rowcount
    return gone + connection.execute(sa.delete(spent).where(spent.c.stamp.in_(old_stamps))).rowcount
