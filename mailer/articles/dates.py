"""Dates as sources write them. What cannot be read without guessing is None, never a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from mailer.errors import ConfigError

# Zone names seen in feeds, in minutes east of UTC. RFC 5322 defines the American ones; feedparser reads every
# other name as UTC, which is two hours wrong for CEST. IST is India here unless the source's own zone uses it.
_ZONES: Mapping[str, int] = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "AZOT": -60, "EGT": -60, "CVT": -60,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "AST": -240, "ADT": -180, "NST": -210, "NDT": -150, "AKST": -540, "AKDT": -480, "HST": -600,
    "BRT": -180, "ART": -180, "CLT": -240, "CLST": -180, "COT": -300, "PET": -300,
    "BST": 60, "WEST": 60, "CET": 60, "MET": 60, "WAT": 60, "CEST": 120, "MEST": 120, "EET": 120, "CAT": 120,
    "SAST": 120, "EEST": 180, "EAT": 180, "MSK": 180, "TRT": 180, "GST": 240, "PKT": 300, "IST": 330, "NPT": 345,
    "ICT": 420, "WIB": 420, "HKT": 480, "SGT": 480, "PHT": 480, "AWST": 480, "JST": 540, "KST": 540,
    "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
}  # fmt: skip

_MONTHS = {
    name[:length]: number
    for number, name in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
         "november", "december"), 1)
    for length in (3, 4, len(name))
}  # fmt: skip
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_YEAR = r"(?P<year>\d{4}|\d\d)"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?(?:\s*(?P<half>[ap]m))?"
_ZONE = r"(?:\s*(?P<zone>[+-]\d\d:?\d\d|(?:gmt|utc)[+-]\d\d:?\d\d|[a-z]{1,5}))?(?:\s*\([^)]*\))?"
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE | re.ASCII)
    for shape in (
        # RFC 822: Mon, 03 Jul 2023 10:00:00 +0200
        rf"{_WEEKDAY}(?P<day>\d\d?)[\s-]+{_MONTH}[\s-]+{_YEAR}(?:,?\s+(?:at\s+)?{_TIME}{_ZONE})?",
        # American: July 3, 2023 10:00 am
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d\d?)(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})(?:,?\s+(?:at\s+)?{_TIME}{_ZONE})?",
        # asctime, and what Java prints: Mon Jul  3 10:00:00 CEST 2023
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d\d?)\s+{_TIME}{_ZONE}\s+(?P<year>\d{{4}})",
        # ISO 8601 with or without a time, and the same with slashes, which only ever means year first
        r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?)"
        rf"(?:(?:t|\s+){_TIME}{_ZONE})?",
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:t(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?"
        rf"{_ZONE})?",
    )
)
_MAX_LENGTH = 80
_YEARS = range(1970, 2101)
# Kiritimati is UTC+14; no place is further.
_MAX_OFFSET = timedelta(hours=14)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as exc:
        raise ConfigError(f"time zone {name!r} is unknown", hint="write it as in Europe/Oslo") from exc


def parse_date(text: str | None, default_zone: str = "UTC") -> datetime | None:
    """The moment a date names, in UTC; None when it cannot be read without guessing.

    03/07/2023 has no certain month, and names of days and months are read in English only.
    """
    cleaned = " ".join((text or "")[: _MAX_LENGTH + 1].split())
    if not cleaned or len(cleaned) > _MAX_LENGTH:
        return None
    for shape in _SHAPES:
        if match := shape.fullmatch(cleaned):
            return _moment(match.groupdict(), default_zone)
    return None


def to_utc(value: datetime, default_zone: str = "UTC") -> datetime | None:
    """An aware or naive time in UTC; None when it lies outside the years that a site can mean."""
    aware = value if value.tzinfo else value.replace(tzinfo=zone(default_zone))
    if value.year not in _YEARS:  # Hugo and Go write 0001-01-01 for "no date"
        return None
    return aware.astimezone(UTC)


def _moment(found: Mapping[str, str | None], default_zone: str) -> datetime | None:
    month = _month(found["month"] or "")
    hour = _hour(int(found.get("hour") or 0), found.get("half"))
    if month is None or hour is None:
        return None
    second = min(int(found.get("second") or 0), 59)  # a leap second is the last one of its minute here
    try:
        naive = datetime(  # noqa: DTZ001 the zone follows
            _year(found["year"] or ""), month, int(found["day"] or 0), hour, int(found.get("minute") or 0), second
        )
    except ValueError:
        return None
    return _in_zone(naive, found.get("zone"), default_zone)


def _in_zone(naive: datetime, name: str | None, default_zone: str) -> datetime | None:
    if not name:
        return to_utc(naive, default_zone)
    here = zone(default_zone)
    if name.isalpha() and naive.replace(tzinfo=here).tzname() == name.upper():
        return to_utc(naive, default_zone)
    offset = _offset(name)
    return None if offset is None else to_utc(naive.replace(tzinfo=timezone(offset)))


def _offset(name: str) -> timedelta | None:
    upper = name.upper()
    if upper in _ZONES:
        return timedelta(minutes=_ZONES[upper])
    match = re.fullmatch(r"(?:GMT|UTC)?([+-])(\d\d):?(\d\d)", upper, re.ASCII)
    if not match:
        return None
    size = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if size > _MAX_OFFSET or int(match[3]) > 59:
        return None
    return -size if match[1] == "-" else size


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year < 50 else 1900)  # RFC 5322, section 4.3


def _month(text: str) -> int | None:
    return int(text) if text.isdigit() else _MONTHS.get(text.lower())


def _hour(hour: int, half: str | None) -> int | None:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half.lower() == "pm" else 0)
