"""What reactions to events need to know of people and issues, and what they write down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.reactions import Mail, Word
from mailer.model import Cause, DeliveryState, EventKind, IssueChange, IssueState, Outcome
from mailer.store.confirmations import OPEN
from mailer.store.database import pass_door
from mailer.store.tables import (
    confirmations,
    deliveries,
    events,
    issue_changes,
    issues,
    lists,
    subscribers,
    suppression_events,
)

T = TypeVar("T", int, str)

# Below the number of parameters every SQLite takes (999 before 3.32), with the issues.
CHUNK = 400
LAST_ISSUES = 200
"""So many of the last issues are looked at for bounces in a row."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom events are about."""

    number: int
    id: str
    email_key: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that asked to confirm, and whom."""

    number: int
    subscriber: int
    list_id: int
    list_name: str


@dataclass(frozen=True, slots=True)
class Mood:
    """How receivers take an issue. `answered`: mails of which it is known what became of them, to a bound."""

    state: IssueState
    number: int
    answered: int


def enter(connection: Connection) -> None:
    """Before any other lock of a transaction that may suppress somebody: nobody is forgotten meanwhile."""
    pass_door(connection)


def people(connection: Connection, numbers: Iterable[int]) -> dict[int, Person]:
    """Those of these people who were not forgotten."""
    found: dict[int, Person] = {}
    query = sa.select(subscribers.c.id, subscribers.c.public_id, subscribers.c.email_key)
    for chunk in _chunks(set(numbers)):
        here = query.where(subscribers.c.id.in_(chunk), subscribers.c.forgotten_at.is_(None))
        found.update((row.id, Person(*row)) for row in connection.execute(here))
    return found


def lifted(connection: Connection, keys: Iterable[str]) -> dict[str, datetime]:
    """When somebody last lifted a suppression of each of these addresses, on any list."""
    found: dict[str, datetime] = {}
    last = sa.func.max(suppression_events.c.at)
    query = sa.select(suppression_events.c.value, last).group_by(suppression_events.c.value)
    for chunk in _chunks(set(keys)):
        here = query.where(suppression_events.c.value.in_(chunk), suppression_events.c.added.is_(False))
        found.update(connection.execute(here).all())
    return found


def mails(connection: Connection, numbers: Collection[int]) -> dict[int, list[Mail]]:
    """The mails of the last issues to each of these people, with what was reported of them.

    By the issues, because that is how deliveries are found; nothing else knows all mails to one person.
    """
    newest = sa.select(issues.c.id).order_by(issues.c.id.desc()).limit(LAST_ISSUES)
    known = list(connection.execute(newest).scalars())
    words: defaultdict[tuple[int, int, datetime], list[Word]] = defaultdict(list)
    for chunk in _chunks(numbers):
        for row in connection.execute(_told(known, chunk)):
            mail = words[row.subscriber_id, row.issue_id, row.updated_at]
            if row.kind is not None:
                mail.append(Word(row.kind, row.at))
    found: defaultdict[int, list[Mail]] = defaultdict(list)
    for (subscriber, issue, at), told in words.items():
        found[subscriber].append(Mail(issue, at, tuple(told)))
    return found


def _told(known: Sequence[int], chunk: Sequence[int]) -> sa.Select[Any]:
    mine = (deliveries.c.issue_id.in_(known), deliveries.c.subscriber_id.in_(chunk))
    return (
        sa.select(
            deliveries.c.subscriber_id, deliveries.c.issue_id, deliveries.c.updated_at, events.c.kind, events.c.at
        )
        .join_from(deliveries, events, events.c.delivery_id == deliveries.c.id, isouter=True)
        .where(*mine, deliveries.c.state == DeliveryState.ACCEPTED)
    )


def asked(connection: Connection, message_ids: Iterable[str]) -> dict[str, Asked]:
    """The mails that asked to confirm, by their Message-ID."""
    found: dict[str, Asked] = {}
    query = sa.select(
        confirmations.c.message_id,
        confirmations.c.id,
        confirmations.c.subscriber_id,
        confirmations.c.list_id,
        lists.c.name,
    ).join(lists, lists.c.id == confirmations.c.list_id)
    for chunk in _chunks(set(message_ids)):
        rows = connection.execute(query.where(confirmations.c.message_id.in_(chunk)))
        found.update((row[0], Asked(*row[1:])) for row in rows)
    return found


def accept_asks(connection: Connection, numbers: Iterable[int], now: datetime) -> None:
    """Mails that asked to confirm were taken by the provider after all, as its reports show."""
    unknown = confirmations.c.outcome.in_((OPEN, Outcome.DOUBTFUL.value))
    for chunk in _chunks(set(numbers)):
        connection.execute(
            sa.update(confirmations)
            .where(confirmations.c.id.in_(chunk), unknown)
            .values(outcome=Outcome.ACCEPTED.value, sent_at=now)
        )


def resumed_at(connection: Connection, issue_id: int) -> datetime | None:
    """When a person last let an issue go on."""
    query = sa.select(sa.func.max(issue_changes.c.at)).where(
        issue_changes.c.issue_id == issue_id, issue_changes.c.what == IssueChange.RESUMED
    )
    moment: datetime | None = connection.execute(query).scalar()
    return moment


def mood(connection: Connection, issue_id: int, kind: EventKind, answers: Collection[EventKind], share: float) -> Mood:
    """How many mails of an issue something was reported of, since a person let it go on, out of those answered.

    No more answers are counted than would make that few: a million rows are not read for each post.
    """
    state = connection.execute(sa.select(issues.c.state).where(issues.c.id == issue_id)).scalar_one()
    again = resumed_at(connection, issue_id)
    number = _count(connection, issue_id, (kind,), again)
    most = int(number / share) + 1
    if answers:
        answered = _count(connection, issue_id, answers, again, most)
    else:
        here = (deliveries.c.issue_id == issue_id, deliveries.c.state == DeliveryState.ACCEPTED)
        rows = sa.select(deliveries.c.id).where(*here, *([deliveries.c.updated_at > again] if again else []))
        answered = _size(connection, rows.order_by(deliveries.c.subscriber_id).limit(most))
    return Mood(state, number, answered)


def _count(
    connection: Connection,
    issue_id: int,
    kinds: Collection[EventKind],
    after: datetime | None,
    most: int | None = None,
) -> int:
    """Mails of which any of that was reported."""
    here = (events.c.issue_id == issue_id, events.c.kind.in_(sorted(kinds)))
    rows = sa.select(events.c.delivery_id).where(*here, *([events.c.at > after] if after else []))
    if most is not None:
        return _size(connection, rows.order_by(events.c.kind, events.c.delivery_id).limit(most))
    return _size(connection, rows.distinct())


def _size(connection: Connection, rows: sa.Select[Any]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one())


def causes(connection: Connection, issue_id: int) -> dict[Cause, int]:
    """Whose fault it is that mails of an issue came back, in mails."""
    back = (EventKind.BOUNCED_HARD, EventKind.BOUNCED_SOFT, EventKind.BLOCKED)
    query = (
        sa.select(events.c.cause, sa.func.count(events.c.delivery_id.distinct()))
        .where(events.c.issue_id == issue_id, events.c.kind.in_(back), events.c.cause != "")
        .group_by(events.c.cause)
    )
    return {Cause(cause): number for cause, number in connection.execute(query)}


def _chunks(values: Collection[T]) -> Iterator[list[T]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
