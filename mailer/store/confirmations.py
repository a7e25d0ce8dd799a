"""The mails that ask people to confirm. Each is written down before it is handed over, so that nobody is asked twice
because a process or a connection died; what came of it is added afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Outcome, SubscriptionState
from mailer.store import suppressions
from mailer.store.database import insert_row, pass_door
from mailer.store.tables import confirmations, consent_texts, lists, subscribers, subscriptions

OPEN: Final = "open"
"""The outcome of a mail whose fate nobody wrote down: it is being handed over, or the process died in the middle."""

ON_ITS_WAY: Final = timedelta(minutes=10)
"""After so long a mail that is open is certainly not being handed over any more: who does it gives up before."""

NOT_SENT: Final = Outcome.NOT_SENT.value
"""Certainly nothing left, so the person was not asked."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How often a person may be asked about one list: so many times in all, and not again since `before`."""

    most: int
    before: datetime

    def allows(self, asked: Asked) -> bool:
        return asked.times < self.most and (asked.last is None or asked.last <= self.before)


@dataclass(frozen=True, slots=True)
class Asked:
    """How often a person was asked about a list, and when last."""

    times: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be asked about the list. `number` is their row; `id` is what stands in links.

    `language` is their attribute of that name.
    """

    number: int
    id: str
    email: str
    email_key: str
    asked: Asked
    language: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One mail that asked. `outcome` is `open` or what the provider said; `consent` is the text it showed."""

    id: int
    list_name: str
    message_id: str
    asked_at: datetime
    sent_at: datetime | None
    outcome: str
    consent_id: int | None = None
    consent_version: str | None = None
    consent_text: str | None = None


def count_due(connection: Connection, list_id: int, rule: Rule) -> int:
    """How many people would be asked now."""
    query = sa.select(sa.func.count()).select_from(subscriptions).where(*_due(list_id, rule))
    return connection.execute(
        query.where(subscriptions.c.subscriber_id.not_in(suppressions.people((list_id,))))
    ).scalar_one()


def due_after(connection: Connection, list_id: int, rule: Rule, number: int, limit: int) -> list[int]:
    """The rows of the next people who may be due, in order; suppressed ones are still among them."""
    query = sa.select(subscriptions.c.subscriber_id).where(*_due(list_id, rule))
    query = query.where(subscriptions.c.subscriber_id > number).order_by(subscriptions.c.subscriber_id)
    return list(connection.execute(query.limit(limit)).scalars())


def pending(connection: Connection, list_id: int, numbers: Collection[int]) -> list[Candidate]:
    """Those of these people who are pending, not forgotten and not suppressed, with how often they were asked.

    Their subscriptions stay locked until the transaction ends, and what was asked is read after that: two processes
    that ask at the same time see each other.
    """
    return _candidates(connection, list_id, numbers, (SubscriptionState.PENDING,))


def with_number(connection: Connection, list_id: int, number: int, since: datetime) -> Candidate | None:
    """A person who asks by themselves, whatever their state is: also one who left may be asked whether they come back.

    None for who is not on the list, forgotten or suppressed. How often they were asked counts from `since` on.
    """
    found = _candidates(connection, list_id, [number], tuple(SubscriptionState), since)
    return found[0] if found else None


def _candidates(
    connection: Connection,
    list_id: int,
    numbers: Collection[int],
    states: Collection[SubscriptionState],
    since: datetime | None = None,
) -> list[Candidate]:
    pass_door(connection)  # before any lock: who forgets somebody has the door and waits for locks
    here = sa.and_(subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id.in_(numbers))
    locked = sa.select(subscriptions.c.subscriber_id).where(here, subscriptions.c.state.in_(states))
    found = connection.execute(locked.order_by(subscriptions.c.subscriber_id).with_for_update()).scalars().all()
    asked = _asked(connection, list_id, found, since)
    people = sa.select(
        subscribers.c.id,
        subscribers.c.public_id,
        sa.func.coalesce(subscribers.c.ascii_email, subscribers.c.email),
        subscribers.c.email_key,
        subscribers.c.attributes,
    ).where(subscribers.c.id.in_(found), subscribers.c.forgotten_at.is_(None))
    rows = connection.execute(people.order_by(subscribers.c.id)).all()
    banned = suppressions.among(connection, [row.email_key for row in rows], list_id)
    return [
        Candidate(*row[:4], asked.get(row.id, Asked()), language_of(row.attributes))
        for row in rows
        if row.email_key not in banned
    ]


def pending_with(connection: Connection, list_id: int, email_key: str) -> Candidate | None:
    """The person of that address, if `pending` finds them."""
    number = connection.execute(sa.select(subscribers.c.id).where(subscribers.c.email_key == email_key)).scalar()
    found = pending(connection, list_id, [number]) if number is not None else []
    return found[0] if found else None


