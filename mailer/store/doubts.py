"""Deliveries whose fate is unknown: which there are, and what a person decides about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import sources
from mailer.model import BatchState, DeliveryState, IssueChange, IssueState
from mailer.store import issues as stored_issues
from mailer.store.batching import STILL_OPEN
from mailer.store.settling import settle
from mailer.store.tables import batches, deliveries, events, issues, subscribers

# Where doubts can be. In a batch that is being handed over its sender may still say what became of them.
WITH_DOUBTS = (BatchState.DOUBTFUL, BatchState.SUBMITTING)


@dataclass(frozen=True, slots=True)
class Doubt:
    """The doubts of one batch. `since`: the first and the last of them, `latest`, may differ.

    `reasons` says why, with how many. With a `hold` the provider keeps the mails until `send_at`. `shown`: so many
    others of the batch are known to have arrived somewhere, by events, the last of them at `shown_at`. `busy`: its
    sender is still at work.
    """

    issue: str
    issue_state: IssueState
    batch: int
    people: int
    since: datetime
    latest: datetime
    provider: str
    hold: str
    send_at: datetime | None
    busy: bool
    reasons: dict[str, int]
    shown: int = 0
    shown_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Which:
    """Doubts that are meant: of an issue, or one of its batches, or one person's; those of before `until`."""

    issue: str
    until: datetime
    batch: int | None = None
    email_key: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    people: int
    batches: int


def listing(connection: Connection, issue: str | None = None, which: Which | None = None) -> list[Doubt]:
    """The doubts by batch, oldest issue first."""
    query = (
        sa.select(
            batches.c.id,
            issues.c.name,
            issues.c.state.label("issue_state"),
            batches.c.number,
            batches.c.state,
            batches.c.provider,
            batches.c.hold,
            batches.c.send_at,
            deliveries.c.detail,
            sa.func.count().label("people"),
            sa.func.min(deliveries.c.updated_at, type_=deliveries.c.updated_at.type).label("since"),
            sa.func.max(deliveries.c.updated_at, type_=deliveries.c.updated_at.type).label("latest"),
        )
        .select_from(batches)
        .join(issues, issues.c.id == batches.c.issue_id)
        .join(deliveries, deliveries.c.batch_id == batches.c.id)
        .where(batches.c.state.in_(WITH_DOUBTS), STILL_OPEN, deliveries.c.state == DeliveryState.DOUBTFUL)
        .group_by(batches.c.id, issues.c.id, deliveries.c.detail)
        .order_by(issues.c.id, batches.c.number, sa.desc("people"))
    )
    if issue is not None:
        query = query.where(issues.c.name == issue)
    if which is not None:
        query = query.where(*_meant(which))
        if which.batch is not None:
            query = query.where(batches.c.number == which.batch)
    of_batch: defaultdict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        of_batch[row.id].append(row)
    shown = _shown(connection, list(of_batch))
    return [_doubt(rows, *shown.get(number, (0, None))) for number, rows in of_batch.items()]


def resolve(connection: Connection, which: Which, state: DeliveryState, words: str, now: datetime) -> Resolved:
    """Settle doubts by a person's word: `accepted`, or `pending` to hand them over again. Writes down whose word.

    An issue that was sent is being sent again then; one that was cancelled stays so, and keeps them from leaving.
    """
    issue_id = stored_issues.number(connection, which.issue)
    query = sa.select(batches.c.id, batches.c.owner).where(
        batches.c.issue_id == issue_id, batches.c.state == BatchState.DOUBTFUL
    )
    if which.batch is not None:
        query = query.where(batches.c.number == which.batch)
    if which.email_key is not None:
        query = query.where(batches.c.id.in_(sa.select(deliveries.c.batch_id).where(_person(which), _of(issue_id))))
    people = changed = 0
    # Batches before deliveries, in their order: as everybody does who settles something.
    for batch in connection.execute(query.order_by(batches.c.id).with_for_update()).all():
        here = sa.update(deliveries).where(deliveries.c.batch_id == batch.id, *_meant(which))
        values = {"state": state, "detail": words, "due_at": None, "updated_at": now}
        settled = connection.execute(here.where(deliveries.c.state.in_(sources(state))).values(**values)).rowcount
        if settled:
            people, changed = people + settled, changed + 1
            settle(connection, batch.id, batch.owner, now)
    if people:
        stored_issues.log(connection, issue_id, IssueChange.RESOLVED, now, f"{people}: {words}")
    return Resolved(people, changed)


def _meant(which: Which) -> list[sa.ColumnElement[bool]]:
    """The deliveries that are meant, among those of the batches that are."""
    meant: list[sa.ColumnElement[bool]] = [
        deliveries.c.state == DeliveryState.DOUBTFUL,
        deliveries.c.updated_at <= which.until,
    ]
    if which.email_key is not None:
        meant.append(_person(which))
    return meant


def _person(which: Which) -> sa.ColumnElement[bool]:
    return deliveries.c.subscriber_id.in_(sa.select(subscribers.c.id).where(subscribers.c.email_key == which.email_key))


def _of(issue_id: int) -> sa.ColumnElement[bool]:
    return deliveries.c.issue_id == issue_id


def _doubt(rows: Sequence[sa.Row[Any]], shown: int, shown_at: datetime | None) -> Doubt:
    first = rows[0]
    return Doubt(
        issue=first.name,
        issue_state=first.issue_state,
        batch=first.number,
        people=sum(row.people for row in rows),
        since=min(row.since for row in rows),
        latest=max(row.latest for row in rows),
        provider=first.provider,
        hold=first.hold,
        send_at=first.send_at,
        busy=first.state is BatchState.SUBMITTING,
        reasons={row.detail: row.people for row in rows},
        shown=shown,
        shown_at=shown_at,
    )


def _shown(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[int, datetime | None]]:
    """How many deliveries of each batch are known of by events, and when the last of those was."""
    found: dict[int, tuple[int, datetime | None]] = {}
    last = sa.func.max(events.c.at, type_=events.c.at.type)
    query = sa.select(deliveries.c.batch_id, sa.func.count(events.c.delivery_id.distinct()), last)
    query = query.join(events, events.c.delivery_id == deliveries.c.id).group_by(deliveries.c.batch_id)
    for number in numbers:
        for batch_id, count, at in connection.execute(query.where(deliveries.c.batch_id == number)):
            found[batch_id] = (count, at)
    return found
