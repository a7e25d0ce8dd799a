"""Where dates stand at an axis: at the beginnings of years and months, as many as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from mailer.reports.calendar import MONTHS, Step
from mailer.reports.scale import spread

_YEARS, _MONTHS = 3 * 366, 62


def date_places(days: Sequence[date], step: Step, most: int) -> dict[int, str]:
    """The places that get a date, and its text; `days` are the first days of the steps."""
    span = (days[-1] - days[0]).days if days else 0
    if span > _YEARS:
        marks, text = _changes(days, lambda day: day.year), _year
    elif span > _MONTHS or step is Step.MONTH:
        marks, text = _changes(days, lambda day: day.year * 12 + day.month), _month
    else:
        marks, text = list(range(len(days))), _day
    return {marks[place]: text(days[marks[place]]) for place in spread(len(marks), most)}


def _changes(days: Sequence[date], part: Callable[[date], int]) -> list[int]:
    """Where a new year or month begins; the first place as well when nothing else would be marked before long."""
    found = [place for place in range(1, len(days)) if part(days[place]) != part(days[place - 1])]
    return [0, *found] if not found or found[0] * 12 > len(days) else found


def _year(day: date) -> str:
    return str(day.year)


def _month(day: date) -> str:
    return f"{MONTHS[day.month - 1]} {day.year}"


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"
