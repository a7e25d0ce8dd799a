"""How often something was tried, and what was used up: counted for all processes together.

A bucket is a keyed hash of what is counted, and its span ends at `until`. Nothing here names anybody.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from mailer.store.database import insert_absent
from mailer.store.tables import attempts, spent

_INSERTS: Final = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def count(connection: Connection, bucket: str, until: datetime) -> int:
    """Add one to what was tried in the span that ends then; how often that is now.

    Others who count the same wait until this transaction ends, so it had better be short.
    """
    insert = _INSERTS[connection.dialect.name](attempts).values(bucket=bucket, until=until, number=1)
    upsert = insert.on_conflict_do_update(
        index_elements=[attempts.c.bucket, attempts.c.until], set_={"number": attempts.c.number + 1}
    )
    return int(connection.execute(upsert.returning(attempts.c.number)).scalar_one())


def number(connection: Connection, bucket: str, until: datetime) -> int:
    """How often that was tried in the span that ends then, without counting."""
    query = sa.select(attempts.c.number).where(attempts.c.bucket == bucket, attempts.c.until == until)
    return connection.execute(query).scalar() or 0


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
