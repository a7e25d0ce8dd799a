"""Segments as conditions over rows of `subscribers`: the verdicts of `audience.segment.evaluate`, said in SQL.

A missing value makes a comparison NULL, which in a WHERE is no. Only a negation would make something else of it, so
negations are pushed down to the single comparisons, and there NULL becomes false before it is turned around. What is
not negated stays bare, and may be found by an index.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.forms import bounds, day_text, spellings
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
from mailer.model import DeliveryState, EngagementKind, Subscriber, SubscriptionState
from mailer.store.dialect import (
    AttributeDay,
    AttributeHolds,
    AttributeIs,
    AttributeNumber,
    AttributeRaw,
    AttributeSet,
    AttributeText,
    AttributeTruth,
    Bytewise,
    Found,
    Tail,
)
from mailer.store.subscribers import PERSON
from mailer.store.tables import deliveries, engagements, issues, lists, subscribers, subscriptions

Condition = sa.ColumnElement[bool]

OPS: dict[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
# Who clicks has opened, also where a mail program loads no pictures.
KINDS = {
    Act.OPENED: (EngagementKind.OPENED, EngagementKind.CLICKED),
    Act.CLICKED: (EngagementKind.CLICKED,),
}
# Texts that a value of another type could look like once it is written.
DOUBTFUL = re.compile(r"[-0-9\[{].*|true|false", re.DOTALL)
# What JSON writes in another way.
ESCAPED = re.compile(r'["\\\x00-\x1f]')
WHOLE = re.compile(r"-?[1-9][0-9]{0,14}|0")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a segment is asked for: people of one list (None: of all), at the moment `now`.

    `joined`: the column with the beginning of that subscription, for a query that has its row at hand already.
    """

    list_id: int | None
    now: datetime
    joined: sa.ColumnElement[datetime] | None = None


def condition(segment: Segment, scope: Scope) -> Condition:
    """Who is in the segment: for a WHERE, where NULL is no. Not to be negated: `outside` is the others."""
    return _sql(segment.root, scope, True)


def outside(segment: Segment, scope: Scope) -> Condition:
    """Who is not in the segment: exactly the others."""
    return _sql(segment.root, scope, False)


def _sql(node: Node, scope: Scope, wanted: bool) -> Condition:
    match node:
        case And(parts):
            joined = sa.and_ if wanted else sa.or_
            return joined(*(_sql(part, scope, wanted) for part in parts))
        case Or(parts):
            joined = sa.or_ if wanted else sa.and_
            return joined(*(_sql(part, scope, wanted) for part in parts))
        case Not(part):
            return _sql(part, scope, not wanted)
    found = _leaf(node, scope)
    if wanted:
        return found
    return sa.not_(found if isinstance(found, sa.Exists) else sa.func.coalesce(found, sa.false()))


def _leaf(leaf: Leaf, scope: Scope) -> Condition:
    match leaf:
        case Compare(field, op, value):
            return _compared(field, op, value, scope)
        case Among(field, values):
            return _among(field, values, scope)
        case Match(field, how, text):
            return _matches(field, how, text)
        case Has(field):
            made = AttributeHolds if field.kind is Kind.TAGS else AttributeSet
            return made(subscribers.c.attributes, field.name)
        case Did():
            return _did(leaf, scope)


def _compared(field: Field, op: Op, value: Literal, scope: Scope) -> Condition:
    if field.kind is Kind.JOINED:
        return _joined(op, value, scope)
    compare = OPS[op]
    if field.kind is not Kind.ATTRIBUTE:
        column = _address(field)
        return _condition(compare(column if op is Op.EQ else Bytewise(column), _plain(value)))
    attributes, name = subscribers.c.attributes, field.name
    match value:
        case Text(text) if op is Op.EQ:
            return _is(name, text)
        case Text(text):
            return _condition(compare(AttributeText(attributes, name), text))
        case Number(number):
            return _condition(compare(AttributeNumber(attributes, name), sa.literal(number, sa.BigInteger)))
        case Truth(truth):
            return _condition(AttributeTruth(attributes, name) == int(truth))
        case Day() | Span():
            return _condition(compare(AttributeDay(attributes, name), day_text(value, scope.now)))
        case Moment():
            return sa.false()


def _is(name: str, text: str) -> Condition:
    """Equal to a text, in a form that an index over the attribute answers."""
    attributes = subscribers.c.attributes
    if not DOUBTFUL.fullmatch(text):
        return _condition(AttributeRaw(attributes, name) == text)
    # Found by the raw value; then looked at, because a list may be written like the text.
    ways: list[sa.ColumnElement[Any]] = [sa.literal(text, sa.Text)]
    if WHOLE.fullmatch(text):
        ways.append(sa.literal(int(text), sa.BigInteger))
    if text in ("true", "false"):
        ways.append(sa.literal(int(text == "true"), sa.BigInteger))
    return sa.and_(AttributeIs(attributes, name, *ways), AttributeText(attributes, name) == text)


def _among(field: Field, values: tuple[Literal, ...], scope: Scope) -> Condition:
    """The plain texts as one IN, which is one search in an index; everything else by itself."""
    texts = [value.value for value in values if isinstance(value, Text)]
    together = [text for text in texts if field.kind is not Kind.ATTRIBUTE or not DOUBTFUL.fullmatch(text)]
    others = [value for value in values if not isinstance(value, Text) or value.value not in together]
    found = [_compared(field, Op.EQ, value, scope) for value in others]
    if together:
        attribute = field.kind is Kind.ATTRIBUTE
        subject = AttributeRaw(subscribers.c.attributes, field.name) if attribute else _address(field)
        found.append(subject.in_(together))
    return sa.or_(*found)


