"""What the database knows against the people of a list: as queries of their numbers, to be counted or looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import DeliveryState, SubscriptionState
from mailer.store import suppressions
from mailer.store.tables import (
    deliveries,
    engagements,
    imports,
    issue_lists,
    issues,
    subscribers,
    subscription_events,
    subscriptions,
)

STREAMED = 5000
# Refusals are looked for in this many of the newest issues, and a domain is named from so many of them on.
NEWEST_ISSUES, FEWEST_REFUSALS = 3, 3

MEMBER = subscriptions.alias("member")
EVENT = subscription_events.alias("event")


@dataclass(frozen=True, slots=True)
class Refusing:
    """How many mails to people at a domain were refused, out of how many."""

    domain: str
    refused: int
    sent: int


def addresses(connection: Connection, list_id: int) -> Iterator[tuple[str, bool]]:
    """Key of each examined address, and whether it can be written in ASCII; one after the other, in no order."""
    query = (
        sa.select(subscribers.c.email_key, subscribers.c.ascii_email.is_not(None))
        .join(MEMBER, MEMBER.c.subscriber_id == subscribers.c.id)
        .where(*_examined(list_id))
    )
    with connection.execute(query, execution_options={"yield_per": STREAMED}) as result:
        for rows in result.partitions():
            for key, ascii_only in rows:
                yield key, bool(ascii_only)


def long_pending(list_id: int, before: datetime) -> sa.Select[Any]:
    """Who was put on the list before that moment and never confirmed."""
    return _members(list_id, SubscriptionState.PENDING).where(MEMBER.c.updated_at < before)


def old_consent(list_id: int, before: datetime) -> sa.Select[Any]:
    """Whose last confirmation is older than that moment."""
    return _consented(list_id).where(EVENT.c.at < before)


def no_evidence(list_id: int) -> sa.Select[Any]:
    """Confirmed people without a text they agreed to, a word on how they did, or a mail whose link they pressed.

    A word is what stands after the colon: `import of a.csv: signed up at the fair` (services/consent.py).
    """
    worded = imports.select().with_only_columns(sa.literal(1)).where(
        imports.c.id == EVENT.c.import_id, imports.c.words.contains(": ")
    )  # fmt: skip
    return _consented(list_id).where(
        EVENT.c.consent_id.is_(None),
        sa.not_(EVENT.c.source.contains(": ")),
        sa.func.coalesce(sa.cast(EVENT.c.evidence, sa.Text), "null") == "null",
        ~worded.exists(),
    )


def never_opened(list_id: int, since: datetime) -> sa.Select[Any]:
    """Who was confirmed before that moment, was sent an issue after it, and has opened or clicked none since."""
    sent = sa.exists().where(
        deliveries.c.subscriber_id == MEMBER.c.subscriber_id,
        deliveries.c.issue_id.in_(sa.select(issues.c.id).where(issues.c.frozen_at >= since)),
        deliveries.c.state == DeliveryState.ACCEPTED,
    )
    engaged = sa.exists().where(engagements.c.subscriber_id == MEMBER.c.subscriber_id, engagements.c.at >= since)
    return _members(list_id, SubscriptionState.CONFIRMED).where(MEMBER.c.updated_at < since, sent, ~engaged)


def first_engagement(connection: Connection) -> datetime | None:
    """Since when opening is counted at all; None when it never was."""
    return connection.execute(sa.select(sa.func.min(engagements.c.at))).scalar()


def refusing(connection: Connection, list_id: int) -> list[Refusing]:
    """Domains that refused at least a fifth of the list's newest issues, the most refusals first."""
    newest = (
        sa.select(issues.c.id)
        .join(issue_lists, issue_lists.c.issue_id == issues.c.id)
        .where(issue_lists.c.list_id == list_id)
        .order_by(issues.c.frozen_at.desc())
        .limit(NEWEST_ISSUES)
    )
    numbers = connection.execute(newest).scalars().all()
    refused = _by_domain(list_id, numbers, DeliveryState.REFUSED).having(sa.func.count() >= FEWEST_REFUSALS)
    found: dict[str, int] = dict(connection.execute(refused.order_by(sa.desc("number")).limit(500)).all())
    fine = _by_domain(list_id, numbers, DeliveryState.ACCEPTED).where(subscribers.c.domain.in_(found))
    accepted: dict[str, int] = dict(connection.execute(fine).all()) if found else {}
    every = [Refusing(name, number, number + accepted.get(name, 0)) for name, number in found.items()]
    return [domain for domain in every if domain.refused * 5 >= domain.sent]


def count(connection: Connection, people: sa.Select[Any]) -> int:
    """How many they are."""
    return connection.execute(sa.select(sa.func.count()).select_from(people.subquery())).scalar_one()


def sample(connection: Connection, people: sa.Select[Any], limit: int) -> list[str]:
    """The addresses of the first of them."""
    query = sa.select(subscribers.c.email).where(subscribers.c.id.in_(people)).order_by(subscribers.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def _by_domain(list_id: int, numbers: Any, state: DeliveryState) -> sa.Select[Any]:
    return (
        sa.select(subscribers.c.domain, sa.func.count().label("number"))
        .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
        .where(
            deliveries.c.issue_id.in_(numbers),
            deliveries.c.list_id == list_id,
            deliveries.c.state == state,
            subscribers.c.domain != "",
        )
        .group_by(subscribers.c.domain)
    )


def _examined(list_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """People who may be mailed now or later: not those who left, nor who must not be mailed."""
    return (
        MEMBER.c.list_id == list_id,
        MEMBER.c.state != SubscriptionState.UNSUBSCRIBED,
        MEMBER.c.subscriber_id.not_in(suppressions.people((list_id,))),
    )


def _members(list_id: int, state: SubscriptionState) -> sa.Select[Any]:
    return sa.select(MEMBER.c.subscriber_id).where(*_examined(list_id), MEMBER.c.state == state)


def _consented(list_id: int) -> sa.Select[Any]:
    """Confirmed people with the entry of the log that made them so, the last one.

    An entry that finds them confirmed already tells of something else, such as a new address.
    """
    entry = subscription_events
    before = sa.func.lag(entry.c.state).over(partition_by=entry.c.subscriber_id, order_by=entry.c.id)
    entries = sa.select(entry.c.id, entry.c.subscriber_id, entry.c.state, before.label("before"))
    entries_here = entries.where(entry.c.list_id == list_id).subquery("entries")
    confirmed = entries_here.c.state == SubscriptionState.CONFIRMED
    last = (
        sa.select(sa.func.max(entries_here.c.id).label("number"))
        .where(confirmed, entries_here.c.before.is_distinct_from(SubscriptionState.CONFIRMED))
        .group_by(entries_here.c.subscriber_id)
        .subquery("last")
    )
    return (
        sa.select(MEMBER.c.subscriber_id)
        .join(EVENT, EVENT.c.subscriber_id == MEMBER.c.subscriber_id)
        .join(last, last.c.number == EVENT.c.id)
        .where(*_examined(list_id), MEMBER.c.state == SubscriptionState.CONFIRMED)
    )
