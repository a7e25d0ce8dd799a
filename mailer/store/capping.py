"""Who had as many issues of a list as it allows: `cap = { issues = 2, days = 7 }` in its definition.

What counts is a mail that went, may have gone or is on its way, through that list, of an issue whose audience was
frozen in those days. A refused one was not had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Cap, DeliveryState, IssueKind
from mailer.store.tables import deliveries, issues, lists

COUNTED = (
    DeliveryState.PENDING,
    DeliveryState.SUBMITTING,
    DeliveryState.ACCEPTED,
    DeliveryState.DOUBTFUL,
)

Capping = Mapping[int, sa.Select[Any]]
"""For lists with a cap that matters, by number: the people who had enough."""


def caps_at(kind: IssueKind, now: datetime) -> datetime | None:
    """The moment for which caps count; None where they do not: what is urgent is not held back."""
    return None if kind is IssueKind.ALERT else now


def capping(connection: Connection, chosen: Sequence[int], now: datetime | None) -> Capping:
    """Who had enough of which of these lists by `now`; nobody without that."""
    found: dict[int, sa.Select[Any]] = {}
    if now is None:
        return found
    for number, cap in caps(connection, chosen).items():
        # By number, so that the rows of the few issues of these days are looked at and no others.
        recent = _issues_between(connection, now - timedelta(days=cap.days), now)
        if len(recent) >= cap.issues:
            found[number] = (
                sa.select(deliveries.c.subscriber_id)
                .where(deliveries.c.issue_id.in_(recent), deliveries.c.list_id == number)
                .where(deliveries.c.state.in_(COUNTED))
                .group_by(deliveries.c.subscriber_id)
                .having(sa.func.count() >= cap.issues)
            )
    return found


def caps(connection: Connection, chosen: Sequence[int]) -> dict[int, Cap]:
    """The caps of these lists, by number, where they have one."""
    query = sa.select(lists.c.id, lists.c.cap_issues, lists.c.cap_days)
    rows = connection.execute(query.where(lists.c.id.in_(chosen), lists.c.cap_issues.is_not(None)))
    return {number: Cap(most, days) for number, most, days in rows}


def had(connection: Connection, list_id: int, person: int, cap: Cap, then: datetime) -> int:
    """How many issues of a list a person had by then that count for the cap."""
    recent = _issues_between(connection, then - timedelta(days=cap.days), then)
    query = (
        sa.select(sa.func.count())
        .select_from(deliveries)
        .where(deliveries.c.issue_id.in_(recent), deliveries.c.subscriber_id == person)
        .where(deliveries.c.list_id == list_id, deliveries.c.state.in_(COUNTED))
    )
    return connection.execute(query).scalar_one()


def _issues_between(connection: Connection, since: datetime, until: datetime) -> list[int]:
    """Those whose audience was frozen after the one moment and before the other: without the one frozen then."""
    query = sa.select(issues.c.id).where(issues.c.started_at > since, issues.c.started_at < until)
    return list(connection.execute(query).scalars())
