"""A series: without holes, in whole steps, ending at the true number."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import UsageError
from mailer.reports.calendar import Step, first_day, fitting_step, label, months_before, next_start, start_of, starts
from mailer.reports.growth import Movement, grow

TODAY = date(2026, 11, 22)
DAYS = st.dates(date(2015, 1, 1), date(2026, 12, 31))
MOVES = st.lists(
    st.builds(Movement, DAYS, st.sampled_from(["import", "form"]), st.integers(0, 50), st.integers(0, 50)), max_size=20
)


@given(moves=MOVES, since=st.none() | DAYS, step=st.none() | st.sampled_from(Step))
def test_nobody_is_lost_between_the_first_step_and_the_last(
    moves: list[Movement], since: date | None, step: Step | None
) -> None:
    growth = grow(moves, TODAY, since, step)
    total = sum(move.joined - move.left for move in moves)
    assert growth.confirmed == growth.points[-1].confirmed == total
    assert growth.before + growth.net == total
    assert sum(growth.joined_by.values()) == growth.joined == sum(point.joined for point in growth.points)
    assert sum(growth.left_by.values()) == growth.left == sum(point.left for point in growth.points)
    days = [point.start for point in growth.points]
    assert days == list(starts(growth.since, growth.until, growth.by))
    assert all(start_of(day, growth.by) == day for day in days)


def test_weeks_begin_on_monday_and_the_first_one_is_whole() -> None:
    moves = [Movement(date(2026, 11, 15), "form", 1), Movement(date(2026, 11, 16), "form", 2)]
    growth = grow(moves, TODAY, date(2026, 11, 19), Step.WEEK)
    assert [(point.start, point.joined, point.confirmed) for point in growth.points] == [(date(2026, 11, 16), 2, 3)]
    assert (growth.since, growth.before) == (date(2026, 11, 16), 1)


def test_a_quiet_time_has_points_as_well() -> None:
    growth = grow([Movement(date(2026, 8, 3), "form", 4)], TODAY, by=Step.MONTH)
    assert [point.confirmed for point in growth.points] == [4, 4, 4, 4]


def test_a_change_later_than_now_is_not_hidden() -> None:
    """A clock that was put back."""
    growth = grow([Movement(TODAY + timedelta(days=2), "form", 1)], TODAY)
    assert (growth.confirmed, growth.until) == (1, TODAY + timedelta(days=2))


def test_a_list_without_history_is_one_empty_point() -> None:
    growth = grow([], TODAY)
    assert growth.is_empty and growth.confirmed == 0 and len(growth.points) == 1


@pytest.mark.parametrize(
    "days, step", [(0, Step.DAY), (62, Step.DAY), (63, Step.WEEK), (731, Step.WEEK), (732, Step.MONTH)]
)
def test_the_step_fits_the_time(days: int, step: Step) -> None:
    assert fitting_step(TODAY - timedelta(days=days), TODAY) is step


@given(day=DAYS, step=st.sampled_from(Step))
def test_a_step_follows_the_one_before_without_a_gap(day: date, step: Step) -> None:
    start = start_of(day, step)
    assert start <= day < next_start(start, step)
    assert start_of(next_start(start, step) - timedelta(days=1), step) == start


@pytest.mark.parametrize(
    "text, day",
    [
        ("30d", date(2026, 10, 23)),
        ("2w", date(2026, 11, 8)),
        (" 6M ", date(2026, 5, 22)),
        ("1y", date(2025, 11, 22)),
        ("2026-01-31", date(2026, 1, 31)),
        ("0d", TODAY),
    ],
)
def test_since_when(text: str, day: date) -> None:
    assert first_day(text, TODAY) == day


@pytest.mark.parametrize("text", ["", "soon", "1h", "5000y", "2026-13-01", "2026-11-23", "-1d", "9999y"])
def test_what_names_no_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError):
        first_day(text, TODAY)


def test_months_before_the_end_of_a_longer_month() -> None:
    assert months_before(date(2026, 5, 31), 3) == date(2026, 2, 28)
    assert months_before(date(2024, 2, 29), 12) == date(2023, 2, 28)
    assert months_before(date(2026, 1, 15), 1) == date(2025, 12, 15)


def test_steps_are_called_what_people_call_them() -> None:
    assert label(date(2026, 11, 2), Step.WEEK) == "2 Nov 2026"
    assert label(date(2026, 11, 1), Step.MONTH) == "Nov 2026"
