"""Who opened and clicked: counts of an issue that name nobody, and, only where that is wanted, each person's own.

A count is one row for each link, day and kind of reader. Counts are written in one order everywhere, so that two who
count never wait for one another in a circle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import DeliveryState, EngagementKind, Reader
from mailer.store.database import add_up
from mailer.store.picking import picked
from mailer.store.tables import deliveries, engagement_counts, engagements, issues, links, subscribers

OPENING = 0
"""Stands where the number of a link does."""

DAY = timedelta(days=1)


class Seen(NamedTuple):
    """Somebody opened an issue, or clicked a link of it."""

    issue_id: int
    kind: EngagementKind
    reader: Reader
    at: datetime
    link: int = OPENING


@dataclass(frozen=True, slots=True)
class Leading:
    """Where a link of an issue leads; nowhere, for the picture that counts openings."""

    issue_id: int
    url: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """Whose link it is. `written_at`: when the issue was handed over to them, where it was."""

    id: int
    untracked: bool
    written_at: datetime | None


class Count(NamedTuple):
    """How often, over all days. `url` is empty for openings."""

    issue_id: int
    kind: EngagementKind
    link: int
    url: str
    reader: Reader
    number: int


def write_links(connection: Connection, issue_id: int, urls: Sequence[str]) -> None:
    """Write down where the links of an issue lead, numbered from 1, in the place of any before."""
    connection.execute(sa.delete(links).where(links.c.issue_id == issue_id))
    rows = [{"issue_id": issue_id, "number": number, "url": url} for number, url in enumerate(urls, 1)]
    if rows:
        connection.execute(sa.insert(links), rows)


def leading(connection: Connection, issue: str, number: int) -> Leading | None:
    """Where that link of an issue leads; None where it has no such link."""
    query = sa.select(issues.c.id, issues.c.started_at).where(issues.c.name == issue)
    row = connection.execute(query).first()
    if row is None or number == OPENING:
        return None if row is None else Leading(row.id, "", row.started_at)
    here = (links.c.issue_id == row.id, links.c.number == number)
    url = connection.execute(sa.select(links.c.url).where(*here)).scalar()
    return None if url is None else Leading(row.id, url, row.started_at)


def person(connection: Connection, issue_id: int, public_id: str) -> Person | None:
    """Who has a link of an issue; None for somebody who was forgotten, or whom it never went to."""
    query = (
        sa.select(subscribers.c.id, subscribers.c.untracked, deliveries.c.updated_at, deliveries.c.state)
        .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
        .where(subscribers.c.public_id == public_id, subscribers.c.forgotten_at.is_(None))
        .where(deliveries.c.issue_id == issue_id)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return Person(row.id, row.untracked, row.updated_at if row.state is DeliveryState.ACCEPTED else None)


def countable(connection: Connection, subscriber_ids: Sequence[int]) -> frozenset[int]:
    """Those of these people who may be counted: who did not say no and was not forgotten."""
    willing = sa.select(subscribers.c.id).where(subscribers.c.forgotten_at.is_(None), ~subscribers.c.untracked)
    found: set[int] = set()
    for here, _ in picked(connection, subscribers.c.id, subscriber_ids):
        found.update(connection.execute(willing.where(here)).scalars())
    return frozenset(found)


def count(connection: Connection, seen: Sequence[Seen]) -> None:
    """Add to the counts, which name nobody."""
    rows = Counter((one.issue_id, one.kind, one.link, one.reader, day_of(one.at)) for one in seen)
    names = ("issue_id", "kind", "link", "reader", "day")
    for key, number in sorted(rows.items()):
        values = {**dict(zip(names, key, strict=True)), "number": number}
        add_up(connection, engagement_counts, values, engagement_counts.c.number)


def keep(connection: Connection, subscriber_id: int, seen: Seen) -> None:
    """Keep that this person did it, once a day."""
    begin = seen.at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    own = sa.and_(
        engagements.c.subscriber_id == subscriber_id,
        engagements.c.kind == seen.kind,
        engagements.c.at >= begin,
        engagements.c.at < begin + DAY,
        engagements.c.issue_id == seen.issue_id,
        engagements.c.link == seen.link,
    )
    if connection.execute(sa.select(engagements.c.id).where(own).limit(1)).first() is None:
        connection.execute(sa.insert(engagements).values(subscriber_id=subscriber_id, **seen._asdict()))


def counts(connection: Connection, issue_ids: Sequence[int]) -> list[Count]:
    """What was counted of these issues."""
    table = engagement_counts.c
    total = sa.cast(sa.func.sum(table.number), sa.BigInteger)
    url = sa.func.coalesce(links.c.url, "")
    where = sa.and_(links.c.issue_id == table.issue_id, links.c.number == table.link)
    query = (
        sa.select(table.issue_id, table.kind, table.link, url, table.reader, total)
        .join_from(engagement_counts, links, where, isouter=True)
        .where(table.issue_id.in_(issue_ids))
        .group_by(table.issue_id, table.kind, table.link, url, table.reader)
        .order_by(table.issue_id, table.kind, table.link, table.reader)
    )
    return [Count(*row) for row in connection.execute(query)]


def forget_old(connection: Connection, before: datetime, most: int) -> int:
    """Delete who opened and clicked before that moment, at most so many rows; how many. The counts stay."""
    old = sa.select(engagements.c.id).where(engagements.c.at < before).order_by(engagements.c.id).limit(most)
    return connection.execute(sa.delete(engagements).where(engagements.c.id.in_(old))).rowcount


def day_of(at: datetime) -> str:
    """The day in UTC, as counts have it."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"
