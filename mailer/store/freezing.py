"""The freeze: an issue, its audience and its batches become rows, all in one transaction, and are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.batching import batch_count
from mailer.errors import ConflictError, StoreError
from mailer.model import BatchState, DeliveryState, Exclusion, IssueKind, IssueState
from mailer.store import audience, lists
from mailer.store.database import insert_row
from mailer.store.tables import batches, deliveries, exclusions, issue_articles, issue_lists, issues


@dataclass(frozen=True, slots=True)
class Frozen:
    """What is frozen. `lists` and `article_keys` in the editor's order; `snapshot` is JSON.

    `smtputf8` says that the provider can carry an address whose local part is not ASCII.
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


@dataclass(frozen=True, slots=True)
class FrozenCounts:
    """The audience in numbers: every candidate is either a recipient or excluded for one reason."""

    recipients: int
    exclusions: Mapping[Exclusion, int]

    @property
    def candidates(self) -> int:
        """Everybody on the issue's lists, each person once."""
        return self.recipients + sum(self.exclusions.values())


def preview(connection: Connection, list_names: Sequence[str], *, smtputf8: bool = False) -> FrozenCounts:
    """What a freeze would count now, by the same conditions; writes nothing."""
    chosen = lists.ids(connection, list_names)
    recipients, excluded = 0, dict.fromkeys(Exclusion, 0)
    for place in range(len(chosen)):
        query = audience.recipients(chosen, place, smtputf8)
        recipients += connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
        rows = audience.exclusions(chosen, place, smtputf8).subquery()
        grouped = sa.select(rows.c.reason, sa.func.count()).group_by(rows.c.reason)
        for reason, count in connection.execute(grouped):
            excluded[Exclusion(reason)] += count
    return FrozenCounts(recipients, excluded)


def freeze(connection: Connection, frozen: Frozen, now: datetime) -> FrozenCounts:
    """Write the issue, one delivery a recipient, and the batches; verify that nobody is missing.

    The same issue with the same hash again changes nothing and returns the counts of then.
    """
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
    excluded = _write_exclusions(connection, issue_id, chosen, frozen.smtputf8)
    _write_batches(connection, issue_id, batch_count(candidates - excluded, frozen.batch_size), now)
    _write_deliveries(connection, issue_id, chosen, frozen, now)
    written = counts(connection, issue_id)
    if written.candidates != candidates:
        raise StoreError(
            f'issue "{frozen.name}": {candidates} people are on its lists, but {written.recipients} recipients '
            f"and {written.candidates - written.recipients} exclusions were counted; nothing was frozen",
            hint="This is a fault of the program: please report it.",
        )
    return written


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
    }
    issue_id = insert_row(connection, issues, values)
    rows = [{"issue_id": issue_id, "position": at, "list_id": number} for at, number in enumerate(chosen)]
    connection.execute(sa.insert(issue_lists), rows)
    keys = [
        {"issue_id": issue_id, "position": at, "article_key": key}
        for at, key in enumerate(dict.fromkeys(frozen.article_keys))
    ]
    if keys:
        connection.execute(sa.insert(issue_articles), keys)
    return issue_id


def _write_exclusions(connection: Connection, issue_id: int, chosen: list[int], smtputf8: bool) -> int:
    written = 0
    for place in range(len(chosen)):
        rows = audience.exclusions(chosen, place, smtputf8).subquery()
        query = sa.select(sa.literal(issue_id), rows.c.subscriber_id, rows.c.reason)
        insert = sa.insert(exclusions).from_select(["issue_id", "subscriber_id", "reason"], query)
        written += connection.execute(insert).rowcount
    return written


def _write_batches(connection: Connection, issue_id: int, number: int, now: datetime) -> None:
    if number:
        common = {"issue_id": issue_id, "state": BatchState.PENDING, "attempts": 0, "updated_at": now}
        connection.execute(sa.insert(batches), [{"number": at + 1, **common} for at in range(number)])


def _write_deliveries(connection: Connection, issue_id: int, chosen: list[int], frozen: Frozen, now: datetime) -> None:
    written = 0
    for place, list_id in enumerate(chosen):
        rows = audience.recipients(chosen, place, frozen.smtputf8).subquery()
        # Numbered in the order of the index the rows are read from, so that nothing is sorted.
        position = sa.func.row_number().over(order_by=rows.c.subscriber_id) - 1 + written
        numbered = sa.select(rows.c.subscriber_id, (position // frozen.batch_size + 1).label("number")).subquery()
        query = sa.select(
            sa.literal(issue_id),
            numbered.c.subscriber_id,
            sa.literal(list_id),
            batches.c.id,
            sa.literal(DeliveryState.PENDING, deliveries.c.state.type),
            sa.literal(""),
            sa.literal(""),
            sa.literal(now, deliveries.c.updated_at.type),
        ).join_from(
            numbered,
            batches,
            sa.and_(batches.c.issue_id == issue_id, batches.c.number == numbered.c.number),
        )
        fields = ["issue_id", "subscriber_id", "list_id", "batch_id", "state", "detail", "provider_id"]
        insert = sa.insert(deliveries).from_select([*fields, "updated_at"], query)
        written += connection.execute(insert).rowcount
