"""The issues that anybody may read on the web, once they are sent."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import IssueState
from mailer.store.tables import archived_issues, issue_lists, issues


@dataclass(frozen=True, slots=True)
class Archived:
    """An issue as a page of many shows it, written for nobody in particular."""

    subject: str
    preheader: str
    language: str


@dataclass(frozen=True, slots=True)
class Entry(Archived):
    """One that is in the archive. `at`: when it began to be sent."""

    name: str
    at: datetime


ENTRY = (
    archived_issues.c.subject,
    archived_issues.c.preheader,
    archived_issues.c.language,
    issues.c.name,
    archived_issues.c.at,
)


def put(connection: Connection, issue_id: int, archived: Archived | None, now: datetime) -> None:
    """Say how an issue stands in the archive; None: it does not."""
    take_out(connection, issue_id)
    if archived is not None:
        connection.execute(sa.insert(archived_issues).values(issue_id=issue_id, at=now, **asdict(archived)))


def take_out(connection: Connection, issue_id: int) -> bool:
    """Whether it was in it."""
    return connection.execute(sa.delete(archived_issues).where(archived_issues.c.issue_id == issue_id)).rowcount > 0


def begun(connection: Connection, issue_id: int, now: datetime) -> None:
    """The issue begins to be sent, which is its day."""
    connection.execute(sa.update(archived_issues).where(archived_issues.c.issue_id == issue_id).values(at=now))


def page(connection: Connection, list_id: int | None, most: int, after: int = 0) -> list[Entry]:
    """The issues that were sent, to that list or to any, newest first, without so many of them."""
    query = sa.select(*ENTRY).join(issues, issues.c.id == archived_issues.c.issue_id)
    query = query.where(issues.c.state == IssueState.SENT)
    if list_id is not None:
        theirs = sa.select(issue_lists.c.issue_id).where(issue_lists.c.list_id == list_id)
        query = query.where(archived_issues.c.issue_id.in_(theirs))
    query = query.order_by(archived_issues.c.at.desc(), archived_issues.c.issue_id.desc())
    return [Entry(*row) for row in connection.execute(query.limit(most).offset(after))]


def snapshot(connection: Connection, name: str) -> dict[str, Any] | None:
    """What the mails of an issue in the archive are made of; None for one that is not in it, or not sent."""
    query = sa.select(issues.c.snapshot).join(archived_issues, archived_issues.c.issue_id == issues.c.id)
    found: dict[str, Any] | None = connection.execute(
        query.where(issues.c.name == name, issues.c.state == IssueState.SENT)
    ).scalar()
    return found


def mark(connection: Connection, name: str) -> str | None:
    """The hash of an issue in the archive, by which a page that was made of it is known."""
    query = sa.select(issues.c.hash).join(archived_issues, archived_issues.c.issue_id == issues.c.id)
    found: str | None = connection.execute(
        query.where(issues.c.name == name, issues.c.state == IssueState.SENT)
    ).scalar()
    return found
