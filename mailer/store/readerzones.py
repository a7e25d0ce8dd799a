"""The time zones of people on lists, as their attributes say them; `delivery.zones` says the same for one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.zones import ATTRIBUTES, Group, by_key, groups
from mailer.store.columns import BigId
from mailer.store.dialect import AttributeRaw, analyze
from mailer.store.tables import subscribers, subscriptions

Used = Mapping[str, frozenset[str]]
"""The attributes that name zones, in the order in which they count, each with those that occur, in small letters."""


@cache
def known_zones() -> Mapping[str, str]:
    """Every time zone, by its name in small letters."""
    return by_key(available_timezones())


def used(connection: Connection, chosen: Sequence[int]) -> Used:
    """The zones of everybody on these lists, whatever their state there."""
    known = sorted(known_zones())
    named = [sa.case((value.in_(known), value)).label(name) for name in ATTRIBUTES for value in (_value(name),)]
    query = sa.select(*named).join_from(subscriptions, subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
    rows = connection.execute(query.where(subscriptions.c.list_id.in_(chosen)).distinct()).all()
    found = {
        name: frozenset(filter(None, values)) for name, values in zip(ATTRIBUTES, zip(*rows, strict=True), strict=False)
    }
    return {name: zones for name, zones in found.items() if zones}


def names(zones: Used) -> frozenset[str]:
    """The zones themselves."""
    return frozenset(known_zones()[key] for keys in zones.values() for key in keys)


def numbers(connection: Connection, chosen: Sequence[int], zones: Used) -> Mapping[str | None, int]:
    """How many people on these lists have each of the zones, each person once; None for those without."""
    zone: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Text)
    for name, keys in reversed(list(zones.items())):
        value = _value(name)
        zone = sa.case((value.in_(sorted(keys)), value), else_=zone)
    on_lists = sa.select(subscriptions.c.subscriber_id).where(subscriptions.c.list_id.in_(chosen))
    people = sa.select(zone.label("zone")).where(subscribers.c.id.in_(on_lists)).subquery()
    query = sa.select(people.c.zone, sa.func.count()).group_by(people.c.zone)
    return {known_zones().get(key or ""): number for key, number in connection.execute(query)}


def reader_groups(wall: datetime, zones: Used, fallback: str) -> tuple[Group, ...]:
    """When it is that time for the people of these zones; `fallback` is that of everybody else."""
    return groups(wall, names(zones), fallback)


READERS = sa.Table(
    "readers",
    sa.MetaData(),
    sa.Column("share", sa.Integer, nullable=False),
    sa.Column("subscriber_id", BigId, nullable=False),
    sa.PrimaryKeyConstraint("share", "subscriber_id"),
    prefixes=["TEMPORARY"],
)
"""Who belongs to which group, for the length of a freeze: to ask everybody again for each group takes ten times as
long."""


@contextmanager
def sorted_readers(
    connection: Connection, chosen: Sequence[int], found: Sequence[Group], zones: Used
) -> Iterator[list[tuple[datetime, sa.FromClause]]]:
    """The people of these lists by the moments of their groups, in order: a table of their numbers for each."""
    READERS.create(connection)
    on_lists = sa.select(subscriptions.c.subscriber_id).where(subscriptions.c.list_id.in_(chosen))
    query = sa.select(share(found, zones), subscribers.c.id).where(subscribers.c.id.in_(on_lists))
    connection.execute(sa.insert(READERS).from_select(["share", "subscriber_id"], query))
    if connection.dialect.name == "postgresql":  # SQLite goes by the key
        analyze(connection, READERS)
    yield [
        (group.due_at, sa.select(READERS.c.subscriber_id).where(READERS.c.share == place).subquery("readers"))
        for place, group in enumerate(found)
    ]
    READERS.drop(connection)


def share(found: Sequence[Group], zones: Used) -> sa.ColumnElement[int]:
    """The place of a row of `subscribers` among the groups: by the first attribute that names a zone."""
    rest = next(place for place, group in enumerate(found) if group.rest)
    places: dict[str, int] = {zone.lower(): place for place, group in enumerate(found) for zone in group.zones}
    value: sa.ColumnElement[Any] = sa.literal(rest, sa.Integer)
    for name, occurring in reversed(list(zones.items())):
        by_place: defaultdict[int, list[str]] = defaultdict(list)
        for key in sorted(occurring):
            by_place[places[key]].append(key)
        named = [(_value(name).in_(keys), sa.literal(place, sa.Integer)) for place, keys in by_place.items()]
        value = sa.case(*named, else_=value)
    return value


def _value(name: str) -> sa.ColumnElement[Any]:
    return sa.func.lower(AttributeRaw(subscribers.c.attributes, name), type_=sa.Text)
