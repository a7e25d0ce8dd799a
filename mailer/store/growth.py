"""How a list grew, from its consent log: who became confirmed and who stopped being it, by day and by what."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import How, SubscriptionState
from mailer.reports.growth import FORGOTTEN, Movement
from mailer.store.columns import EPOCH
from mailer.store.tables import lists, subscribers, subscription_events

# A time is whole microseconds since 1970 in UTC, so a day is a division. Every database agrees about that one.
DAY = timedelta(days=1) // timedelta(microseconds=1)
HOWS = tuple(How)

EVENT = subscription_events.alias("event")


def movements(connection: Connection, list_name: str) -> list[Movement]:
    """Every day on which somebody came or went, in order. Their sum is the number who are confirmed now.

    A person joins by becoming confirmed and leaves by stopping to be it: in the order in which the log was written,
    whatever its clock said. Somebody who was forgotten while confirmed has left on that day.
    """
    list_id = connection.execute(sa.select(lists.c.id).where(lists.c.name == list_name)).scalar()
    if list_id is None:
        return []
    counts: defaultdict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    for key, number in connection.execute(_moves(list_id)):
        rest, joined = divmod(key, 2)
        day, how = divmod(rest, len(HOWS))
        counts[day, HOWS[how].value][0 if joined else 1] += number
    for day, number in connection.execute(_forgotten(list_id)):
        counts[day, FORGOTTEN][1] += number
    return [Movement((EPOCH + timedelta(days=day)).date(), how, *both) for (day, how), both in sorted(counts.items())]


def _day(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.type_coerce(column, sa.BigInteger) // sa.literal(DAY, sa.BigInteger)


def _moves(list_id: int) -> sa.Select[Any]:
    """Day, way and direction as one number, with its count: one integer sorts in half the time of three columns.

    The window follows the index on the person, in which the entries of one person are in the order of their numbers.
    """
    confirmed = sa.case((EVENT.c.state == SubscriptionState.CONFIRMED, 1), else_=0)
    how = sa.case({how.value: place for place, how in enumerate(HOWS)}, value=sa.type_coerce(EVENT.c.how, sa.Text))
    before = sa.func.lag(confirmed, 1, 0).over(partition_by=EVENT.c.subscriber_id, order_by=EVENT.c.id)
    steps = (
        sa.select(
            ((_day(EVENT.c.at) * len(HOWS) + how) * 2 + confirmed).label("key"),
            confirmed.label("now"),
            before.label("before"),
        )
        .where(EVENT.c.list_id == list_id)
        .subquery("step")
    )
    return sa.select(steps.c.key, sa.func.count()).where(steps.c.now != steps.c.before).group_by(steps.c.key)


def _forgotten(list_id: int) -> sa.Select[Any]:
    last = (
        sa.select(EVENT.c.state)
        .where(EVENT.c.subscriber_id == subscribers.c.id, EVENT.c.list_id == list_id)
        .order_by(EVENT.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    days = (
        sa.select(_day(subscribers.c.forgotten_at).label("day"))
        .where(subscribers.c.forgotten_at.is_not(None), last == SubscriptionState.CONFIRMED)
        .subquery("gone")
    )
    return sa.select(days.c.day, sa.func.count()).group_by(days.c.day)