def _matches(field: Field, how: How, text: str) -> Condition:
    if field.kind is Kind.LISTS:
        return _on_list(text)
    attributes = subscribers.c.attributes
    holds = _holds(field.name, spellings(text))
    if field.kind is Kind.TAGS:
        return holds
    value: Any = AttributeText(attributes, field.name) if field.kind is Kind.ATTRIBUTE else _address(field)
    wanted = sa.literal(text, sa.Text)
    length = sa.literal(len(text), sa.Integer)
    match how:
        case How.STARTS:
            return _condition(sa.func.substr(value, 1, length, type_=sa.Text) == wanted)
        case How.ENDS:
            return _condition(Tail(value, length) == wanted)
    within = _condition(Found(value, wanted) > 0)
    return sa.or_(holds, within) if how is How.HOLDS and field.kind is Kind.ATTRIBUTE else within


def _holds(name: str, ways: tuple[str, ...]) -> Condition:
    """A list with one of these texts. Most lists have none, which their text shows faster than their elements do."""
    attributes = subscribers.c.attributes
    holds = AttributeHolds(attributes, name, *(sa.literal(way, sa.Text) for way in ways))
    if ESCAPED.search("".join(ways)):
        return holds
    written = sa.func.lower(AttributeRaw(attributes, name), type_=sa.Text)
    return sa.and_(sa.or_(*(Found(written, sa.literal(way, sa.Text)) > 0 for way in ways)), holds)


def _joined(op: Op, value: Literal, scope: Scope) -> Condition:
    """By when the subscription began; without a list, by when the person came."""
    if not isinstance(value, Day | Moment | Span):  # pragma: no cover - the reading refuses it
        return sa.false()
    start, end = bounds(op, value, scope.now)
    column: sa.ColumnElement[Any] = subscriptions.c.created_at
    if scope.joined is not None or scope.list_id is None:
        column = subscribers.c.created_at if scope.joined is None else scope.joined
    limits = ([] if start is None else [column >= start]) + ([] if end is None else [column < end])
    if scope.joined is not None or scope.list_id is None:
        return sa.and_(*limits)
    here = (subscriptions.c.list_id == scope.list_id, subscriptions.c.subscriber_id == subscribers.c.id)
    return sa.exists().where(*here, *limits).correlate(subscribers)


def _on_list(name: str) -> Condition:
    number = sa.select(lists.c.id).where(lists.c.name == name).scalar_subquery()
    here = (subscriptions.c.list_id == number, subscriptions.c.subscriber_id == subscribers.c.id)
    return sa.exists().where(*here, subscriptions.c.state == SubscriptionState.CONFIRMED).correlate(subscribers)


def _did(leaf: Did, scope: Scope) -> Condition:
    chosen = sa.select(issues.c.id)
    since = None if leaf.within is None else scope.now - leaf.within
    if leaf.issue is not None:
        chosen = chosen.where(issues.c.name == leaf.issue)
    if leaf.act is Act.RECEIVED:
        chosen = chosen if since is None else chosen.where(issues.c.started_at >= since)
        mine = sa.exists().where(deliveries.c.subscriber_id == subscribers.c.id, deliveries.c.issue_id.in_(chosen))
        return mine.where(deliveries.c.state == DeliveryState.ACCEPTED).correlate(subscribers)
    mine = sa.exists().where(engagements.c.subscriber_id == subscribers.c.id, engagements.c.kind.in_(KINDS[leaf.act]))
    at_all = engagements.c.issue_id.in_(chosen) if since is None else engagements.c.at >= since
    return mine.where(at_all).correlate(subscribers)


def _address(field: Field) -> sa.ColumnElement[str]:
    return subscribers.c.email_key if field.kind is Kind.EMAIL else subscribers.c.domain


def _plain(value: Literal) -> sa.ColumnElement[Any]:
    return sa.literal(str(value.value), sa.Text)


def _condition(expression: Any) -> Condition:
    """A comparison; SQLAlchemy's types do not know those of `dialect`."""
    return expression  # type: ignore[no-any-return]


def count(connection: Connection, list_id: int, *where: Condition) -> int:
    """How many people are confirmed on the list, of those for whom the conditions hold."""
    return int(connection.execute(_confirmed(list_id, sa.func.count()).where(*where)).scalar_one())


def confirmed_scope(list_id: int, now: datetime) -> Scope:
    """The scope of a condition for `count` and `sample`."""
    return Scope(list_id, now, subscriptions.c.created_at)


def sample(connection: Connection, list_id: int, where: Condition, number: int) -> list[Subscriber]:
    """Some of them, by chance, in the order they came."""
    chosen = _confirmed(list_id, subscribers.c.id).where(where).order_by(sa.func.random()).limit(number)
    query = sa.select(*PERSON).where(subscribers.c.id.in_(chosen)).order_by(subscribers.c.id)
    return [Subscriber(*row) for row in connection.execute(query)]


def issue_names(connection: Connection) -> list[str]:
    """The issues that were sent."""
    return list(connection.execute(sa.select(issues.c.name).order_by(issues.c.name)).scalars())


def any_engagement(connection: Connection) -> bool:
    """Whether anybody's opens or clicks were ever recorded."""
    return connection.execute(sa.select(engagements.c.id).limit(1)).first() is not None


def _confirmed(list_id: int, *columns: Any) -> sa.Select[Any]:
    query = sa.select(*columns).join_from(subscriptions, subscribers, subscriptions.c.subscriber_id == subscribers.c.id)
    return query.where(subscriptions.c.list_id == list_id, subscriptions.c.state == SubscriptionState.CONFIRMED)
