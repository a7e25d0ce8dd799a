"""What an issue is measured by before it goes: the last issues to its lists, and what was heard of them.

Cheap on a database with millions of deliveries: nothing here reads more rows of a large issue than its batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import EventKind, IssueState, SubscriptionState
from mailer.store.pruned import Counted, counts_of
from mailer.store.suppressions import EVERY_LIST
from mailer.store.tables import (
    batches,
    deliveries,
    events,
    imports,
    issue_lists,
    issues,
    subscribers,
    subscription_events,
    suppressions,
)

# Below the number of parameters every SQLite takes.
CHUNK = 400
COUNTED_BATCHES = 10
"""An issue of more batches is not counted: its batches are full, but for one."""
MANY = 1000
"""Suppressions are counted up to here."""
BEGUN = (IssueState.SENDING, IssueState.PAUSED, IssueState.SENT)
BAD = (EventKind.BOUNCED_HARD, EventKind.COMPLAINED)


@dataclass(frozen=True, slots=True)
class Before:
    """An issue that began before. `lists` are numbers; `heard`: there is a report of one of its mails."""

    name: str
    at: datetime
    segment: str
    lists: frozenset[int]
    recipients: int
    bounced: int
    complained: int
    heard: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """How somebody became confirmed, the last time. `shown`: by a text, a word, or a mail whose link was pressed."""

    at: datetime
    shown: bool


def before(connection: Connection, name: str, list_ids: Collection[int], limit: int) -> list[Before]:
    """The last issues to any of these lists, the newest first, without the one of that name."""
    query = sa.select(issues.c.id, issues.c.name, issues.c.started_at, issues.c.segment, issues.c.batch_size)
    rows = connection.execute(
        query.where(_to(list_ids), issues.c.name != name, issues.c.state.in_(BEGUN), issues.c.started_at.is_not(None))
        .order_by(issues.c.started_at.desc(), issues.c.id.desc())
        .limit(limit)
    ).all()
    sizes = {row.id: row.batch_size for row in rows}
    chosen, people, heard = _lists_of(connection, sizes), _recipients(connection, sizes), _reports(connection, sizes)
    return [
        Before(
            name=row.name,
            at=row.started_at,
            segment=row.segment,
            lists=frozenset(chosen[row.id]),
            recipients=people.get(row.id, 0),
            bounced=heard.get(row.id, {}).get(EventKind.BOUNCED_HARD.value, 0),
            complained=heard.get(row.id, {}).get(EventKind.COMPLAINED.value, 0),
            heard=row.id in heard,
        )
        for row in rows
    ]


def between(connection: Connection, name: str, list_ids: Collection[int], day: tuple[datetime, datetime]) -> list[str]:
    """The other issues that began in that time or are to begin in it, to any of these lists."""
    since, until = day
    began = sa.and_(issues.c.state.in_(BEGUN), issues.c.started_at >= since, issues.c.started_at < until)
    waits = sa.and_(issues.c.state == IssueState.SCHEDULED, issues.c.due_at >= since, issues.c.due_at < until)
    query = sa.select(issues.c.name).where(_to(list_ids), issues.c.name != name, sa.or_(began, waits))
    return list(connection.execute(query.order_by(issues.c.name)).scalars())


def suppressed(connection: Connection, list_ids: Collection[int]) -> int:
    """How many entries there are that hold for these lists, up to many."""
    some = sa.select(sa.literal(1)).where(suppressions.c.list_id.in_([EVERY_LIST, *list_ids])).limit(MANY)
    return connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()


def senders(connection: Connection, name: str, limit: int) -> set[str]:
    """The addresses that the last issues came from, to whichever lists."""
    address = issues.c.snapshot["from", "email"].as_string()  # a snapshot has the whole mail
    query = sa.select(address).where(issues.c.name != name, issues.c.state.in_(BEGUN))
    rows = connection.execute(query.order_by(issues.c.started_at.desc(), issues.c.id.desc()).limit(limit)).scalars()
    return {str(found or "") for found in rows}


def consents(connection: Connection, public_ids: Sequence[str], list_ids: Collection[int]) -> list[Consent]:
    """How each of these people last became confirmed, on whichever of the lists that was."""
    found: dict[int, Consent] = {}
    for start in range(0, len(public_ids), CHUNK):
        state: dict[tuple[int, int], SubscriptionState] = {}
        for row in connection.execute(_entries(public_ids[start : start + CHUNK], list_ids)):
            key = row.subscriber_id, row.list_id
            # An entry that finds them confirmed already tells of something else, such as a new address.
            if row.state is SubscriptionState.CONFIRMED and state.get(key) is not SubscriptionState.CONFIRMED:
                found[row.subscriber_id] = Consent(row.at, _is_shown(row))
            state[key] = row.state
    return list(found.values())


def _entries(public_ids: Sequence[str], list_ids: Collection[int]) -> sa.Select[Any]:
    entry = subscription_events
    return (
        sa.select(entry.c.subscriber_id, entry.c.list_id, entry.c.state, entry.c.at, entry.c.source)
        .add_columns(entry.c.consent_id, entry.c.evidence, imports.c.words)
        .join(subscribers, subscribers.c.id == entry.c.subscriber_id)
        .join(imports, imports.c.id == entry.c.import_id, isouter=True)
        .where(subscribers.c.public_id.in_(public_ids), entry.c.list_id.in_(list_ids))
        .order_by(entry.c.id)
    )


def _is_shown(row: Any) -> bool:
    """A word is what stands after the colon: `import of a.csv: signed up at the fair` (services/consent.py)."""
    return bool(row.consent_id or row.evidence or ": " in row.source or ": " in (row.words or ""))


def _to(list_ids: Collection[int]) -> sa.ColumnElement[bool]:
    return issues.c.id.in_(sa.select(issue_lists.c.issue_id).where(issue_lists.c.list_id.in_(list_ids)))


def _lists_of(connection: Connection, issue_ids: Collection[int]) -> Mapping[int, set[int]]:
    found: defaultdict[int, set[int]] = defaultdict(set)
    query = sa.select(issue_lists.c.issue_id, issue_lists.c.list_id)
    for issue_id, list_id in connection.execute(query.where(issue_lists.c.issue_id.in_(issue_ids))):
        found[issue_id].add(list_id)
    return found


def _recipients(connection: Connection, sizes: Mapping[int, int]) -> Mapping[int, int]:
    """How many people each had: exactly where they are few or were counted, else as its batches say."""
    query = sa.select(batches.c.issue_id, sa.func.count()).where(batches.c.issue_id.in_(sizes))
    numbers: dict[int, int] = dict(connection.execute(query.group_by(batches.c.issue_id)).all())
    found = {issue_id: number * sizes[issue_id] for issue_id, number in numbers.items()}
    few = [issue_id for issue_id, number in numbers.items() if number <= COUNTED_BATCHES]
    exact = sa.select(deliveries.c.issue_id, sa.func.count()).where(deliveries.c.issue_id.in_(few))
    counted: dict[int, int] = dict(connection.execute(exact.group_by(deliveries.c.issue_id)).all())
    pruned = counts_of(connection, sizes, Counted.DELIVERY)
    return found | counted | {issue_id: sum(states.values()) for issue_id, states in pruned.items()}


def _reports(connection: Connection, issue_ids: Collection[int]) -> Mapping[int, Mapping[str, int]]:
    """The mails that came back or were complained of, for the issues of which anything was heard."""
    any_of = sa.select(events.c.issue_id).where(events.c.issue_id == issues.c.id).exists()
    heard = connection.execute(sa.select(issues.c.id).where(issues.c.id.in_(issue_ids), any_of)).scalars()
    found: dict[int, dict[str, int]] = {issue_id: {} for issue_id in heard}
    mails = sa.func.count(events.c.delivery_id.distinct())
    query = sa.select(events.c.issue_id, events.c.kind, mails).where(events.c.issue_id.in_(issue_ids))
    for issue_id, kind, number in connection.execute(
        query.where(events.c.kind.in_(BAD)).group_by(events.c.issue_id, events.c.kind)
    ):
        found[issue_id][kind.value] = number
    pruned = counts_of(connection, issue_ids, Counted.EVENT)
    return found | {issue_id: dict(kinds) for issue_id, kinds in pruned.items()}
