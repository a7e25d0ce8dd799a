"""People and their attributes; how a file of them gets in."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Attributes, Subscriber, SubscriptionState
from mailer.store import suppressions
from mailer.store.admission import Admission, admit, merge, next_state
from mailer.store.banning import broadest
from mailer.store.database import insert_rows
from mailer.store.subscriptions import Origin
from mailer.store.tables import lists, subscribers, subscription_events, subscriptions

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 400

PERSON = (
    subscribers.c.public_id,
    subscribers.c.email,
    subscribers.c.email_key,
    subscribers.c.ascii_email,
    subscribers.c.attributes,
    subscribers.c.created_at,
)


class ParsedAddress(Protocol):
    """An address as the audience layer parsed it."""

    @property
    def email(self) -> str:
        """As it was written."""

    @property
    def key(self) -> str:
        """What makes it one address."""

    @property
    def ascii_email(self) -> str | None:
        """As any mail server takes it; None when only SMTPUTF8 can carry it."""


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """A row to import: who, with what, and which subscription the importer vouches for."""

    address: ParsedAddress
    attributes: Attributes = field(default_factory=dict)
    state: SubscriptionState = SubscriptionState.CONFIRMED


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did, in rows. `unsubscribed` and `suppressed` rows were kept out."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    unsubscribed: int = 0
    suppressed: int = 0

    @property
    def kept_out(self) -> int:
        """Rows of people who said no or must not be mailed."""
        return self.unsubscribed + self.suppressed


@dataclass(slots=True)
class _Person:
    """The working record of one address while its chunk is applied."""

    number: int | None
    attributes: dict[str, Any]
    state: SubscriptionState | None
    address: ParsedAddress | None = None
    touched: bool = False
    first_state: SubscriptionState | None = None
    events: list[SubscriptionState] = field(default_factory=list)


def upsert(
    connection: Connection, list_id: int, rows: Iterable[NewSubscriber], origin: Origin, now: datetime
) -> ImportCounts:
    """Bring rows in, each address once, whatever their order. `origin` says how they came, for the history.

    Nobody who unsubscribed from this list or is suppressed is revived.
    """
    tally: Counter[Admission] = Counter()
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        keys = list({row.address.key for row in chunk})
        people = _load(connection, list_id, keys)
        suppressed = suppressions.among(connection, keys, list_id)
        for row in chunk:
            tally[_apply(people, row, row.address.key in suppressed)] += 1
        _write(connection, list_id, people, origin, now)
    return ImportCounts(**{admission.value: tally[admission] for admission in Admission})


def get(connection: Connection, email_key: str) -> Subscriber | None:
    """The subscriber with this address; None when nobody has it."""
    row = connection.execute(sa.select(*PERSON).where(subscribers.c.email_key == email_key)).first()
    return Subscriber(*row) if row else None


def by_id(connection: Connection, public_id: str) -> Subscriber | None:
    """The subscriber with this opaque id, as links carry it."""
    row = connection.execute(sa.select(*PERSON).where(subscribers.c.public_id == public_id)).first()
    return Subscriber(*row) if row else None


def stream(
    connection: Connection, list_name: str, state: SubscriptionState | None = None
) -> Iterator[tuple[Subscriber, SubscriptionState]]:
    """The people of a list, in the order they came, read as they are consumed."""
    query = (
        sa.select(*PERSON, subscriptions.c.state)
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(lists.c.name == list_name)
        .order_by(subscriptions.c.subscriber_id)
    )
    if state is not None:
        query = query.where(subscriptions.c.state == state)
    with connection.execute(query, execution_options={"yield_per": 1000}) as result:
        for *person, its_state in result:
            yield Subscriber(*person), its_state


def mailable(connection: Connection, list_name: str, limit: int) -> list[Subscriber]:
    """The first people of a list who are confirmed on it and not suppressed."""
    query = (
        sa.select(*PERSON)
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(lists.c.name == list_name, subscriptions.c.state == SubscriptionState.CONFIRMED)
        .where(broadest(lists.c.id).is_(None))
        .order_by(subscriptions.c.subscriber_id)
        .limit(limit)
    )
    return [Subscriber(*row) for row in connection.execute(query)]


def _load(connection: Connection, list_id: int, keys: Sequence[str]) -> dict[str, _Person]:
    here = sa.and_(subscriptions.c.subscriber_id == subscribers.c.id, subscriptions.c.list_id == list_id)
    query = (
        sa.select(subscribers.c.email_key, subscribers.c.id, subscribers.c.attributes, subscriptions.c.state)
        .join_from(subscribers, subscriptions, here, isouter=True)
        .where(subscribers.c.email_key.in_(keys))
    )
    return {
        key: _Person(number, attributes, state, first_state=state)
        for key, number, attributes, state in connection.execute(query)
    }


def _apply(people: dict[str, _Person], row: NewSubscriber, suppressed: bool) -> Admission:
    person = people.get(row.address.key)
    kept_out = admit(person.state if person else None, row.state, suppressed)
    if kept_out is not None:
        return kept_out
    if person is None:
        person = people[row.address.key] = _Person(None, {}, None, row.address)
    result = Admission.UNCHANGED if person.state else Admission.NEW
    merged = merge(person.attributes, row.attributes)
    if merged != person.attributes:
        person.attributes, person.touched = merged, True
        result = Admission.NEW if result is Admission.NEW else Admission.UPDATED
    state = next_state(person.state, row.state)
    if state is not person.state:
        result = Admission.NEW if person.state is None else Admission.UPDATED
        person.state = state
        person.events.append(state)
    return result


def _write(connection: Connection, list_id: int, people: Mapping[str, _Person], origin: Origin, now: datetime) -> None:
    _write_people(connection, people, now)
    changed = [person for person in people.values() if person.events]
    first = [person for person in changed if person.first_state is None]
    insert_rows(
        connection,
        subscriptions,
        ("list_id", "subscriber_id", "state", "created_at", "updated_at"),
        [(list_id, person.number, person.state, now, now) for person in first],
    )
    for person in changed:
        if person.first_state is not None:
            connection.execute(
                sa.update(subscriptions)
                .where(subscriptions.c.list_id == list_id, subscriptions.c.subscriber_id == person.number)
                .values(state=person.state, updated_at=now)
            )
    how = (origin.words, now, origin.how, origin.import_id, origin.consent_id)
    insert_rows(
        connection,
        subscription_events,
        ("list_id", "subscriber_id", "state", "source", "at", "how", "import_id", "consent_id"),
        [(list_id, person.number, state, *how) for person in changed for state in person.events],
    )


def _write_people(connection: Connection, people: Mapping[str, _Person], now: datetime) -> None:
    new = [(key, person, person.address) for key, person in people.items() if person.address is not None]
    changes = [
        {"its_id": person.number, "new_attributes": person.attributes, "updated_at": now}
        for person in people.values()
        if person.touched and person.number is not None
    ]
    insert_rows(
        connection,
        subscribers,
        ("public_id", "email", "email_key", "ascii_email", "attributes", "created_at", "updated_at", "domain"),
        [
            (
                new_public_id(),
                address.email,
                key,
                address.ascii_email,
                person.attributes,
                now,
                now,
                key.rpartition("@")[2],
            )
            for key, person, address in new
        ],
    )
    query = sa.select(subscribers.c.email_key, subscribers.c.id)
    for key, number in connection.execute(query.where(subscribers.c.email_key.in_([one[0] for one in new]))):
        people[key].number = number
    if changes:
        statement = sa.update(subscribers).where(subscribers.c.id == sa.bindparam("its_id"))
        attributes = sa.bindparam("new_attributes", type_=subscribers.c.attributes.type)
        connection.execute(statement.values(attributes=attributes, updated_at=now), changes)


def new_public_id() -> str:
    """80 random bits: nobody can guess another person's link, and a billion of them do not collide."""
    return b32encode(secrets.token_bytes(10)).decode("ascii").lower()
