"""Looking at people, and changing what is known of them: one, or many in chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.model import Attributes, DeliveryState, Subscriber, SubscriptionState
from mailer.store.subscribers import PERSON
from mailer.store.tables import confirmations, deliveries, issues, lists, subscribers, subscriptions

# Below the number of parameters every SQLite takes (999 before 3.32).
KEYS = 400
STREAMED = 2000

# The attributes afterwards; None when nothing changes.
Changing = Callable[[Attributes], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Which:
    """People: of one list, in one state on it, of whom all conditions over `subscribers` hold."""

    list_id: int
    state: SubscriptionState | None = None
    conditions: tuple[sa.ColumnElement[bool], ...] = ()


class Exported(NamedTuple):
    """A row of an export. `attributes` is JSON text as it is stored; `joined` in microseconds since 1970."""

    email: str
    state: str
    attributes: str
    joined: int


@dataclass(frozen=True, slots=True)
class Membership:
    """One person's subscription to one list. `since`: when it came into this state."""

    list_name: str
    state: SubscriptionState
    joined: datetime
    since: datetime
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an issue that a person was to get."""

    issue: str
    subject: str
    list_name: str
    state: DeliveryState
    at: datetime


@dataclass(frozen=True, slots=True)
class Touched:
    """What a chunk of a change did. `last`: the number from which the next one goes on; None at the end of the list."""

    people: int
    changed: int
    last: int | None = None


def members(
    connection: Connection, which: Which, by_email: bool = False
) -> Iterator[tuple[Subscriber, SubscriptionState, datetime]]:
    """The people of a list with state and the time they joined it: in that order, or in order of their addresses."""
    query = _of_list(which, *PERSON, subscriptions.c.state, subscriptions.c.created_at)
    query = query.order_by(subscribers.c.email_key if by_email else subscriptions.c.subscriber_id)
    with connection.execution_options(yield_per=STREAMED).execute(query) as result:
        for *person, state, joined in result:
            yield Subscriber(*person), state, joined


def exported(connection: Connection, which: Which) -> Iterator[Sequence[Exported]]:
    """The people of a list in the order they came, some thousands at a time, with nothing decoded that need not be."""
    query = _of_list(
        which,
        subscribers.c.email,
        sa.type_coerce(subscriptions.c.state, sa.String),
        sa.cast(subscribers.c.attributes, sa.Text),
        sa.type_coerce(subscriptions.c.created_at, sa.BigInteger),
    ).order_by(subscriptions.c.subscriber_id)
    with connection.execution_options(yield_per=STREAMED).execute(query) as result:
        yield from result.partitions()  # type: ignore[misc]


def edges(connection: Connection, which: Which, number: int) -> list[str]:
    """The attributes, as JSON text, of the first and the last people of a list: a guess at what all have."""
    query = _of_list(which, sa.cast(subscribers.c.attributes, sa.Text)).limit(number)
    order = subscriptions.c.subscriber_id
    both = (query.order_by(order), query.order_by(order.desc()))
    return [text for each in both for text in connection.execute(each).scalars()]


def number_of(connection: Connection, which: Which) -> int:
    """How many people those are."""
    return int(connection.execute(_of_list(which, sa.func.count())).scalar_one())


def memberships(connection: Connection, email_key: str) -> list[Membership]:
    """The lists an address is on; `asked_at` is when a mail last asked for confirmation, of those who wait."""
    asked = (
        sa.select(sa.func.max(confirmations.c.asked_at))
        .where(confirmations.c.list_id == subscriptions.c.list_id)
        .where(confirmations.c.subscriber_id == subscriptions.c.subscriber_id)
        .where(subscriptions.c.state == SubscriptionState.PENDING)
        .scalar_subquery()
    )
    query = (
        sa.select(lists.c.name, subscriptions.c.state, subscriptions.c.created_at, subscriptions.c.updated_at, asked)
        .join(subscriptions, subscriptions.c.list_id == lists.c.id)
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .where(subscribers.c.email_key == email_key)
        .order_by(lists.c.name)
    )
    return [Membership(*row) for row in connection.execute(query)]


def received(connection: Connection, email_key: str, number: int) -> list[Received]:
    """The last issues that were to go to an address, newest first."""
    query = (
        sa.select(issues.c.name, issues.c.subject, lists.c.name, deliveries.c.state, deliveries.c.updated_at)
        .join(deliveries, deliveries.c.issue_id == issues.c.id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(lists, lists.c.id == deliveries.c.list_id)
        .where(subscribers.c.email_key == email_key)
        .order_by(issues.c.frozen_at.desc(), issues.c.id.desc())
        .limit(number)
    )
    return [Received(*row) for row in connection.execute(query)]


def change_keys(connection: Connection, keys: Sequence[str], changing: Changing, now: datetime) -> Touched:
    """Change what is known of the people with these keys, at most KEYS of them."""
    query = sa.select(subscribers.c.id, subscribers.c.attributes).where(subscribers.c.email_key.in_(keys))
    return _change(connection, query.order_by(subscribers.c.id), changing, now)


def change_next(
    connection: Connection, which: Which, changing: Changing, now: datetime, place: tuple[int, int]
) -> Touched:
    """Change those of the next people of the list after the number `place[0]`; at most `place[1]` are looked at."""
    after, limit = place
    number = subscriptions.c.subscriber_id
    # Their numbers first: with a condition, an order and a limit in one query, PostgreSQL may sort the whole list
    # for every chunk of it.
    following = sa.select(number).where(subscriptions.c.list_id == which.list_id, number > after)
    numbers = connection.execute(following.order_by(number).limit(limit)).scalars().all()
    if not numbers:
        return Touched(0, 0, None)
    query = _of_list(which, subscribers.c.id, subscribers.c.attributes).where(number.between(numbers[0], numbers[-1]))
    touched = _change(connection, query.order_by(number), changing, now)
    return Touched(touched.people, touched.changed, numbers[-1])


def attributes_of(connection: Connection, which: Which) -> Iterator[Attributes]:
    """The attributes of each of these people."""
    query = _of_list(which, subscribers.c.attributes)
    with connection.execution_options(yield_per=STREAMED).execute(query) as result:
        yield from result.scalars()


def attributes_with(connection: Connection, keys: Sequence[str]) -> list[Attributes]:
    """The attributes of those who have these keys, at most KEYS of them."""
    query = sa.select(subscribers.c.attributes).where(subscribers.c.email_key.in_(keys))
    return list(connection.execute(query).scalars())


def readdress(
    connection: Connection, old_key: str, address: Address, now: datetime
) -> tuple[int, list[tuple[int, str, SubscriptionState]]]:
    """Give a person another address; all history stays with the row. Their number; number, name and state of lists."""
    number = connection.execute(
        sa.select(subscribers.c.id).where(subscribers.c.email_key == old_key).with_for_update()
    ).scalar_one()
    values = {"email": address.email, "email_key": address.key, "ascii_email": address.ascii_email}
    domain = address.key.rpartition("@")[2]
    connection.execute(
        sa.update(subscribers).where(subscribers.c.id == number).values(**values, domain=domain, updated_at=now)
    )
    query = (
        sa.select(lists.c.id, lists.c.name, subscriptions.c.state)
        .join(subscriptions, subscriptions.c.list_id == lists.c.id)
        .where(subscriptions.c.subscriber_id == number)
        .order_by(lists.c.name)
    )
    return number, [(row.id, row.name, row.state) for row in connection.execute(query)]


def number_of_person(connection: Connection, email_key: str) -> int | None:
    """The row number of the person with this address."""
    return connection.execute(sa.select(subscribers.c.id).where(subscribers.c.email_key == email_key)).scalar()


def tag_counts(connection: Connection, list_id: int | None) -> Counter[str]:
    """How many people have each tag, on a list or altogether."""
    # As many rows as there are different sets of tags, not people; and no function that one database alone has.
    tags = subscribers.c.attributes["tags"]
    query = sa.select(tags, sa.func.count()).where(subscribers.c.forgotten_at.is_(None)).group_by(tags)
    if list_id is not None:
        query = query.join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        query = query.where(subscriptions.c.list_id == list_id)
    counts: Counter[str] = Counter()
    for found, number in connection.execute(query):
        for tag in found if isinstance(found, list) else ():
            counts[tag] += number
    return counts


def _change(connection: Connection, query: sa.Select[Any], changing: Changing, now: datetime) -> Touched:
    rows = connection.execute(query.with_for_update(of=subscribers)).all()
    changes = [
        {"its_id": number, "new_attributes": dict(new)}
        for number, attributes in rows
        if (new := changing(attributes)) is not None
    ]
    if changes:
        statement = sa.update(subscribers).where(subscribers.c.id == sa.bindparam("its_id"))
        attributes = sa.bindparam("new_attributes", type_=subscribers.c.attributes.type)
        connection.execute(statement.values(attributes=attributes, updated_at=now), changes)
    return Touched(len(rows), len(changes))


def _of_list(which: Which, *columns: Any) -> sa.Select[Any]:
    query = (
        sa.select(*columns)
        .select_from(subscriptions)
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .where(subscriptions.c.list_id == which.list_id, subscribers.c.forgotten_at.is_(None))
    )
    if which.state is not None:
        query = query.where(subscriptions.c.state == which.state)
    return query.where(*which.conditions)
