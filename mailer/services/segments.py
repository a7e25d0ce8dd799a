"""Segments for people: read with what the workspace and the database know, counted, sampled."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.audience.segment.nodes import Place, Segment
from mailer.audience.segment.reading import parse
from mailer.errors import NotFoundError, SegmentError
from mailer.model import MailingList, Subscriber
from mailer.services.program import Program
from mailer.store import attributes as stored_attributes
from mailer.store import lists as stored_lists
from mailer.store import pruned
from mailer.store import segments as stored
from mailer.wording import quoted, unknown

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""A word alone is no expression, so it can only be the name of a segment."""


def parse_for(program: Program, text: str, lists: Sequence[str]) -> Segment:
    """The segment of that name on all of these lists, or the expression itself; SegmentError says what is wrong.

    What it asks for must be there: an attribute that somebody has, an issue that was sent, a list of the workspace.
    """
    segment = parse(resolve([program.list_named(name) for name in lists], text))
    with program.store.read() as connection:
        check(connection, segment, program.lists)
        refuse_pruned(connection, segment, program.now())
    return segment


def resolve(lists: Sequence[MailingList], text: str) -> str:
    """The expression that is meant: the text itself, or what these lists call by it."""
    text = text.strip()
    if not NAME.fullmatch(text):
        return text
    found = {definition.segments[text] for definition in lists if text in definition.segments}
    for definition in lists:
        if text not in definition.segments:
            what = unknown("segment", text, definition.segments)
            raise NotFoundError(
                f"list {definition.name}: {what}",
                hint=f"Name it under [segments] in subscribers/{definition.name}.toml, or write the expression itself.",
            )
    if len(found) > 1:
        names = " and ".join(definition.name for definition in lists)
        raise SegmentError(
            f"the segment {quoted(text)} is not the same on {names}", text=text, hint="Write the expression itself."
        )
    return found.pop() if found else text


def check(connection: Connection, segment: Segment, lists: Collection[str]) -> None:
    """SegmentError where it asks for what nobody has: a typing error would choose nobody, or everybody."""
    if missing := stored_attributes.unknown(connection, segment.attributes):
        name = missing[0]
        there = stored_attributes.names(connection)
        _refuse(segment, segment.attributes[name], unknown("attribute", name, there), "mailer attributes list")
    sent = stored.issue_names(connection) if segment.issues else []
    for name, place in segment.issues.items():
        if name not in sent:
            what = unknown("issue", name, sent)
            _refuse(segment, place, what, "mailer status", "Only an issue that was sent can have been received.")
    for name, place in segment.lists.items():
        if name not in lists:
            _refuse(segment, place, unknown("list", name, lists), "mailer lists list")
    if segment.needs_tracking and not stored.any_engagement(connection):
        raise SegmentError(
            "nobody's opens and clicks are recorded, so nobody can be chosen by them", text=segment.text,
            hint="They are recorded only with tracking and individual under [privacy].",
        )  # fmt: skip


def refuse_pruned(connection: Connection, segment: Segment, now: datetime) -> None:
    """SegmentError where it asks who received an issue and nobody knows any more."""
    if (lost := pruned.lost_to(connection, segment, now)) is not None:
        name, at = lost
        raise SegmentError(
            f"nobody knows any more who received {name}: its deliveries were pruned on {at:%Y-%m-%d}",
            text=segment.text,
            hint="Ask for newer issues; keep_deliveries_days under [work] says how long deliveries are kept.",
        )


def _refuse(segment: Segment, place: Place, message: str, command: str, advice: str = "") -> None:
    hint = f"{advice} {command} shows what there is.".strip()
    raise SegmentError(message, text=segment.text, position=place.start, hint=hint)


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """How many of a list's confirmed people are in a segment. `name` is empty for an expression."""

    list_name: str
    name: str
    segment: str
    people: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class NamedSegment:
    """A segment of a list's file. `count` is None where `problem` says what is wrong with it."""

    list_name: str
    name: str
    segment: str
    count: SegmentCount | None
    problem: str = ""


def count(program: Program, text: str, list_name: str) -> SegmentCount:
    """Count the confirmed people of the list whom the segment, by its name or in full, chooses."""
    segment = parse_for(program, text, [list_name])
    with program.store.read() as connection:
        number = stored_lists.number(connection, list_name) or 0
        scope = stored.confirmed_scope(number, program.now())
        confirmed = stored.count(connection, number)
        people = stored.count(connection, number, stored.condition(segment, scope))
    name = text.strip() if segment.text != text.strip() else ""
    return SegmentCount(list_name, name, segment.text, people, confirmed)


def sample(program: Program, text: str, list_name: str, number: int) -> list[Subscriber]:
    """Some of them, by chance."""
    segment = parse_for(program, text, [list_name])
    with program.store.read() as connection:
        list_id = stored_lists.number(connection, list_name) or 0
        where = stored.condition(segment, stored.confirmed_scope(list_id, program.now()))
        return stored.sample(connection, list_id, where, number)


def named_segments(program: Program, lists: Sequence[str]) -> list[NamedSegment]:
    """What the files of these lists name, counted; one that cannot be counted costs only itself."""
    return [
        _named(program, list_name, name, program.list_named(list_name).segments[name])
        for list_name in lists
        for name in program.list_named(list_name).segments
    ]


def _named(program: Program, list_name: str, name: str, text: str) -> NamedSegment:
    try:
        return NamedSegment(list_name, name, text, count(program, name, list_name))
    except SegmentError as error:
        return NamedSegment(list_name, name, text, None, error.message)
