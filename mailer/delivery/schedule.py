"""Times as people say them: read, and said back in their zone and in UTC. `now` is an argument."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mailer.errors import UsageError
from mailer.wording import counted, quoted

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FARTHEST = timedelta(days=366)
"""A moment beyond it is a slip of the pen: an issue is frozen now, and nobody writes one so early."""

FORMS = '"2026-11-25 09:00", "tomorrow 09:00", "fri 18:00", "18:00", "+2h" or 2026-11-25T09:00+01:00'
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
SPAN = re.compile(r"\+(?=\d)(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,7})s)?")
ISO = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)\s*(z|[+-]\d{2}:?\d{2})?", re.IGNORECASE)


def read_moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The moment, in UTC, that a person means whose clock is in `zone`. UsageError says what is wrong with it.

    A time that the clocks leave out, or show twice, is refused: whoever says it can say which one is meant.
    """
    words = text.strip().lower()
    moment = _moment(words, zone, now)
    if moment is None:
        raise UsageError(f"{quoted(text)} is not a time", hint=f"write {FORMS}")
    if moment < now:
        raise UsageError(f"{quoted(text)} is {said(moment, zone, now)}", hint="name a time that is still to come")
    if moment - now > FARTHEST:
        raise UsageError(f"{quoted(text)} is {said(moment, zone, now)}", hint="a time must be within a year")
    return moment


def _moment(words: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    if words == "now":
        return now
    if match := SPAN.fullmatch(words):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return now + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if match := ISO.fullmatch(words):
        return _iso(match, zone)
    *before, last = words.split() or [""]
    clock = read_clock(last)
    if clock is None or len(before) > 1:
        return None
    if before:
        return _on(before[0], clock, zone, now)
    today = now.astimezone(zone).date()
    first = instant(datetime.combine(today, clock), zone)
    return first if first >= now else instant(datetime.combine(today + timedelta(days=1), clock), zone)


def _iso(match: re.Match[str], zone: ZoneInfo) -> datetime | None:
    try:
        wall = datetime.fromisoformat(f"{match[1]}T{match[2]}")
        if match[3] is None:
            return instant(wall, zone)
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3].upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _on(word: str, clock: time, zone: ZoneInfo, now: datetime) -> datetime | None:
    day = read_day(word, zone, now)
    if day is None:
        return None
    moment = instant(datetime.combine(day, clock), zone)
    # Said on a Friday, "fri 09:00" is today while it is to come, and else in a week.
    return (
        instant(datetime.combine(day + timedelta(days=7), clock), zone) if moment < now and _weekday(word) else moment
    )


def read_clock(text: str) -> time | None:
    """The time of day, as 09:00."""
    match = CLOCK.fullmatch(text.strip())
    return time(int(match[1]), int(match[2])) if match else None


def read_day(text: str, zone: ZoneInfo, now: datetime) -> date | None:
    """The day: today, tomorrow, a day of the week (the next one, today included), or 2026-11-25."""
    word = text.strip().lower()
    today = now.astimezone(zone).date()
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    if name := _weekday(word):
        return today + timedelta(days=(DAYS.index(name) - today.weekday()) % 7)
    try:
        return date.fromisoformat(word) if len(word) == len("2026-11-25") else None
    except ValueError:
        return None


def _weekday(word: str) -> str | None:
    """The day of the week of that name, or of its first three letters or more."""
    return next((day for day in DAYS if len(word) >= 3 and day.startswith(word)), None)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of `zone` show that time, in UTC. UsageError when they never do, or do so twice."""
    early, late = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = early.utcoffset(), late.utcoffset()
    if before is None or after is None or before == after:
        return early.astimezone(UTC)
    shown = f"{wall:%H:%M} on {wall:%Y-%m-%d}"
    if before < after:
        later = early.astimezone(UTC).astimezone(zone)
        raise UsageError(
            f"{shown} does not exist in {zone.key}: the clocks are put forward over it", hint=f"say {later:%H:%M}"
        )
    ways = " or ".join(f"{each.isoformat(timespec='minutes')}" for each in (early, late))
    raise UsageError(f"{shown} comes twice in {zone.key}: the clocks are put back", hint=f"say {ways}")


def said(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """The moment in its zone and in UTC, and how far away it is."""
    here, there = moment.astimezone(zone), moment.astimezone(UTC)
    text = f"{here:%a %Y-%m-%d %H:%M} {zone.key}"
    if here.utcoffset():
        text += f" ({there:%H:%M} UTC)" if here.date() == there.date() else f" ({there:%Y-%m-%d %H:%M} UTC)"
    return f"{text}, {apart(moment, now)}"


def apart(moment: datetime, now: datetime) -> str:
    """`in 14 h`, `20 min ago`, `now`: rounded as a person would."""
    length = span_words(abs(moment - now))
    if not length:
        return "now"
    return f"in {length}" if moment > now else f"{length} ago"


def span_words(length: timedelta) -> str:
    """A length of time in its largest unit; empty below half a minute."""
    minutes = round(length / timedelta(minutes=1))
    if minutes < 60:
        return f"{minutes} min" if minutes else ""
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{round(minutes / 60)} h"
    return counted(round(minutes / (24 * 60)), "day")


def too_late(due_at: datetime | None, not_after: datetime | None, now: datetime, longest: timedelta) -> str:
    """Why something that was due then may not begin now without a person's word; empty when it may."""
    if not_after is not None and now > not_after:
        return f"nothing was to leave after {not_after:%Y-%m-%d %H:%M} UTC"
    if due_at is not None and now - due_at > longest:
        return f"it was due at {due_at:%Y-%m-%d %H:%M} UTC, {span_words(now - due_at)} before anybody could begin"
    return ""
