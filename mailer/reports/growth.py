"""How a list grew: the moves of people in and out, gathered into a series whose last number is the true one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from mailer.reports.calendar import Step, fitting_step, start_of, starts

# Why a confirmed person is gone who never said so: everything about them was erased.
FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Movement:
    """So many people became confirmed (`joined`), or stopped being it (`left`), on one day and in one way."""

    day: date
    how: str
    joined: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One day, week or month; `confirmed` is how many there were at its end."""

    start: date
    joined: int
    left: int
    net: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Growth:
    """A series without holes. `before` were confirmed when it begins, `confirmed` are at its end."""

    by: Step
    since: date
    until: date
    before: int
    points: tuple[Point, ...]
    joined_by: Mapping[str, int]
    left_by: Mapping[str, int]
    joined: int
    left: int
    net: int
    confirmed: int
    time_zone: str = "UTC"

    @property
    def is_empty(self) -> bool:
        """Whether there was never anybody, so that a chart would be an empty frame."""
        return not (self.joined or self.left or self.before)


def grow(movements: Iterable[Movement], until: date, since: date | None = None, by: Step | None = None) -> Growth:
    """The series from `since` (default: the first move) to `until`, in steps of `by` (default: what fits).

    The first step is always a whole one: the series begins on its first day.
    """
    moves = list(movements)
    first = min((move.day for move in moves), default=until)
    last = max((move.day for move in moves), default=until)
    until = max(until, last)  # a clock that was set back must not hide people
    begin = min(max(since, first), until) if since else first
    step = by or fitting_step(begin, until)
    begin = start_of(begin, step)
    within = [move for move in moves if move.day >= begin]
    before = sum(move.joined - move.left for move in moves if move.day < begin)
    points = _points(within, before, tuple(starts(begin, until, step)), step)
    joined, left = sum(point.joined for point in points), sum(point.left for point in points)
    return Growth(
        by=step,
        since=begin,
        until=until,
        before=before,
        points=points,
        joined_by=_by_how(within, "joined"),
        left_by=_by_how(within, "left"),
        joined=joined,
        left=left,
        net=joined - left,
        confirmed=before + joined - left,
    )


def gathered(points: Sequence[Point], most: int) -> tuple[int, list[Point]]:
    """Neighbours added up until there are at most `most`, and how many of them make one."""
    each = -(-len(points) // max(most, 1))
    groups = [points[place : place + each] for place in range(0, len(points), each)]
    return each, [
        Point(
            group[0].start,
            sum(point.joined for point in group),
            sum(point.left for point in group),
            sum(point.net for point in group),
            group[-1].confirmed,
        )
        for group in groups
    ]


def _points(moves: Iterable[Movement], before: int, days: tuple[date, ...], step: Step) -> tuple[Point, ...]:
    joined, left = Counter[date](), Counter[date]()
    for move in moves:
        start = start_of(move.day, step)
        joined[start] += move.joined
        left[start] += move.left
    nets = [joined[day] - left[day] for day in days]
    running = list(accumulate(nets, initial=before))[1:]
    return tuple(
        Point(day, joined[day], left[day], net, confirmed)
        for day, net, confirmed in zip(days, nets, running, strict=True)
    )


def _by_how(moves: Iterable[Movement], what: str) -> dict[str, int]:
    counts = Counter[str]()
    for move in moves:
        counts[move.how] += getattr(move, what)
    return {how: number for how, number in counts.most_common() if number}
