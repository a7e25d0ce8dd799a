"""Issues whose rows were counted and deleted: what is still known of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.nodes import Act, Did, Segment, leaves
from mailer.store.tables import issue_counts, issues


class Counted(StrEnum):
    """What is counted. Of refusals and domains only what several mails share: one alone may name its reader."""

    DELIVERY = "delivery"
    EXCLUSION = "exclusion"
    EVENT = "event"
    REFUSAL = "refusal"
    DOMAIN = "domain"


def pruned_at(connection: Connection, issue_id: int) -> datetime | None:
    """When the deliveries of an issue were counted; None while they are there."""
    moment: datetime | None = connection.execute(sa.select(issues.c.pruned_at).where(issues.c.id == issue_id)).scalar()
    return moment


def counts(connection: Connection, issue_id: int, kind: Counted) -> dict[str, int]:
    """What was counted of an issue, the most first."""
    return dict(counts_of(connection, [issue_id], kind).get(issue_id, {}))


def counts_of(connection: Connection, issue_ids: Collection[int], kind: Counted) -> Mapping[int, Mapping[str, int]]:
    """What was counted of each of these issues."""
    found: dict[int, dict[str, int]] = {}
    query = (
        sa.select(issue_counts.c.issue_id, issue_counts.c.what, issue_counts.c.number)
        .where(issue_counts.c.issue_id.in_(sorted(issue_ids)), issue_counts.c.kind == kind.value)
        .order_by(issue_counts.c.number.desc(), issue_counts.c.what)
    )
    for issue_id, what, number in connection.execute(query):
        found.setdefault(issue_id, {})[what] = number
    return found


def without_events(connection: Connection, issue_ids: Collection[int]) -> set[int]:
    """Those of these issues whose events were counted."""
    query = sa.select(issues.c.id).where(issues.c.id.in_(sorted(issue_ids)), issues.c.events_pruned_at.is_not(None))
    return set(connection.execute(query).scalars())


def asks_for(segment: Segment, now: datetime) -> list[sa.ColumnElement[bool]]:
    """Conditions on issues: the segment asks who received one for which any of them holds."""
    found: list[sa.ColumnElement[bool]] = []
    for leaf in leaves(segment.root):
        if not isinstance(leaf, Did) or leaf.act is not Act.RECEIVED:
            continue
        if leaf.issue is not None:
            found.append(issues.c.name == leaf.issue)
        elif leaf.within is not None:
            found.append(issues.c.started_at >= now - leaf.within)
    return found


def lost_to(connection: Connection, segment: Segment, now: datetime) -> tuple[str, datetime] | None:
    """An issue of which nobody knows any more who received it, and the segment asks; when it was pruned."""
    if not (conditions := asks_for(segment, now)):
        return None
    query = sa.select(issues.c.name, issues.c.pruned_at).where(issues.c.pruned_at.is_not(None), sa.or_(*conditions))
    row = connection.execute(query.order_by(issues.c.id.desc()).limit(1)).first()
    return None if row is None else (row.name, row.pruned_at)
