"""The freeze: an issue, its audience and its batches become rows, all in one transaction, and are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.reading import parse
from mailer.errors import ConflictError, StoreError
from mailer.model import DeliveryState, Exclusion, IssueChange, IssueKind, IssueState
from mailer.store import audience, lists
from mailer.store import issues as stored_issues
from mailer.store.banning import bans
from mailer.store.batching import new_batch
from mailer.store.columns import BigId
from mailer.store.database import hold, insert_row, shut_door
from mailer.store.tables import (
    batches,
    deliveries,
    exclusions,
    issue_articles,
    issue_lists,
    issues,
    subscriptions,
    suppressions,
)

EXCLUSION = ("issue_id", "subscriber_id", "reason")


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is frozen. `lists` and `article_keys` in the editor's order; `snapshot` is JSON.

    `smtputf8` says that the provider can carry an address whose local part is not ASCII. `segment` is an expression
    that narrows the audience; once frozen it is not asked again.
    """

    name: str
    kind: IssueKind
    subject: str
    hash: str
    snapshot: Mapping[str, Any]
    lists: tuple[str, ...]
    article_keys: tuple[str, ...] = ()
    batch_size: int = 1000
    smtputf8: bool = False
    segment: str = ""


@dataclass(frozen=True, slots=True)
class FrozenCounts:
    """The audience in numbers: every candidate is either a recipient or excluded for one reason."""

    recipients: int
    exclusions: Mapping[Exclusion, int]

    @property
    def candidates(self) -> int:
        """Everybody on the issue's lists, each person once."""
        return self.recipients + sum(self.exclusions.values())


def preview(
    connection: Connection,
    list_names: Sequence[str],
    *,
    smtputf8: bool = False,
    narrowing: audience.Narrowing | None = None,
) -> FrozenCounts:
    """What a freeze would count now, by the same conditions; writes nothing."""
    chosen = lists.ids(connection, list_names)
    rules = audience.Rules(smtputf8, bans(connection, chosen), narrowing)
    excluded = dict.fromkeys(Exclusion, 0)
    for place in range(len(chosen)):
        rows = audience.exclusions(chosen, place, rules).subquery()
        grouped = sa.select(rows.c.reason, sa.func.count()).group_by(rows.c.reason)
        for reason, number in connection.execute(grouped):
            excluded[Exclusion(reason)] += number
        if (others := audience.outside_segment(chosen, place, rules)) is not None:
            outside = connection.execute(sa.select(sa.func.count()).select_from(others.subquery())).scalar_one()
            excluded[Exclusion.SEGMENT] += outside
    return FrozenCounts(audience.count(connection, chosen) - sum(excluded.values()), excluded)


def freeze(connection: Connection, frozen: Frozen, now: datetime) -> FrozenCounts:
    """Write the issue, one delivery a recipient, and the batches; verify that nobody is missing.

    The same issue with the same hash again changes nothing and returns the counts of then.
    """
    # Else who is forgetting somebody, or bringing people in, would wait for these tables in another order.
    shut_door(connection)
    hold(connection, issues, subscriptions, suppressions)
    row = connection.execute(
        sa.select(issues.c.id, issues.c.hash, issues.c.state).where(issues.c.name == frozen.name)
    ).first()
    if row is not None:
        if row.hash != frozen.hash:
            raise _sent_already(frozen.name, row.state)
        return counts(connection, row.id)
    chosen = lists.ids(connection, frozen.lists)
    issue_id = _write_issue(connection, frozen, chosen, now)
    candidates = audience.count(connection, chosen)
    narrowing = audience.Narrowing(parse(frozen.segment), now) if frozen.segment else None
    rules = audience.Rules(frozen.smtputf8, bans(connection, chosen), narrowing)
    _write_exclusions(connection, issue_id, chosen, rules)
    queries = _recipients(connection, issue_id, chosen, rules)
    _write_deliveries(connection, issue_id, queries, frozen.batch_size, now)
    written = counts(connection, issue_id)
    if written.candidates != candidates:
        raise StoreError(
            f'issue "{frozen.name}": {candidates} people are on its lists, but {written.recipients} recipients '
            f"and {written.candidates - written.recipients} exclusions were counted; nothing was frozen",
            hint="This is a fault of the program: please report it.",
        )
    return written


def frozen_counts(connection: Connection, issue: str) -> FrozenCounts:
    """The audience of an issue as it was frozen."""
    return counts(connection, stored_issues.number(connection, issue))


def counts(connection: Connection, issue_id: int) -> FrozenCounts:
    """The audience as it was frozen, counted from its rows."""
    recipients = sa.select(sa.func.count()).where(deliveries.c.issue_id == issue_id)
    excluded = (
        sa.select(exclusions.c.reason, sa.func.count())
        .where(exclusions.c.issue_id == issue_id)
        .group_by(exclusions.c.reason)
    )
    found: dict[Exclusion, int] = dict(connection.execute(excluded).all())
    return FrozenCounts(connection.execute(recipients).scalar_one(), dict.fromkeys(Exclusion, 0) | found)


