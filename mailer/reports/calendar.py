"""Days, weeks and months: where each begins, what it is called, and how far back a person wants to look. All in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

from mailer.errors import UsageError

# Fixed and English, whatever the locale of the machine: a report reads the same everywhere.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPAN = re.compile(r"(\d{1,4})\s*([dwmy])", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7}
# Up to here a step has bars that can still be told apart.
_DAYS_IN_DAYS, _DAYS_IN_WEEKS = 62, 731


class Step(StrEnum):
    """How long one bar of a series is. Weeks begin on Monday, as ISO 8601 has it."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def adjective(self) -> str:
        return {Step.DAY: "daily", Step.WEEK: "weekly", Step.MONTH: "monthly"}[self]


def fitting_step(first: date, last: date) -> Step:
    """The step with which a chart of this time has neither three bars nor three thousand."""
    days = (last - first).days
    if days <= _DAYS_IN_DAYS:
        return Step.DAY
    return Step.WEEK if days <= _DAYS_IN_WEEKS else Step.MONTH


def start_of(day: date, step: Step) -> date:
    """The first day of the day, week or month that `day` is in."""
    if step is Step.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if step is Step.WEEK else day


def next_start(start: date, step: Step) -> date:
    """The first day of the step after the one that begins on `start`."""
    if step is Step.MONTH:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start + timedelta(days=7 if step is Step.WEEK else 1)


def starts(first: date, last: date, step: Step) -> Iterator[date]:
    """The first day of every step from the one of `first` to the one of `last`."""
    start = start_of(first, step)
    while start <= last:
        yield start
        start = next_start(start, step)


def day_label(day: date) -> str:
    """`22 Nov 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def label(start: date, step: Step) -> str:
    """What a step is called in a table: `22 Nov 2026`, `Nov 2026`; a week by its Monday."""
    return f"{MONTHS[start.month - 1]} {start.year}" if step is Step.MONTH else day_label(start)


def first_day(text: str, today: date) -> date:
    """The day that `30d`, `12w`, `6m`, `1y` or `2026-01-31` names. UsageError for anything else."""
    cleaned = text.strip()
    try:
        match = _SPAN.fullmatch(cleaned)
        day = _before(today, int(match[1]), match[2].lower()) if match else date.fromisoformat(cleaned)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{cleaned[:40]!r} names no day", hint="write 30d, 12w, 6m, 1y or 2026-01-31") from error
    if day > today:
        raise UsageError(f"{cleaned!r} lies in the future", hint="growth is drawn up to now")
    return day


def _before(today: date, number: int, unit: str) -> date:
    if unit in _DAYS:
        return today - timedelta(days=number * _DAYS[unit])
    return months_before(today, number * (12 if unit == "y" else 1))


def months_before(day: date, number: int) -> date:
    """The same day so many months earlier, or the last of its month where that one is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - number, 12)
    while True:
        try:
            return day.replace(year=year, month=month + 1)
        except ValueError:
            if day.day == 1:  # before the year 1
                raise
            day -= timedelta(days=1)
