"""Issues whose time is to come: written down as they will be sent, without an audience until they begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import OPEN_BATCHES, check_move
from mailer.errors import ConflictError
from mailer.model import BatchState, IssueChange, IssueKind, IssueState
from mailer.store import issues as stored_issues
from mailer.store import lists, readerzones
from mailer.store.database import hold, shut_door
from mailer.store.freezing import Audience, Frozen, FrozenCounts, write_audience, write_content
from mailer.store.issues import LISTING, IssueRow
from mailer.store.tables import (
    archived_issues,
    batches,
    issue_articles,
    issue_changes,
    issue_lists,
    issues,
    links,
    subscriptions,
    suppressions,
)

HELD = (BatchState.CLAIMED, BatchState.SUBMITTING)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an issue begins, and after which moment nothing of it may leave.

    `local_time`: day and time on the clocks of its readers, as 2026-11-25T09:00.
    """

    due_at: datetime
    not_after: datetime | None = None
    local_time: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the audience depends on besides the issue. `zone`: of people whose own is not known."""

    smtputf8: bool = False
    zone: str = "UTC"


def schedule(connection: Connection, frozen: Frozen, when: Schedule, now: datetime) -> IssueRow | None:
    """Write an issue down with its time. One that is scheduled already is replaced, content and time; it comes back."""
    hold(connection, issues)
    before = stored_issues.get(connection, frozen.name)
    if before is not None and before.state is not IssueState.SCHEDULED:
        raise ConflictError(
            f'issue "{frozen.name}" is {before.state.value} already and cannot be scheduled',
            hint="write the content as an issue of another name to send it again",
        )
    chosen = lists.ids(connection, frozen.lists)
    issue_id = write_content(connection, frozen, chosen, now, before.id if before else None)
    values = {"due_at": when.due_at, "not_after": when.not_after, "local_time": when.local_time}
    connection.execute(sa.update(issues).where(issues.c.id == issue_id).values(values))
    stored_issues.log(connection, issue_id, IssueChange.SCHEDULED, now, f"for {when.due_at:%Y-%m-%d %H:%M} UTC")
    return before


def unschedule(connection: Connection, name: str, now: datetime) -> None:
    """Make a scheduled issue a draft again: its file is all that is left. ConflictError when it is not scheduled."""
    hold(connection, issues)  # else who begins it at this moment would wait for its row, and this for the table
    row = stored_issues.locked(connection, name)
    check_move(row.state, IssueState.DRAFT, f'issue "{name}"')
    for table in (issue_changes, issue_lists, issue_articles, archived_issues, links):
        connection.execute(sa.delete(table).where(table.c.issue_id == row.id))
    connection.execute(sa.delete(issues).where(issues.c.id == row.id))


def start(connection: Connection, name: str, now: datetime, terms: Terms) -> FrozenCounts | None:
    """Begin a scheduled issue that is due: choose its audience as it is now. None when another process was first.

    Also None when it is not due any more, or was made a draft again.
    """
    shut_door(connection)
    # Its row and not the table: choosing a million people takes a while, and other issues are paused meanwhile.
    begun = connection.execute(
        sa.update(issues)
        .where(issues.c.name == name, issues.c.state == IssueState.SCHEDULED, issues.c.due_at <= now)
        .values(state=IssueState.SENDING, started_at=now, updated_at=now, reason="")
    )
    issue = stored_issues.get(connection, name)
    if begun.rowcount != 1 or issue is None:
        return None
    hold(connection, subscriptions, suppressions)
    stored_issues.log(connection, issue.id, IssueChange.STARTED, now)
    wanted = Audience(
        issue_id=issue.id,
        name=name,
        chosen=lists.ids(connection, issue.lists),
        batch_size=issue.batch_size,
        segment=issue.segment,
        smtputf8=terms.smtputf8,
        local_time=datetime.fromisoformat(issue.local_time) if issue.local_time else None,
        zone=terms.zone,
    )
    return write_audience(connection, wanted, now)


def due(connection: Connection, now: datetime) -> list[IssueRow]:
    """The scheduled issues whose time has come: alerts before bulletins, then the earliest."""
    rows = _rows(connection, issues.c.state == IssueState.SCHEDULED, issues.c.due_at <= now)
    return sorted(rows, key=lambda row: (urgency(row.kind), row.due_at, row.id))


def ready(connection: Connection, now: datetime) -> list[IssueRow]:
    """The issues being sent in which there is something to do: alerts before bulletins, then the oldest.

    A batch that is due, one whose owner's lease has run out, or nothing at all, which is an end to be written down.
    """
    its = batches.c.issue_id == issues.c.id
    waiting = sa.and_(
        batches.c.state == BatchState.PENDING, sa.or_(batches.c.due_at.is_(None), batches.c.due_at <= now)
    )
    left_behind = sa.and_(batches.c.state.in_(HELD), batches.c.lease_until <= now)
    to_do = sa.or_(
        sa.exists().where(its, waiting),
        sa.exists().where(its, left_behind),
        ~sa.exists().where(its, batches.c.state.in_(sorted(OPEN_BATCHES))),
    )
    rows = _rows(connection, issues.c.state == IssueState.SENDING, to_do)
    return sorted(rows, key=lambda row: (urgency(row.kind), row.started_at or row.frozen_at, row.id))


def urgency(kind: IssueKind) -> int:
    """The place of an issue among several: alerts first."""
    return int(kind is not IssueKind.ALERT)


def next_moment(connection: Connection) -> datetime | None:
    """When there is the next thing to do: a scheduled issue, a batch that waits, a lease that runs out."""
    begins = sa.select(sa.func.min(issues.c.due_at)).where(issues.c.state == IssueState.SCHEDULED)
    free = sa.case((batches.c.state.in_(HELD), batches.c.lease_until), else_=batches.c.due_at)
    goes_on = (
        sa.select(sa.func.min(free, type_=batches.c.due_at.type))
        .join_from(batches, issues, issues.c.id == batches.c.issue_id)
        .where(issues.c.state == IssueState.SENDING, batches.c.state.in_((*HELD, BatchState.PENDING)))
    )
    moments = (connection.execute(query).scalar() for query in (begins, goes_on))
    return min(filter(None, moments), default=None)


def left_since(connection: Connection, issue_id: int, now: datetime) -> datetime | None:
    """Since when an issue that is being sent has work to do that nobody sees to; None when it has none.

    The moment its oldest waiting batch was due, or anything was done about the issue, whichever is later: a sender
    that works, and a person who lets it go on, begin this time anew.
    """
    since_due = sa.func.min(sa.func.coalesce(batches.c.due_at, issues.c.started_at), type_=batches.c.due_at.type)
    may_go = sa.or_(
        sa.and_(batches.c.state == BatchState.PENDING, sa.or_(batches.c.due_at.is_(None), batches.c.due_at <= now)),
        sa.and_(batches.c.state == BatchState.CLAIMED, batches.c.lease_until <= now),
    )
    waiting = (
        sa.select(since_due)
        .join_from(batches, issues, issues.c.id == batches.c.issue_id)
        .where(batches.c.issue_id == issue_id, may_go)
    )
    oldest: datetime | None = connection.execute(waiting).scalar()
    if oldest is None:
        return None
    moments: list[datetime | None] = [
        connection.execute(sa.select(sa.func.max(batches.c.updated_at)).where(batches.c.issue_id == issue_id)).scalar(),
        connection.execute(
            sa.select(sa.func.max(issue_changes.c.at)).where(issue_changes.c.issue_id == issue_id)
        ).scalar(),
    ]
    return max(oldest, *filter(None, moments))


def zones_of_lists(connection: Connection, list_names: Sequence[str]) -> Mapping[str | None, int]:
    """How many people on these lists have each time zone, each person once; None: their own is not known."""
    chosen = lists.ids(connection, list_names)
    return readerzones.numbers(connection, chosen, readerzones.used(connection, chosen))


def _rows(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[IssueRow]:
    query: sa.Select[Any] = sa.select(*LISTING).where(*conditions)
    return [IssueRow(**row._asdict()) for row in connection.execute(query)]
