"""The freeze: an issue, its audience and its batches become rows, all in one transaction, and are counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.reading import parse
from mailer.errors import ConflictError, StoreError
from mailer.model import Exclusion, IssueChange, IssueKind, IssueState
from mailer.store import archive, audience, lists, pruned, readerzones
from mailer.store import issues as stored_issues
from mailer.store.banning import bans
from mailer.store.capping import Capping, capping, caps_at
from mailer.store.database import hold, insert_row, shut_door
from mailer.store.engagement import write_links
from mailer.store.filling import Filling, Share, fill
from mailer.store.pruned import Counted
from mailer.store.tables import (
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
    that narrows the audience; once frozen it is not asked again. Nothing is handed over after `not_after`. `archived`:
    how it stands in the archive, once it is sent.
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
    not_after: datetime | None = None
    archived: archive.Archived | None = None


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
    capped_at: datetime | None = None,
    now: datetime | None = None,
) -> FrozenCounts:
    """What a freeze would count, by the same conditions; writes nothing. Caps count as at `capped_at`, pauses as at
    `now`; neither does where that is not said."""
    chosen = lists.ids(connection, list_names)
    caps = capping(connection, chosen, capped_at)
    rules = audience.Rules(smtputf8, now, bans(connection, chosen), narrowing, caps)
    excluded = dict.fromkeys(Exclusion, 0)
    for place in range(len(chosen)):
        rows = audience.exclusions(chosen, place, rules).subquery()
        grouped = sa.select(rows.c.reason, sa.func.count()).group_by(rows.c.reason)
        for reason, number in connection.execute(grouped):
            excluded[Exclusion(reason)] += number
        for why, people in _others(chosen, place, rules):
            excluded[why] += connection.execute(sa.select(sa.func.count()).select_from(people.subquery())).scalar_one()
    return FrozenCounts(audience.count(connection, chosen) - sum(excluded.values()), excluded)


def freeze(connection: Connection, frozen: Frozen, now: datetime) -> FrozenCounts:
    """Write the issue, one delivery a recipient, and the batches; verify that nobody is missing.

    The same issue with the same hash again changes nothing and returns the counts of then.
    """
    # Else who is forgetting somebody, or bringing people in, would wait for these tables in another order. Who freezes
    # has the door as well; the issues are not held, as others are paused meanwhile.
    shut_door(connection)
    hold(connection, subscriptions, suppressions)
    row = connection.execute(
        sa.select(issues.c.id, issues.c.hash, issues.c.state).where(issues.c.name == frozen.name)
    ).first()
    if row is not None:
        if row.hash != frozen.hash or row.state is IssueState.SCHEDULED:
            raise _sent_already(frozen.name, row.state)
        return counts(connection, row.id)
    chosen = lists.ids(connection, frozen.lists)
    issue_id = write_content(connection, frozen, chosen, now)
    values = {"state": IssueState.SENDING, "started_at": now, "not_after": frozen.not_after}
    connection.execute(sa.update(issues).where(issues.c.id == issue_id).values(values))
    stored_issues.log(connection, issue_id, IssueChange.FROZEN, now)
    written = Audience(issue_id, frozen.name, chosen, frozen.batch_size, frozen.segment, frozen.smtputf8)
    return write_audience(connection, written, now)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose rows are to be written. `local_time`: when everybody's batch is due on the clock of their own zone.

    `zone` is that of people whose own is not known.
    """

    issue_id: int
    name: str
    chosen: Sequence[int]
    batch_size: int
    segment: str = ""
    smtputf8: bool = False
    local_time: datetime | None = None
    zone: str = "UTC"


def write_audience(connection: Connection, wanted: Audience, now: datetime) -> FrozenCounts:
    """Write one delivery a recipient, the batches, and who is left out; verify that nobody is missing.

    For a transaction that holds the tables of people and subscriptions.
    """
    archive.begun(connection, wanted.issue_id, now)
    candidates = audience.count(connection, wanted.chosen)
    narrowing = audience.Narrowing(parse(wanted.segment), now) if wanted.segment else None
    rules = audience.Rules(
        wanted.smtputf8, now, bans(connection, wanted.chosen), narrowing, _capping(connection, wanted, now)
    )
    _write_exclusions(connection, wanted.issue_id, wanted.chosen, rules)
    brought = _recipients(connection, wanted.issue_id, wanted.chosen, rules)
    with _shares(connection, wanted) as shares:
        fill(connection, Filling(wanted.issue_id, wanted.batch_size, now), brought, shares)
    written = counts(connection, wanted.issue_id)
    if written.candidates != candidates:
        raise StoreError(
            f'issue "{wanted.name}": {candidates} people are on its lists, but {written.recipients} recipients '
            f"and {written.candidates - written.recipients} exclusions were counted; nothing was frozen",
            hint="This is a fault of the program: please report it.",
        )
    return written


def _capping(connection: Connection, wanted: Audience, now: datetime) -> Capping:
    """Who had enough of which list. An alert is not held back."""
    kind = connection.execute(sa.select(issues.c.kind).where(issues.c.id == wanted.issue_id)).scalar_one()
    return capping(connection, wanted.chosen, caps_at(kind, now))


