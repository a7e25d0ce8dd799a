"""The readers' own clocks: when it is a time of day in each of their zones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ATTRIBUTES = ("timezone", "time_zone", "tz")
"""What a person's zone may be called; the first of them that names one counts."""


@dataclass(frozen=True, slots=True)
class Group:
    """Zones in which it is the wanted time at the same moment. `rest`: also everybody without a known zone."""

    due_at: datetime
    zones: frozenset[str]
    rest: bool = False


def by_key(names: Iterable[str]) -> Mapping[str, str]:
    """The zones by their names in small letters, which is how a person's is looked up."""
    return {name.lower(): name for name in names}


def zone_of(attributes: Mapping[str, Any], known: Mapping[str, str]) -> str | None:
    """The zone of a person with these attributes; None when they name none that is known."""
    values = (attributes.get(name) for name in ATTRIBUTES)
    return next((known[value.lower()] for value in values if isinstance(value, str) and value.lower() in known), None)


def local_instant(wall: datetime, zone: str) -> datetime:
    """When the clocks of a zone show that time, in UTC.

    Nobody is there to be asked: of a time that comes twice it is the first, and a time that the clocks leave out
    counts from the clock before, so that it is as much later as they are put forward.
    """
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def groups(wall: datetime, zones: Iterable[str], fallback: str) -> tuple[Group, ...]:
    """The moments at which it is `wall` somewhere in these zones, in order; `fallback` is the zone of the others."""
    rest = local_instant(wall, fallback)
    found: defaultdict[datetime, set[str]] = defaultdict(set, {rest: set()})
    for zone in zones:
        found[local_instant(wall, zone)].add(zone)
    return tuple(Group(moment, frozenset(names), moment == rest) for moment, names in sorted(found.items()))


def first_day(clock: time, zones: Iterable[str], now: datetime) -> date:
    """The first day on which that time of day is still to come in all of these zones."""
    names = tuple(zones)
    day = min(now.astimezone(ZoneInfo(zone)).date() for zone in names)
    while any(local_instant(datetime.combine(day, clock), zone) < now for zone in names):
        day += timedelta(days=1)
    return day