def _sent_already(name: str, state: IssueState) -> ConflictError:
    was = {
        IssueState.SENT: "was already sent",
        IssueState.CANCELLED: "was cancelled",
    }.get(state, "is already being sent")
    return ConflictError(
        f'issue "{name}" {was}, with other content than its file has now',
        hint="Put the file back as it was to continue, or write the new content as an issue of another name.",
    )


def _write_issue(connection: Connection, frozen: Frozen, chosen: list[int], now: datetime) -> int:
    values = {
        "name": frozen.name,
        "kind": frozen.kind,
        "subject": frozen.subject,
        "state": IssueState.SENDING,
        "hash": frozen.hash,
        "snapshot": dict(frozen.snapshot),
        "batch_size": frozen.batch_size,
        "frozen_at": now,
        "updated_at": now,
        "segment": frozen.segment,
        "local_time": "",
        "started_at": now,
        "reason": "",
    }
    issue_id = insert_row(connection, issues, values)
    stored_issues.log(connection, issue_id, IssueChange.FROZEN, now)
    rows = [{"issue_id": issue_id, "position": at, "list_id": number} for at, number in enumerate(chosen)]
    connection.execute(sa.insert(issue_lists), rows)
    keys = [
        {"issue_id": issue_id, "position": at, "article_key": key}
        for at, key in enumerate(dict.fromkeys(frozen.article_keys))
    ]
    if keys:
        connection.execute(sa.insert(issue_articles), keys)
    return issue_id


def _write_exclusions(connection: Connection, issue_id: int, chosen: list[int], rules: audience.Rules) -> None:
    for place in range(len(chosen)):
        rows = audience.exclusions(chosen, place, rules).subquery()
        query = sa.select(sa.literal(issue_id), rows.c.subscriber_id, rows.c.reason)
        connection.execute(sa.insert(exclusions).from_select(EXCLUSION, query))
        if (others := audience.outside_segment(chosen, place, rules)) is not None:
            people = others.subquery()
            reason = sa.literal(Exclusion.SEGMENT, exclusions.c.reason.type)
            query = sa.select(sa.literal(issue_id), people.c.subscriber_id, reason)
            connection.execute(sa.insert(exclusions).from_select(EXCLUSION, query))


def _recipients(
    connection: Connection, issue_id: int, chosen: list[int], rules: audience.Rules
) -> list[tuple[int, sa.Select[Any]]]:
    """Each list with the query of those it brings in, once the exclusions are written."""
    left_out = sa.select(sa.literal(1)).where(
        exclusions.c.issue_id == issue_id, exclusions.c.reason.in_(audience.DESPITE_CONFIRMED)
    )
    queries = [audience.recipients(chosen, place, rules) for place in range(len(chosen))]
    # Most often nobody: a million people need not be looked up one by one.
    if connection.execute(left_out.limit(1)).first() is not None:
        queries = [query.where(audience.not_left_out(issue_id)) for query in queries]
    return list(zip(chosen, queries, strict=True))


def _write_deliveries(
    connection: Connection,
    issue_id: int,
    queries: list[tuple[int, sa.Select[Any]]],
    batch_size: int,
    now: datetime,
) -> None:
    """Fill one batch after another, each by one statement that goes on where the last one ended.

    Numbering all rows by a window function in a single statement takes SQLite twice as long.
    """
    number, room, batch_id = 0, 0, 0
    for place, (list_id, recipients) in enumerate(queries):
        query = _rows(issue_id, list_id, recipients)
        last = sa.select(sa.func.max(deliveries.c.subscriber_id)).where(deliveries.c.issue_id == issue_id)
        if place:  # no longer the end of an index: the lists before it brought in others
            last = last.where(deliveries.c.batch_id == sa.bindparam("batch"), deliveries.c.list_id == list_id)
        after = 0
        while True:
            if not room:
                number, room = number + 1, batch_size
                batch_id = new_batch(connection, issue_id, number, now)
            values = {"batch": batch_id, "after": after, "room": room, "now": now}
            # Without the option not every driver's count outlives an insert.
            room -= connection.execute(query, values, execution_options={"preserve_rowcount": True}).rowcount
            if room:
                break
            after = connection.execute(last, {"batch": batch_id} if place else None).scalar_one()
    if room == batch_size:
        connection.execute(sa.delete(batches).where(batches.c.id == batch_id))


def _rows(issue_id: int, list_id: int, recipients: sa.Select[Any]) -> sa.Insert:
    """The insert of one batch's deliveries: `room` recipients beyond the subscriber `after`."""
    person = audience.MEMBER.c.subscriber_id
    chunk = recipients.where(person > sa.bindparam("after", type_=BigId))
    query = chunk.limit(sa.bindparam("room", type_=BigId)).with_only_columns(
        sa.literal(issue_id),
        person,
        sa.literal(list_id),
        sa.bindparam("batch", type_=BigId),
        sa.literal(DeliveryState.PENDING, deliveries.c.state.type),
        sa.literal(""),
        sa.literal(""),
        sa.bindparam("now", type_=deliveries.c.updated_at.type),
    )
    fields = ["issue_id", "subscriber_id", "list_id", "batch_id", "state", "detail", "provider_id", "updated_at"]
    return sa.insert(deliveries).from_select(fields, query)
