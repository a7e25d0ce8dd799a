"""A segment asked of one person. The store says the same in SQL; a property test holds the two together."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailer.audience.segment.forms import (
    ascii_lower,
    bounds,
    day_form,
    day_text,
    elements,
    is_set,
    number_form,
    spellings,
    text_form,
    truth_form,
)
from mailer.audience.segment.nodes import (
    Act,
    Among,
    And,
    Compare,
    Day,
    Did,
    Field,
    Has,
    How,
    Kind,
    Leaf,
    Literal,
    Match,
    Moment,
    Node,
    Not,
    Number,
    Op,
    Or,
    Segment,
    Span,
    Text,
    Truth,
)

_COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one person. `joined` is None for who is not on the list that was asked for.

    `lists`: those on which they are confirmed. `acts`: for each act and issue, when it last was.
    """

    email_key: str
    domain: str
    attributes: Mapping[str, Any]
    joined: datetime | None = None
    lists: frozenset[str] = frozenset()
    acts: Mapping[Act, Mapping[str, datetime]] = field(default_factory=dict)


def evaluate(segment: Segment, facts: Facts, now: datetime) -> bool:
    """Whether this person is in the segment."""
    return _holds(segment.root, facts, now)


def failing_part(segment: Segment, facts: Facts, now: datetime) -> str | None:
    """The part of the expression that keeps this person out, as it is written; None for who is in."""
    found = _failing(segment.root, facts, now)
    return segment.text[found.place.start : found.place.end] if found else None


def _failing(node: Node, facts: Facts, now: datetime) -> Node | None:
    if _holds(node, facts, now):
        return None
    if isinstance(node, And):
        return next((found for part in node.parts if (found := _failing(part, facts, now))), node)
    return node


def _holds(node: Node, facts: Facts, now: datetime) -> bool:
    match node:
        case And(parts):
            return all(_holds(part, facts, now) for part in parts)
        case Or(parts):
            return any(_holds(part, facts, now) for part in parts)
        case Not(part):
            return not _holds(part, facts, now)
        case _:
            return _leaf(node, facts, now)


def _leaf(leaf: Leaf, facts: Facts, now: datetime) -> bool:
    match leaf:
        case Compare(asked, op, value):
            return _compared(_value(asked, facts), op, value, now)
        case Among(asked, values):
            return any(_compared(_value(asked, facts), Op.EQ, value, now) for value in values)
        case Match(asked, how, text):
            return text in facts.lists if asked.kind is Kind.LISTS else _matches(_value(asked, facts), how, text, asked)
        case Has(asked):
            value = _value(asked, facts)
            return bool(elements(value)) if asked.kind is Kind.TAGS else is_set(value)
        case Did(act, issue, within):
            moments = facts.acts.get(act, {})
            if within is None:
                return issue in moments
            return any(moment >= now - within for moment in moments.values())


def _value(asked: Field, facts: Facts) -> Any:
    match asked.kind:
        case Kind.EMAIL:
            return facts.email_key
        case Kind.DOMAIN:
            return facts.domain
        case Kind.JOINED:
            return facts.joined
        case _:
            return facts.attributes.get(asked.name)


def _compared(value: Any, op: Op, literal: Literal, now: datetime) -> bool:
    form: Any
    other: Any
    match literal:
        case Day() | Moment() | Span() if isinstance(value, datetime):
            start, end = bounds(op, literal, now)
            return (start is None or value >= start) and (end is None or value < end)
        case Text(other):
            form = text_form(value)
        case Number(other):
            form = number_form(value)
        case Truth(other):
            form = truth_form(value)
        case Day() | Span():
            form, other = day_form(value), day_text(literal, now)
        case Moment():
            return False
    return form is not None and _COMPARE[op](form, other)


def _matches(value: Any, how: How, text: str, asked: Field) -> bool:
    if how is How.HOLDS and (found := elements(value)) is not None:
        wanted = spellings(text)
        return any(ascii_lower(each) in wanted for each in found)
    form = None if asked.kind is Kind.TAGS else text_form(value)
    if form is None:
        return False
    match how:
        case How.STARTS:
            return form.startswith(text)
        case How.ENDS:
            return form.endswith(text)
        case _:
            return text in form
