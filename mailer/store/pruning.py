"""Issues that ended long ago become counts: first they are counted and marked, then their rows are deleted.

    close     counts and mark in one transaction: from here on the counts are what is known
    delete    a portion of rows at a time, so that nobody waits; killed, the next one goes on

An issue is left alone while anything of it is not settled, its provider keeps mails of it, or its deliveries decide
about another one: by a list's cap, or by the segment of an issue that is scheduled. The issue itself and its batches
stay: its name is never sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.reading import parse
from mailer.delivery.states import OPEN_BATCHES
from mailer.model import BatchState, DeliveryState, IssueState
from mailer.store import history
from mailer.store.figures import figures, refusals
from mailer.store.pruned import Counted, asks_for
from mailer.store.tables import batches, deliveries, events, exclusions, issue_counts, issues, lists

UNSETTLED = (DeliveryState.PENDING, DeliveryState.SUBMITTING, DeliveryState.DOUBTFUL)
SHARED = 2
"""An answer or a domain is kept when so many mails have it."""

MOST = 100
"""So many of the answers, and of the domains, are kept: a status tells ten."""

OTHERS = "other answers"


@dataclass(frozen=True, slots=True)
class Limits:
    """Issues that ended before `deliveries` lose all their rows, before `events` what was reported; None: none does."""

    deliveries: datetime | None = None
    events: datetime | None = None


@dataclass(frozen=True, slots=True)
class Old:
    """An issue that is to be pruned: `whole`, or only what was reported of it."""

    id: int
    name: str
    ended_at: datetime
    whole: bool


BEHIND: Mapping[sa.Table, Sequence[sa.Column[Any]]] = {
    deliveries: (deliveries.c.subscriber_id,),
    exclusions: (exclusions.c.subscriber_id,),
    events: (events.c.kind, events.c.delivery_id),
}
"""What an index of the table has behind the issue."""

ENDED = issues.c.state.in_((IssueState.SENT, IssueState.CANCELLED))
ENDED_AT = sa.func.coalesce(issues.c.finished_at, issues.c.updated_at, type_=issues.c.updated_at.type)


def old(connection: Connection, limits: Limits, now: datetime) -> list[Old]:
    """The issues that ended long enough ago and have rows that count, oldest first."""
    whole = (
        sa.false() if limits.deliveries is None else sa.and_(limits.deliveries >= ENDED_AT, ~_needed(connection, now))
    )
    reported = sa.false() if limits.events is None else limits.events >= ENDED_AT
    query = (
        sa.select(issues.c.id, issues.c.name, ENDED_AT, whole)
        .where(ENDED, issues.c.pruned_at.is_(None))
        .where(sa.or_(whole, sa.and_(reported, issues.c.events_pruned_at.is_(None))))
        .order_by(issues.c.id)
    )
    return [Old(number, name, ended, bool(all_of_it)) for number, name, ended, all_of_it in connection.execute(query)]


def _needed(connection: Connection, now: datetime) -> sa.ColumnElement[bool]:
    """Issues whose deliveries decide who gets another one."""
    needed: list[sa.ColumnElement[bool]] = []
    days = connection.execute(sa.select(sa.func.max(lists.c.cap_days))).scalar()
    if days is not None:
        needed.append(sa.func.coalesce(issues.c.started_at, issues.c.frozen_at) >= now - timedelta(days=days))
    waiting = sa.select(issues.c.segment, issues.c.due_at)
    for row in connection.execute(waiting.where(issues.c.state == IssueState.SCHEDULED, issues.c.segment != "")):
        needed += asks_for(parse(row.segment), now)
    return sa.or_(sa.false(), *needed)


def unsettled(connection: Connection, issue_id: int, now: datetime) -> str:
    """Why an issue that ended must not be pruned yet; empty when it may be."""
    doubtful = (batches.c.issue_id == issue_id, batches.c.state == BatchState.DOUBTFUL)
    if connection.execute(sa.select(sa.exists().where(*doubtful))).scalar():
        return "mails of it are in doubt"
    open_batches = (batches.c.issue_id == issue_id, batches.c.state.in_(sorted(OPEN_BATCHES)))
    # Counted, because a server that looks for the first one may read those of all issues.
    left = sa.select(sa.func.count()).where(deliveries.c.issue_id == issue_id, deliveries.c.state.in_(UNSETTLED))
    if connection.execute(sa.select(sa.or_(sa.exists().where(*open_batches), left.scalar_subquery() > 0))).scalar():
        return "mails of it are not settled"
    kept = (batches.c.issue_id == issue_id, batches.c.hold != "", batches.c.send_at > now)
    if connection.execute(sa.select(sa.exists().where(*kept))).scalar():
        return "its provider keeps mails of it"
    return ""


def close(connection: Connection, issue: Old, now: datetime) -> bool:
    """Count an issue and mark it; False when it is not to be pruned after all. Nothing is deleted yet."""
    # Batches before their issue, as everybody does who settles something: nothing of them changes while they are
    # counted.
    of_it = sa.select(batches.c.id).where(batches.c.issue_id == issue.id).order_by(batches.c.id)
    connection.execute(of_it.with_for_update()).all()
    query = sa.select(issues.c.events_pruned_at).where(issues.c.id == issue.id, ENDED, issues.c.pruned_at.is_(None))
    row = connection.execute(query.with_for_update()).first()
    if row is None or unsettled(connection, issue.id, now):
        return False
    with_events = row.events_pruned_at is None
    if not (issue.whole or with_events):
        return False
    rows = [
        {"issue_id": issue.id, "kind": kind.value, "what": what, "number": number}
        for kind, counts in _counted(connection, issue, with_events=with_events)
        for what, number in counts.items()
        if number
    ]
    if rows:
        connection.execute(sa.insert(issue_counts), rows)
    marks = {"events_pruned_at": now} if with_events else {}
    marks |= {"pruned_at": now} if issue.whole else {}
    connection.execute(sa.update(issues).where(issues.c.id == issue.id).values(**marks))
    return True


def _counted(connection: Connection, issue: Old, *, with_events: bool) -> Iterator[tuple[Counted, Mapping[str, int]]]:
    if with_events:
        reported = history.reported(connection, [issue.id]).get(issue.id, {})
        yield Counted.EVENT, {kind.value: number for kind, number in reported.items()}
    if not issue.whole:
        return
    found = figures(connection, issue.name)
    yield Counted.DELIVERY, {state.value: number for state, number in found.deliveries.items()}
    yield Counted.EXCLUSION, {reason.value: number for reason, number in found.exclusions.items()}
    yield Counted.REFUSAL, _shared(refusals(connection, issue.name))
    domains = history.domains(connection, issue.id, DeliveryState.REFUSED, MOST)
    yield Counted.DOMAIN, {domain: number for domain, number in domains.items() if number >= SHARED}


def _shared(answers: Mapping[str, int]) -> dict[str, int]:
    """The answers that several mails got, and how many got others."""
    kept = {answer: number for answer, number in list(answers.items())[:MOST] if number >= SHARED}
    others = sum(answers.values()) - sum(kept.values())
    return kept | ({OTHERS: others + kept.get(OTHERS, 0)} if others else {})


def closed(connection: Connection) -> list[Old]:
    """The issues that are counted and still have rows."""
    whole = issues.c.pruned_at.is_not(None)
    query = sa.select(issues.c.id, issues.c.name, ENDED_AT, whole).where(issues.c.events_pruned_at.is_not(None))
    rows_left = sa.or_(_first(events), sa.and_(whole, sa.or_(_first(exclusions), _first(deliveries))))
    rows = connection.execute(query.where(rows_left).order_by(issues.c.id))
    return [Old(number, name, ended, bool(all_of_it)) for number, name, ended, all_of_it in rows]


def _first(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether an issue has rows there: along the index, where a server may prefer to read rows until it finds one."""
    one = sa.select(table.c.issue_id).where(table.c.issue_id == issues.c.id).order_by(*BEHIND[table]).limit(1)
    return one.correlate(issues).scalar_subquery().is_not(None)


def delete(connection: Connection, issue: Old, most: int) -> int:
    """Delete so many rows of what is counted of an issue; how many there were, 0 at the end.

    Its deliveries last: an event is found by its delivery.
    """
    query = sa.select(issues.c.events_pruned_at, issues.c.pruned_at).where(issues.c.id == issue.id)
    of_events, of_all = connection.execute(query).one()
    tables = [events] if of_events is not None else []
    for table in [*tables, exclusions, deliveries] if of_all is not None else tables:
        row = events.c.id if table is events else table.c.subscriber_id
        some = sa.select(row).where(table.c.issue_id == issue.id).order_by(*BEHIND[table]).limit(most)
        gone = connection.execute(sa.delete(table).where(table.c.issue_id == issue.id, row.in_(some))).rowcount
        if gone:
            return gone
    return 0


def rows_of(connection: Connection, issue: Old) -> int:
    """How many rows of an issue pruning deletes."""
    tables = (events, exclusions, deliveries) if issue.whole else (events,)
    counts = (sa.select(sa.func.count()).where(table.c.issue_id == issue.id) for table in tables)
    return sum(connection.execute(count).scalar_one() for count in counts)