def write_asks(
    connection: Connection,
    list_id: int,
    consent_id: int | None,
    asks: Iterable[tuple[Candidate, str]],
    now: datetime,
) -> list[int]:
    """Write down that these people are asked, each with the Message-ID of the mail; the numbers of the asks."""
    common = {"list_id": list_id, "consent_id": consent_id, "asked_at": now, "outcome": OPEN}
    return [
        insert_row(
            connection, confirmations, {"subscriber_id": person.number, "message_id": message_id, **common}
        )
        for person, message_id in asks
    ]  # fmt: skip


def record(connection: Connection, outcomes: Mapping[int, Outcome], now: datetime) -> None:
    """Write down what the provider said of each ask. The first word stays."""
    for number, outcome in outcomes.items():
        # Tried again later, by a new ask: nothing of this one left.
        kept = Outcome.NOT_SENT if outcome is Outcome.RETRY else outcome
        sent_at = now if kept is Outcome.ACCEPTED else None
        here = sa.and_(confirmations.c.id == number, confirmations.c.outcome == OPEN)
        connection.execute(sa.update(confirmations).where(here).values(outcome=kept.value, sent_at=sent_at))


def on_its_way(connection: Connection, subscriber: int, now: datetime) -> bool:
    """Whether a mail that asks this person may be being handed over at this moment."""
    query = sa.select(sa.literal(1)).where(
        confirmations.c.subscriber_id == subscriber,
        confirmations.c.outcome == OPEN,
        confirmations.c.asked_at > now - ON_ITS_WAY,
    )
    return connection.execute(query.limit(1)).first() is not None


def of_person(connection: Connection, email_key: str) -> list[Confirmation]:
    """Every mail that asked this address, oldest first."""
    query = _confirmation().join(subscribers, subscribers.c.id == confirmations.c.subscriber_id)
    found = connection.execute(query.where(subscribers.c.email_key == email_key).order_by(confirmations.c.id))
    return [Confirmation(*row) for row in found]


def of_subscription(
    connection: Connection, list_id: int, subscriber: int, number: int | None = None
) -> Confirmation | None:
    """The mail of that number if it asked this person about this list; without a number, the last one that did."""
    query = _confirmation().where(confirmations.c.list_id == list_id, confirmations.c.subscriber_id == subscriber)
    if number is not None:
        query = query.where(confirmations.c.id == number)
    row = connection.execute(query.order_by(confirmations.c.id.desc()).limit(1)).first()
    return Confirmation(*row) if row else None


def text_shown(connection: Connection, number: int) -> str | None:
    """The consent text that stood in the mail of that number."""
    query = sa.select(consent_texts.c.text).join(confirmations, confirmations.c.consent_id == consent_texts.c.id)
    return connection.execute(query.where(confirmations.c.id == number)).scalar()


def _confirmation() -> sa.Select[Any]:
    columns = (confirmations.c[name] for name in ("message_id", "asked_at", "sent_at", "outcome", "consent_id"))
    query = sa.select(confirmations.c.id, lists.c.name, *columns, consent_texts.c.version, consent_texts.c.text)
    return (
        query.select_from(confirmations)
        .join(lists, lists.c.id == confirmations.c.list_id)
        .outerjoin(consent_texts, consent_texts.c.id == confirmations.c.consent_id)
    )


def language_of(attributes: Mapping[str, Any]) -> str:
    """The language a person chose; empty where none is known."""
    found = attributes.get("language")
    return found if isinstance(found, str) else ""


def _asked(
    connection: Connection, list_id: int, numbers: Sequence[int], since: datetime | None = None
) -> dict[int, Asked]:
    query = (
        sa.select(confirmations.c.subscriber_id, sa.func.count(), sa.func.max(confirmations.c.asked_at))
        .where(confirmations.c.list_id == list_id, confirmations.c.subscriber_id.in_(numbers))
        .where(confirmations.c.outcome != NOT_SENT)
        .group_by(confirmations.c.subscriber_id)
    )
    if since is not None:
        query = query.where(confirmations.c.asked_at > since)
    return {number: Asked(times, last) for number, times, last in connection.execute(query)}


def _due(list_id: int, rule: Rule) -> tuple[sa.ColumnElement[bool], ...]:
    """Pending on the list and allowed by the rule: as `Rule.allows` has it, in SQL, a look into an index each."""
    theirs = sa.and_(
        confirmations.c.list_id == subscriptions.c.list_id,
        confirmations.c.subscriber_id == subscriptions.c.subscriber_id,
        confirmations.c.outcome != NOT_SENT,
    )
    lately = sa.exists().where(theirs, confirmations.c.asked_at > rule.before)
    times = sa.select(sa.func.count()).where(theirs).correlate(subscriptions).scalar_subquery()
    here = (subscriptions.c.list_id == list_id, subscriptions.c.state == SubscriptionState.PENDING)
    return (*here, ~lately.correlate(subscriptions), times < rule.most)
