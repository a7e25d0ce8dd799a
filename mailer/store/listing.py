"""Issues, deliveries and recipients as listings, filtered by the database and read as they are consumed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import DeliveryState, IssueKind, IssueState, Recipient
from mailer.store import audience
from mailer.store import lists as stored_lists
from mailer.store.audience import Narrowing
from mailer.store.banning import bans
from mailer.store.capping import capping
from mailer.store.issues import LISTING, IssueRow
from mailer.store.tables import batches, deliveries, issues, lists, subscribers

# Of the statement and not of the connection, whose later statements would be streamed as well.
_STREAM = {"yield_per": 1000}

_PERSON = (
    subscribers.c.public_id,
    sa.func.coalesce(subscribers.c.ascii_email, subscribers.c.email),
    subscribers.c.attributes,
)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One mail of an issue. `email` is None once its person is forgotten; `due_at`: tried again not before then."""

    id: int
    email: str | None
    state: DeliveryState
    batch: int
    at: datetime
    due_at: datetime | None
    detail: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries of an issue: nothing said is all of them. `domain` is in ASCII."""

    states: Collection[DeliveryState] = ()
    domain: str = ""
    batch: int | None = None
    limit: int | None = None


def deliveries_of(connection: Connection, issue_id: int, wanted: Wanted) -> Iterator[DeliveryRow]:
    """The deliveries of an issue, batch by batch."""
    email = sa.case((subscribers.c.forgotten_at.is_(None), subscribers.c.email))
    columns = (deliveries.c.due_at, deliveries.c.detail, deliveries.c.provider_id)
    query = (
        sa.select(deliveries.c.id, email, deliveries.c.state, batches.c.number, deliveries.c.updated_at, *columns)
        .join_from(batches, deliveries, deliveries.c.batch_id == batches.c.id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(batches.c.issue_id == issue_id)
        .order_by(batches.c.number, deliveries.c.id)
        .limit(wanted.limit)
    )
    with connection.execute(query.where(*_conditions(wanted)), execution_options=_STREAM) as result:
        for row in result:
            yield DeliveryRow(*row)


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.states:
        yield deliveries.c.state.in_(sorted(wanted.states))
    if wanted.domain:
        yield subscribers.c.domain == wanted.domain
    if wanted.batch is not None:
        yield batches.c.number == wanted.batch


def recipients_now(
    connection: Connection,
    list_names: Sequence[str],
    *,
    smtputf8: bool = False,
    narrowing: Narrowing | None = None,
    capped_at: datetime | None = None,
    now: datetime | None = None,
) -> Iterator[Recipient]:
    """Those whom a freeze would choose, by the same conditions, numbered from 1; writes nothing. `capped_at` and `now`
    as in `freezing.preview`."""
    names = list(dict.fromkeys(list_names))
    chosen = stored_lists.ids(connection, names)
    caps = capping(connection, chosen, capped_at)
    rules = audience.Rules(smtputf8, now, bans(connection, chosen), narrowing, caps)
    number = 0
    for place, name in enumerate(names):
        query = audience.receivers(chosen, place, rules)
        with connection.execute(query.with_only_columns(*_PERSON), execution_options=_STREAM) as result:
            for public_id, email, attributes in result:
                number += 1
                yield Recipient(number, public_id, email, name, attributes)


def recipients_left(connection: Connection, issue_id: int) -> Iterator[Recipient]:
    """Those of an issue's frozen audience whose mails wait."""
    query = (
        sa.select(deliveries.c.id, *_PERSON[:2], lists.c.name, _PERSON[2])
        .join_from(batches, deliveries, deliveries.c.batch_id == batches.c.id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(lists, lists.c.id == deliveries.c.list_id)
        .where(batches.c.issue_id == issue_id, deliveries.c.state == DeliveryState.PENDING)
        .order_by(batches.c.number, deliveries.c.id)
    )
    with connection.execute(query, execution_options=_STREAM) as result:
        for row in result:
            yield Recipient(*row)


def frozen_issues(
    connection: Connection, states: Collection[IssueState] = (), kind: IssueKind | None = None
) -> list[IssueRow]:
    """Issues in these states (none named: in any) and of this kind, newest first."""
    query: sa.Select[Any] = sa.select(*LISTING).order_by(issues.c.frozen_at.desc(), issues.c.id.desc())
    if states:
        query = query.where(issues.c.state.in_(sorted(states)))
    if kind is not None:
        query = query.where(issues.c.kind == kind)
    return [IssueRow(**row._asdict()) for row in connection.execute(query)]
