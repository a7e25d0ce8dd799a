"""Segments for people: read with what the workspace and the database know, counted, sampled."""

from __future__ import annotations

from collections.abc import Sequence

from mailer.audience.segment.nodes import Segment
from mailer.services.program import Program


def parse_for(program: Program, text: str, lists: Sequence[str]) -> Segment:
    """The segment of that name on all of these lists, or the expression itself; SegmentError says what is wrong."""
    raise NotImplementedError
