"""One person's states on lists, and how they came to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.errors import NotFoundError
from mailer.model import How, SubscriptionState
from mailer.store import suppressions
from mailer.store.database import pass_door
from mailer.store.tables import consent_texts, imports, lists, subscribers, subscription_events, subscriptions


@dataclass(frozen=True, slots=True)
class Origin:
    """How people came or a subscription changed, for the consent log. `evidence` is JSON."""

    how: How
    words: str = ""
    import_id: int | None = None
    consent_id: int | None = None
    evidence: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionEvent:
    """One change of a subscription: what it became, when, and by what.

    `source` is in words: its own, or those of the import it came with. `consent` is the text that was agreed to.
    """

    list_name: str
    state: SubscriptionState
    source: str
    at: datetime
    how: How
    import_name: str | None = None
    consent_version: str | None = None
    consent_text: str | None = None
    evidence: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a person or their own link asks for."""

    list_name: str
    subscriber_id: str
    state: SubscriptionState
    origin: Origin


def change(connection: Connection, wanted: Change, now: datetime) -> bool:
    """Carry it out; False when the subscription is in that state already."""
    person = _person(connection, subscribers.c.public_id == wanted.subscriber_id)
    row = connection.execute(
        sa.select(subscriptions.c.list_id, subscriptions.c.subscriber_id, subscriptions.c.state)
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(lists.c.name == wanted.list_name, subscriptions.c.subscriber_id == (person.id if person else None))
        .with_for_update(of=subscriptions)
    ).first()
    if row is None:
        raise NotFoundError(f'nobody with this id is on list "{wanted.list_name}"')
    key = {"list_id": row.list_id, "subscriber_id": row.subscriber_id}
    if row.state is wanted.state:
        _close_door(connection, key, wanted.state, wanted.origin, now)
        return False
    _move(connection, key, wanted.state, wanted.origin, now)
    return True


def write_event(
    connection: Connection, key: Mapping[str, int], state: SubscriptionState, origin: Origin, now: datetime
) -> None:
    """Add a line to the consent log; `key` holds list_id and subscriber_id."""
    values = {"source": origin.words, "how": origin.how, "import_id": origin.import_id, "at": now}
    proof = {"consent_id": origin.consent_id, "evidence": dict(origin.evidence) if origin.evidence else sa.null()}
    connection.execute(sa.insert(subscription_events).values(**key, state=state, **values, **proof))


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's subscription to one list as it is now. `suppressed`: no mail may go to them."""

    list_id: int
    number: int
    list_name: str
    state: SubscriptionState
    suppressed: bool


def standing(connection: Connection, list_name: str, subscriber_id: str) -> Standing | None:
    """How a person whom a link names stands with its list; None for who was never on it or was forgotten.

    They and their subscription stay locked until the transaction ends, so that two presses of one button are one after
    the other.
    """
    person = _person(connection, subscribers.c.public_id == subscriber_id, subscribers.c.forgotten_at.is_(None))
    list_id = connection.execute(sa.select(lists.c.id).where(lists.c.name == list_name)).scalar()
    if list_id is None or person is None:
        return None
    state = connection.execute(
        sa.select(subscriptions.c.state)
        .where(subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id == person.id)
        .with_for_update()
    ).scalar()
    if state is None:
        return None
    suppressed = bool(suppressions.among(connection, [person.email_key], list_id))
    return Standing(list_id, person.id, list_name, state, suppressed)


ASKED_AGAIN = "asked_again"
"""In the evidence of a line of the consent log: the Message-ID of the mail that asked somebody who had left."""


def ask_again(connection: Connection, who: Standing, message_id: str, origin: Origin, now: datetime) -> None:
    """Write down that somebody who left asked to come back, and by which mail they can. They stay where they are."""
    evidence = {**(origin.evidence or {}), ASKED_AGAIN: message_id}
    key = {"list_id": who.list_id, "subscriber_id": who.number}
    write_event(connection, key, who.state, replace(origin, evidence=evidence), now)


def say_no_again(connection: Connection, who: Standing, origin: Origin, now: datetime) -> None:
    """Somebody who has left says no: if they asked to come back since, what they were sent is good for nothing now."""
    _close_door(connection, {"list_id": who.list_id, "subscriber_id": who.number}, who.state, origin, now)


def may_come_back_by(connection: Connection, list_id: int, number: int) -> frozenset[str]:
    """The Message-IDs of the mails by which somebody who left may come back: those since they last said no.

    By the order in which the log was written, not by its times: clocks are set back.
    """
    events = subscription_events
    here = sa.and_(events.c.list_id == list_id, events.c.subscriber_id == number)
    found = connection.execute(sa.select(events.c.evidence).where(here).order_by(events.c.id.desc())).scalars()
    mails: Iterator[str] = ((evidence or {}).get(ASKED_AGAIN, "") for evidence in found)
    return frozenset(takewhile(bool, mails))


def _close_door(
    connection: Connection, key: Mapping[str, int], state: SubscriptionState, origin: Origin, now: datetime
) -> None:
    if state is SubscriptionState.UNSUBSCRIBED and may_come_back_by(connection, key["list_id"], key["subscriber_id"]):
        write_event(connection, key, state, origin, now)


def _person(connection: Connection, *which: sa.ColumnElement[bool]) -> sa.Row[int, str] | None:
    """Number and key of one person, who stays locked until the transaction ends.

    Everybody who changes a state begins like this: whoever brings people in reads the state of those whom they have
    locked and writes it back later, over a no that was said in between if it were not locked in the same way.
    """
    pass_door(connection)
    query = sa.select(subscribers.c.id, subscribers.c.email_key).where(*which)
    return connection.execute(query.with_for_update(key_share=True)).first()


def move(connection: Connection, who: Standing, state: SubscriptionState, origin: Origin, now: datetime) -> None:
    """Give a subscription another state, and add a line to the consent log."""
    _move(connection, {"list_id": who.list_id, "subscriber_id": who.number}, state, origin, now)


def _move(
    connection: Connection, key: Mapping[str, int], state: SubscriptionState, origin: Origin, now: datetime
) -> None:
    connection.execute(sa.update(subscriptions).filter_by(**key).values(state=state, updated_at=now))
    write_event(connection, key, state, origin, now)


def of(connection: Connection, email_key: str) -> dict[str, SubscriptionState]:
    """The lists an address is on, and its state on each."""
    query = (
        sa.select(lists.c.name, subscriptions.c.state)
        .join(subscriptions, subscriptions.c.list_id == lists.c.id)
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .where(subscribers.c.email_key == email_key)
        .order_by(lists.c.name)
    )
    return dict(connection.execute(query).all())


def history(connection: Connection, email_key: str) -> list[SubscriptionEvent]:
    """Every change of an address's subscriptions, oldest first."""
    events = subscription_events
    query = (
        sa.select(
            lists.c.name,
            events.c.state,
            sa.func.coalesce(sa.func.nullif(events.c.source, ""), imports.c.words, ""),
            events.c.at,
            events.c.how,
            imports.c.name,
            consent_texts.c.version,
            consent_texts.c.text,
            events.c.evidence,
        )
        .join(lists, lists.c.id == events.c.list_id)
        .join(subscribers, subscribers.c.id == events.c.subscriber_id)
        .outerjoin(imports, imports.c.id == events.c.import_id)
        .outerjoin(consent_texts, consent_texts.c.id == events.c.consent_id)
        .where(subscribers.c.email_key == email_key)
        .order_by(events.c.id)
    )
    return [SubscriptionEvent(*row) for row in connection.execute(query)]
