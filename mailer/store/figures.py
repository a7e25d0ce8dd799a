"""An issue in numbers, counted from its rows, or as they were counted before they were pruned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import BatchState, DeliveryState, Exclusion
from mailer.store import issues as stored_issues
from mailer.store.pruned import Counted, counts, pruned_at
from mailer.store.tables import batches, deliveries, exclusions


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts with every state and reason named. Deliveries and exclusions together are the candidates."""

    deliveries: Mapping[DeliveryState, int]
    exclusions: Mapping[Exclusion, int]
    batches: Mapping[BatchState, int]

    @property
    def recipients(self) -> int:
        """The frozen audience."""
        return sum(self.deliveries.values())

    @property
    def candidates(self) -> int:
        """Everybody who was on the issue's lists at the freeze."""
        return self.recipients + sum(self.exclusions.values())


def figures(connection: Connection, issue: str) -> Figures:
    """Deliveries and batches by state, exclusions of the freeze by reason."""
    issue_id = stored_issues.number(connection, issue)
    by_batch = dict.fromkeys(BatchState, 0) | _counted(connection, batches.c.state, issue_id)
    if pruned_at(connection, issue_id) is not None:
        of_old = counts(connection, issue_id, Counted.DELIVERY), counts(connection, issue_id, Counted.EXCLUSION)
        states = {state: of_old[0].get(state.value, 0) for state in DeliveryState}
        return Figures(states, {reason: of_old[1].get(reason.value, 0) for reason in Exclusion}, by_batch)
    waits = by_batch[BatchState.PENDING] > by_batch[BatchState.ACCEPTED]
    return Figures(
        _deliveries(connection, issue_id, DeliveryState.PENDING if waits else DeliveryState.ACCEPTED),
        dict.fromkeys(Exclusion, 0) | _counted(connection, exclusions.c.reason, issue_id),
        by_batch,
    )


def _deliveries(connection: Connection, issue_id: int, most: DeliveryState) -> dict[DeliveryState, int]:
    """Deliveries by state. `most` is the state that most of them probably have: it is what the others leave of all.

    Counting all is reading an index. Grouping a million takes SQLite three times as long as grouping the few others.
    """
    every = sa.select(sa.func.count()).where(deliveries.c.issue_id == issue_id).scalar_subquery()
    others = (
        sa.select(deliveries.c.state, sa.func.count())
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state != most)
        .group_by(deliveries.c.state)
    )
    # One statement, so that both are counted at one moment, whatever the transaction.
    total = sa.select(sa.literal(most, deliveries.c.state.type), every)
    found: dict[DeliveryState, int] = dict(connection.execute(sa.union_all(total, others)).all())
    all_of_them = found.pop(most)
    return {**dict.fromkeys(DeliveryState, 0), **found, most: all_of_them - sum(found.values())}


def _counted(connection: Connection, column: sa.Column[Any], issue_id: int) -> dict[Any, int]:
    query = sa.select(column, sa.func.count()).where(column.table.c.issue_id == issue_id)
    return dict(connection.execute(query.group_by(column)).all())


def accepted_twice(connection: Connection, issue: str) -> int:
    """How many mails of an issue were accepted for somebody who had one already. The promise is that there is none."""
    issue_id = stored_issues.number(connection, issue)
    accepted = sa.select(sa.func.count() - sa.func.count(deliveries.c.subscriber_id.distinct()))
    query = accepted.where(deliveries.c.issue_id == issue_id, deliveries.c.state == DeliveryState.ACCEPTED)
    return connection.execute(query).scalar_one()


def refusals(connection: Connection, issue: str) -> dict[str, int]:
    """Why mails of an issue were refused, and how many for each reason, the most frequent first."""
    issue_id = stored_issues.number(connection, issue)
    if pruned_at(connection, issue_id) is not None:
        return counts(connection, issue_id, Counted.REFUSAL)
    query = (
        sa.select(deliveries.c.detail, sa.func.count().label("count"))
        .where(deliveries.c.issue_id == issue_id, deliveries.c.state == DeliveryState.REFUSED)
        .group_by(deliveries.c.detail)
        .order_by(sa.desc("count"), deliveries.c.detail)
    )
    found: dict[str, int] = dict(connection.execute(query).all())
    return found
