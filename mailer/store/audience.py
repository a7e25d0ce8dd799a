"""Who receives an issue and who does not, as queries: for each of its lists in order, those that list brings in.

A list can mail who is confirmed on it and not suppressed there. A person on several lists belongs to the first one
that can mail them. An entry for every list wins over all of them. Who asked for a pause gets nothing by any list. A
segment is asked after that, with the list that brings a person in: its `joined` is that subscription's; and last of
all that list's cap. `audience.decide` says the same for one person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.nodes import Segment
from mailer.model import Exclusion, SubscriptionState
from mailer.store.banning import Bans, named
from mailer.store.capping import Capping
from mailer.store.segments import Scope, condition, outside
from mailer.store.suppressions import EVERY_LIST
from mailer.store.tables import exclusions as excluded
from mailer.store.tables import subscribers, subscriptions

MEMBER = subscriptions.alias("member")

# Why somebody whom a list can mail is left out all the same.
DESPITE_CONFIRMED = (
    Exclusion.SUPPRESSED,
    Exclusion.PAUSED,
    Exclusion.NEEDS_SMTPUTF8,
    Exclusion.SEGMENT,
    Exclusion.CAP,
)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A segment, and the moment for which it is asked."""

    segment: Segment
    now: datetime


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides besides the states of subscriptions. `now`: the moment for which pauses are looked at; without it
    nobody is on one."""

    smtputf8: bool = False
    now: datetime | None = None
    bans: Bans = Bans()  # noqa: RUF009 - frozen and empty
    narrowing: Narrowing | None = None
    capping: Capping = field(default_factory=dict)


def recipients(chosen: Sequence[int], place: int, rules: Rules) -> sa.Select[Any]:
    """Those whom the list at `place` brings in, in order, if nothing else keeps them out: see `not_left_out`."""
    query = sa.select(MEMBER.c.subscriber_id).where(
        MEMBER.c.list_id == chosen[place], MEMBER.c.state == SubscriptionState.CONFIRMED
    )
    if len(chosen) > 1 and rules.bans.some(chosen[place]):
        query = query.where(~named(chosen[place], MEMBER.c.subscriber_id))
    if place:
        query = query.where(~_mailed_by(chosen[:place], rules.bans))
    return query.order_by(MEMBER.c.subscriber_id)


def not_left_out(issue_id: int) -> sa.ColumnElement[bool]:
    """Narrows `recipients` by the exclusions of the issue, which are written already."""
    return ~sa.exists().where(excluded.c.issue_id == issue_id, excluded.c.subscriber_id == MEMBER.c.subscriber_id)


def exclusions(chosen: Sequence[int], place: int, rules: Rules) -> sa.Select[Any]:
    """Those whose first list is the one at `place` and who receive nothing, with the reason."""
    people, everywhere = _marked(MEMBER, rules.bans, EVERY_LIST, "everywhere")
    people, here = _marked(people, rules.bans, chosen[place], "here")
    nowhere = sa.or_(MEMBER.c.state != SubscriptionState.CONFIRMED, here)
    if later := chosen[place + 1 :]:
        nowhere = sa.and_(nowhere, ~_mailed_by(later, rules.bans))
    paused = [] if rules.now is None else [MEMBER.c.subscriber_id.in_(on_a_pause(rules.now))]
    kept_out = [everywhere, nowhere, *paused] + ([] if rules.smtputf8 else [_needs_smtputf8()])
    reason = sa.case(
        (sa.or_(everywhere, sa.and_(nowhere, here)), Exclusion.SUPPRESSED.value),
        # The states that are not confirmed are reasons of the same name.
        (nowhere, sa.type_coerce(MEMBER.c.state, sa.String)),
        *((each, Exclusion.PAUSED.value) for each in paused),
        else_=Exclusion.NEEDS_SMTPUTF8.value,
    )
    query = sa.select(MEMBER.c.subscriber_id, reason.label("reason")).select_from(people)
    query = query.where(MEMBER.c.list_id == chosen[place], sa.or_(*kept_out))
    return query.where(~_on(chosen[:place])) if place else query


def outside_segment(chosen: Sequence[int], place: int, rules: Rules) -> sa.Select[Any] | None:
    """Those whom the list at `place` would bring in, and whom the segment leaves out; None without a segment."""
    if rules.narrowing is None:
        return None
    scope = Scope(chosen[place], rules.narrowing.now, MEMBER.c.created_at)
    return _mailable(chosen, place, rules).order_by(None).where(outside(rules.narrowing.segment, scope))


def had_enough(chosen: Sequence[int], place: int, rules: Rules) -> sa.Select[Any] | None:
    """Those whom the list at `place` would bring in, and whom its cap leaves out; None where that is nobody."""
    full = rules.capping.get(chosen[place])
    return None if full is None else _chosen(chosen, place, rules).where(MEMBER.c.subscriber_id.in_(full))


def receivers(chosen: Sequence[int], place: int, rules: Rules) -> sa.Select[Any]:
    """Those whom the list at `place` brings in and nothing keeps out, in order, joined with who they are."""
    query, full = _chosen(chosen, place, rules), rules.capping.get(chosen[place])
    return query if full is None else query.where(MEMBER.c.subscriber_id.not_in(full))


def _chosen(chosen: Sequence[int], place: int, rules: Rules) -> sa.Select[Any]:
    """Those whom the list at `place` can mail and the segment has."""
    query = _mailable(chosen, place, rules)
    if rules.narrowing is None:
        return query
    scope = Scope(chosen[place], rules.narrowing.now, MEMBER.c.created_at)
    return query.where(condition(rules.narrowing.segment, scope))


def _mailable(chosen: Sequence[int], place: int, rules: Rules) -> sa.Select[Any]:
    """Those whom the list at `place` can mail, in order, joined with who they are."""
    query = recipients(chosen, place, rules).join(subscribers, subscribers.c.id == MEMBER.c.subscriber_id)
    for number in filter(rules.bans.some, (EVERY_LIST, chosen[place])):
        query = query.where(~named(number, MEMBER.c.subscriber_id))
    if rules.now is not None:
        query = query.where(sa.or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= rules.now))
    return query if rules.smtputf8 else query.where(subscribers.c.ascii_email.is_not(None))


def count(connection: Connection, chosen: Sequence[int]) -> int:
    """How many people are on these lists, counted in another way than by the queries above."""
    people = sa.select(sa.func.count(subscriptions.c.subscriber_id.distinct()))
    return connection.execute(people.where(subscriptions.c.list_id.in_(chosen))).scalar_one()


def _marked(people: sa.FromClause, bans: Bans, list_id: int, name: str) -> tuple[sa.FromClause, sa.ColumnElement[bool]]:
    """The people joined with those whom entries for that list name, and the condition of being one of them."""
    banned = bans.people(list_id)
    if banned is None:
        return people, sa.false()
    marks = banned.subquery(name)
    return people.outerjoin(marks, marks.c.id == MEMBER.c.subscriber_id), marks.c.id.is_not(None)


def _mailed_by(chosen: Sequence[int], bans: Bans) -> sa.ColumnElement[bool]:
    """Whether any of the lists can mail the member."""
    plain = [number for number in chosen if not bans.some(number)]
    ways = [_on(plain, SubscriptionState.CONFIRMED)] if plain else []
    for number in chosen:
        if bans.some(number):
            not_banned = ~named(number, MEMBER.c.subscriber_id)
            ways.append(sa.and_(_on([number], SubscriptionState.CONFIRMED), not_banned))
    return sa.or_(*ways)


def _on(chosen: Sequence[int], state: SubscriptionState | None = None) -> sa.ColumnElement[bool]:
    other = subscriptions.alias("other")
    found = sa.exists().where(other.c.subscriber_id == MEMBER.c.subscriber_id, other.c.list_id.in_(chosen))
    return found if state is None else found.where(other.c.state == state)


def on_a_pause(now: datetime) -> sa.Select[int]:
    """The numbers of all who asked for a pause that is not over."""
    return sa.select(subscribers.c.id).where(subscribers.c.paused_until > now)


def _needs_smtputf8() -> sa.ColumnElement[bool]:
    return MEMBER.c.subscriber_id.in_(sa.select(subscribers.c.id).where(subscribers.c.ascii_email.is_(None)))