@contextmanager
def _shares(connection: Connection, wanted: Audience) -> Iterator[list[Share]]:
    """When whose batches are due."""
    if wanted.local_time is None:
        yield [Share()]
        return
    zones = readerzones.used(connection, wanted.chosen)
    groups = readerzones.reader_groups(wanted.local_time, zones, wanted.zone)
    if len(groups) == 1:
        yield [Share(groups[0].due_at)]
        return
    with readerzones.sorted_readers(connection, wanted.chosen, groups, zones) as readers:
        yield [Share(due_at, people) for due_at, people in readers]


def frozen_counts(connection: Connection, issue: str) -> FrozenCounts:
    """The audience of an issue as it was frozen."""
    return counts(connection, stored_issues.number(connection, issue))


def counts(connection: Connection, issue_id: int) -> FrozenCounts:
    """The audience as it was frozen, counted from its rows, or as it was counted before they were pruned."""
    if pruned.pruned_at(connection, issue_id) is not None:
        left_out = pruned.counts(connection, issue_id, Counted.EXCLUSION)
        reasons = {reason: left_out.get(reason.value, 0) for reason in Exclusion}
        return FrozenCounts(sum(pruned.counts(connection, issue_id, Counted.DELIVERY).values()), reasons)
    recipients = sa.select(sa.func.count()).where(deliveries.c.issue_id == issue_id)
    excluded = (
        sa.select(exclusions.c.reason, sa.func.count())
        .where(exclusions.c.issue_id == issue_id)
        .group_by(exclusions.c.reason)
    )
    found: dict[Exclusion, int] = dict(connection.execute(excluded).all())
    return FrozenCounts(connection.execute(recipients).scalar_one(), dict.fromkeys(Exclusion, 0) | found)


def _sent_already(name: str, state: IssueState) -> ConflictError:
    """Why an issue of that name cannot be frozen again."""
    if state is IssueState.SCHEDULED:
        return ConflictError(
            f'issue "{name}" is scheduled',
            hint=f"mailer send {name} --at TIME sets another time; mailer cancel {name} makes it a draft again",
        )
    was = {
        IssueState.SENT: "was already sent",
        IssueState.CANCELLED: "was cancelled",
    }.get(state, "is already being sent")
    return ConflictError(
        f'issue "{name}" {was}, with other content than its file has now',
        hint="Put the file back as it was to continue, or write the new content as an issue of another name.",
    )


def write_content(
    connection: Connection, frozen: Frozen, chosen: Sequence[int], now: datetime, replaced: int | None = None
) -> int:
    """Write an issue down as it will be sent, scheduled and without an audience; its number.

    `replaced`: the number of a scheduled one whose content gives way to this.
    """
    values = {
        "name": frozen.name,
        "kind": frozen.kind,
        "subject": frozen.subject,
        "state": IssueState.SCHEDULED,
        "hash": frozen.hash,
        "snapshot": dict(frozen.snapshot),
        "batch_size": frozen.batch_size,
        "frozen_at": now,
        "updated_at": now,
        "segment": frozen.segment,
        "local_time": "",
        "reason": "",
    }
    if replaced is None:
        issue_id = insert_row(connection, issues, values)
    else:
        issue_id = replaced
        connection.execute(sa.update(issues).where(issues.c.id == issue_id).values(values))
        for table in (issue_lists, issue_articles):
            connection.execute(sa.delete(table).where(table.c.issue_id == issue_id))
    rows = [{"issue_id": issue_id, "position": at, "list_id": number} for at, number in enumerate(chosen)]
    connection.execute(sa.insert(issue_lists), rows)
    keys = [
        {"issue_id": issue_id, "position": at, "article_key": key}
        for at, key in enumerate(dict.fromkeys(frozen.article_keys))
    ]
    if keys:
        connection.execute(sa.insert(issue_articles), keys)
    archive.put(connection, issue_id, frozen.archived, now)
    write_links(connection, issue_id, frozen.snapshot.get("links", ()))
    return issue_id


def _write_exclusions(connection: Connection, issue_id: int, chosen: Sequence[int], rules: audience.Rules) -> None:
    for place in range(len(chosen)):
        rows = audience.exclusions(chosen, place, rules).subquery()
        query = sa.select(sa.literal(issue_id), rows.c.subscriber_id, rows.c.reason)
        connection.execute(sa.insert(exclusions).from_select(EXCLUSION, query))
        for why, others in _others(chosen, place, rules):
            reason = sa.literal(why, exclusions.c.reason.type)
            query = sa.select(sa.literal(issue_id), others.subquery().c.subscriber_id, reason)
            connection.execute(sa.insert(exclusions).from_select(EXCLUSION, query))


def _others(chosen: Sequence[int], place: int, rules: audience.Rules) -> Iterator[tuple[Exclusion, sa.Select[Any]]]:
    """Those whom the list at `place` would bring in but for the segment or its cap."""
    for why, people in (
        (Exclusion.SEGMENT, audience.outside_segment(chosen, place, rules)),
        (Exclusion.CAP, audience.had_enough(chosen, place, rules)),
    ):
        if people is not None:
            yield why, people.order_by(None)


def _recipients(
    connection: Connection, issue_id: int, chosen: Sequence[int], rules: audience.Rules
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
