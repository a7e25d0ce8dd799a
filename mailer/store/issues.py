"""Issues from their freeze on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailer.delivery.states import check_move
from mailer.errors import ConflictError, NotFoundError
from mailer.model import IssueChange, IssueKind, IssueState
from mailer.store.tables import issue_articles, issue_changes, issue_lists, issues, lists


@dataclass(frozen=True, slots=True)
class IssueRow:
    """A frozen issue as a listing shows it. `started_at`: when its audience was frozen; `reason`: why it is paused.

    `pruned_at`: when its deliveries were counted, of which only the counts are known since.
    """

    id: int
    name: str
    kind: IssueKind
    subject: str
    state: IssueState
    hash: str
    frozen_at: datetime
    finished_at: datetime | None
    started_at: datetime | None
    due_at: datetime | None
    not_after: datetime | None
    local_time: str
    reason: str
    pruned_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredIssue(IssueRow):
    """A frozen issue with what it is made of. `lists` and `article_keys` are in the editor's order."""

    batch_size: int
    snapshot: dict[str, Any]
    segment: str
    lists: tuple[str, ...]
    article_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to an issue as a whole."""

    what: IssueChange
    detail: str
    at: datetime


LISTING = (
    issues.c.id,
    issues.c.name,
    issues.c.kind,
    issues.c.subject,
    issues.c.state,
    issues.c.hash,
    issues.c.frozen_at,
    issues.c.finished_at,
    issues.c.started_at,
    issues.c.due_at,
    issues.c.not_after,
    issues.c.local_time,
    issues.c.reason,
    issues.c.pruned_at,
)


def get(connection: Connection, name: str) -> StoredIssue | None:
    """The frozen issue of that name; None when it was never frozen."""
    query = sa.select(*LISTING, issues.c.batch_size, issues.c.snapshot, issues.c.segment).where(issues.c.name == name)
    row = connection.execute(query).first()
    if row is None:
        return None
    names = connection.execute(
        sa.select(lists.c.name)
        .join(issue_lists, issue_lists.c.list_id == lists.c.id)
        .where(issue_lists.c.issue_id == row.id)
        .order_by(issue_lists.c.position)
    ).scalars()
    keys = connection.execute(
        sa.select(issue_articles.c.article_key)
        .where(issue_articles.c.issue_id == row.id)
        .order_by(issue_articles.c.position)
    ).scalars()
    return StoredIssue(**row._asdict(), lists=tuple(names), article_keys=tuple(keys))


def listing(connection: Connection) -> list[IssueRow]:
    """Every frozen issue, newest first."""
    query = sa.select(*LISTING).order_by(issues.c.frozen_at.desc(), issues.c.id.desc())
    return [IssueRow(**row._asdict()) for row in connection.execute(query)]


def subjects(connection: Connection, names: Sequence[str], limit: int, *, but: str) -> dict[str, str]:
    """The subjects of the last issues to any of these lists by their names, newest first, `but` that one."""
    to_them = (
        sa.select(issue_lists.c.issue_id)
        .join(lists, lists.c.id == issue_lists.c.list_id)
        .where(lists.c.name.in_(names), issue_lists.c.issue_id == issues.c.id)
    )
    query = (
        sa.select(issues.c.name, issues.c.subject)
        .where(issues.c.name != but, issues.c.state != IssueState.CANCELLED, to_them.exists())
        .order_by(issues.c.frozen_at.desc(), issues.c.id.desc())
        .limit(limit)
    )
    return {row.name: row.subject for row in connection.execute(query)}


def set_state(connection: Connection, name: str, state: IssueState, now: datetime, reason: str = "") -> int:
    """Move an issue, if the table of moves allows it; its number. To cancel one, see `ledger.cancel`."""
    row = locked(connection, name)
    check_move(row.state, state, f'issue "{name}"')
    changed = connection.execute(
        sa.update(issues)
        .where(issues.c.id == row.id, issues.c.state == row.state)
        .values(state=state, updated_at=now, reason=reason)
    )
    if changed.rowcount != 1:
        raise ConflictError(f'issue "{name}" was changed by another process; nothing was done')
    return int(row.id)


def pause(connection: Connection, name: str, reason: str, now: datetime) -> None:
    """Let no further batch of an issue begin. ConflictError when it is not being sent."""
    log(connection, set_state(connection, name, IssueState.PAUSED, now, reason), IssueChange.PAUSED, now, reason)


def resume(connection: Connection, name: str, now: datetime) -> None:
    """Let a paused issue go on. ConflictError when it is not paused.

    Whoever says so after its last moment has passed says that it goes out all the same.
    """
    if state_of(connection, name) is not IssueState.PAUSED:
        raise ConflictError(f'issue "{name}" is {state_of(connection, name).value}, not paused')
    issue_id = set_state(connection, name, IssueState.SENDING, now)
    log(connection, issue_id, IssueChange.RESUMED, now)
    over = sa.update(issues).where(issues.c.id == issue_id, issues.c.not_after < now)
    connection.execute(over.values(not_after=None))


def log(connection: Connection, issue_id: int, what: IssueChange, now: datetime, detail: str = "") -> None:
    """Write down what happened to an issue as a whole."""
    values = {"issue_id": issue_id, "what": what, "detail": detail, "at": now}
    connection.execute(sa.insert(issue_changes), values)


def changes(connection: Connection, issue_id: int) -> list[Change]:
    """What happened to an issue as a whole, oldest first."""
    query = sa.select(issue_changes.c.what, issue_changes.c.detail, issue_changes.c.at)
    rows = connection.execute(query.where(issue_changes.c.issue_id == issue_id).order_by(issue_changes.c.id))
    return [Change(*row) for row in rows]


def number(connection: Connection, name: str) -> int:
    """The number of the issue; NotFoundError when it was never frozen."""
    return int(_row(connection, name).id)


def state_of(connection: Connection, name: str) -> IssueState:
    """The state of the issue; NotFoundError when it was never frozen."""
    state: IssueState = _row(connection, name).state
    return state


def locked(connection: Connection, name: str) -> Row[int, IssueState, int]:
    """The issue's id, state and batch size, held until the transaction ends: for a writer."""
    return _row(connection, name, lock=True)


def _row(connection: Connection, name: str, *, lock: bool = False) -> Row[int, IssueState, int]:
    query = sa.select(issues.c.id, issues.c.state, issues.c.batch_size).where(issues.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFoundError(f'issue "{name}" was never sent')
    return row
