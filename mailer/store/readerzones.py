"""The time zones of people on lists, as their attributes say them; `delivery.zones` says the same for one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.zones import ATTRIBUTES, Group, by_key, groups
from mailer.store.dialect import AttributeRaw
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


def within(group: Group, zones: Used) -> sa.ColumnElement[bool]:
    """The people of a group, as a condition over rows of `subscribers`. Of all groups exactly one holds for each."""
    keys = {zone.lower() for zone in group.zones}
    ways: list[sa.ColumnElement[bool]] = []
    none_before: list[sa.ColumnElement[bool]] = []
    for name, occurring in zones.items():
        value = sa.func.coalesce(_value(name), "")
        if mine := sorted(occurring & keys):
            ways.append(sa.and_(*none_before, value.in_(mine)))
        none_before.append(value.not_in(sorted(occurring)))
    if group.rest:
        ways.append(sa.and_(sa.true(), *none_before))
    return sa.or_(sa.false(), *ways)


def _value(name: str) -> sa.ColumnElement[Any]:
    return sa.func.lower(AttributeRaw(subscribers.c.attributes, name), type_=sa.Text)
