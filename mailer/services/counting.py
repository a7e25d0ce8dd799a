"""Counting readers: what a link or a provider's report adds to the figures of an issue, and whether it may."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from mailer.delivery.readers import EARLY
from mailer.errors import LinkError, StoreError
from mailer.model import EngagementKind, Reader
from mailer.render.links import Purpose
from mailer.render.tracking import MOST
from mailer.services.program import Program
from mailer.services.signers import signer
from mailer.store import engagement
from mailer.store.engagement import OPENING, Leading, Seen

LIKELY = {
    # Mail programs fetch pictures for a reader who looks at the mail; no program follows a link for one.
    EngagementKind.OPENED: frozenset({Reader.HUMAN, Reader.PROXY}),
    EngagementKind.CLICKED: frozenset({Reader.HUMAN}),
}
"""Who is likely to be a person."""


def note(
    connection: Connection,
    issue_id: int,
    subscriber_id: int | None,
    kind: EngagementKind,
    reader: Reader,
    at: datetime,
    link: int = OPENING,
    *,
    individual: bool = False,
) -> bool:
    """Count that a mail of an issue was opened, or a link of it clicked; False where nothing may be written.

    `subscriber_id`: whose mail it was, where that is known. Nothing is written about somebody who does not want to be
    counted or was forgotten. Who it was is kept only with `individual`, which is `[privacy] individual`, and never of
    what a machine did. For a transaction of the caller, who sees to it that the same thing comes once.
    """
    seen = Seen(issue_id, kind, reader, at, link)
    if subscriber_id is not None and not engagement.countable(connection, (subscriber_id,)):
        return False
    engagement.count(connection, (seen,))
    if subscriber_id is not None and individual and reader is not Reader.MACHINE:
        engagement.keep(connection, subscriber_id, seen)
    return True


def follow(program: Program, token: str, number: int, reader: Reader) -> str:
    """Where a link in a mail leads, once it was counted; empty for the picture that counts openings.

    Only what was written down with the issue is ever led to. LinkError for anything that is not a link of ours.
    """
    target = signer(program).read(token, Purpose.COUNT)
    with program.store.read() as connection:
        found = engagement.leading(connection, target.list_name, number) if number <= MOST else None
    if found is None:
        raise LinkError("this link is not valid", hint="Copy the whole link.")
    try:
        _count(program, found, target.subscriber_id, number, reader)
    except StoreError:
        # Whoever follows a link gets where they wanted, whatever becomes of a figure.
        return found.url
    return found.url


@dataclass(frozen=True, slots=True)
class Reading:
    """How often an issue was opened, or one of its links followed: `total` by whoever, `people` likely by people."""

    what: EngagementKind
    url: str
    total: int
    people: int


def readings(connection: Connection, issue_id: int) -> tuple[Reading, ...]:
    """What was counted of an issue: openings first, then its links in their order."""
    totals: Counter[tuple[EngagementKind, int, str]] = Counter()
    people: Counter[tuple[EngagementKind, int, str]] = Counter()
    for each in engagement.counts(connection, [issue_id]):
        key = (each.kind, each.link, each.url)
        totals[key] += each.number
        people[key] += each.number if each.reader in LIKELY[each.kind] else 0
    ordered = sorted(totals, key=lambda key: (key[0] is EngagementKind.CLICKED, key[1]))
    return tuple(Reading(key[0], key[2], totals[key], people[key]) for key in ordered)


def _count(program: Program, found: Leading, public_id: str, number: int, reader: Reader) -> None:
    privacy, now = program.settings.privacy, program.now()
    begun = found.started_at
    if not privacy.tracking or begun is None or now - begun > timedelta(days=privacy.keep_tracking_days):
        return
    kind = EngagementKind.CLICKED if number else EngagementKind.OPENED
    with program.store.write() as connection:
        whose = engagement.person(connection, found.issue_id, public_id) if public_id else None
        if public_id and whose is None:
            return
        left = (whose.written_at if whose else None) or begun
        who = Reader.MACHINE if reader is Reader.HUMAN and now - left < EARLY else reader
        number_of = whose.id if whose else None
        note(connection, found.issue_id, number_of, kind, who, now, number, individual=privacy.individual)
