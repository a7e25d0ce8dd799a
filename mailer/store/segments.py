"""Segments as conditions over rows of `subscribers`, the same verdicts as `audience.segment.evaluate` in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mailer.audience.segment.nodes import Segment


@dataclass(frozen=True, slots=True)
class Scope:
    """What a segment is asked for: people of one list (None: of all), at the moment `now`."""

    list_id: int | None
    now: datetime


def condition(segment: Segment, scope: Scope) -> sa.ColumnElement[bool]:
    """Who is in the segment: for a WHERE, where NULL is no. Not to be negated: `outside` is the others."""
    raise NotImplementedError


def outside(segment: Segment, scope: Scope) -> sa.ColumnElement[bool]:
    """Who is not in the segment: exactly the others."""
    raise NotImplementedError
