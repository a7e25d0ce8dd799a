"""Who receives an issue and who does not, as queries: for each of its lists in order, those that list brings in.

A person on several lists belongs to the first list on which they are confirmed. Suppression wins over all lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Exclusion, SubscriptionState
from mailer.store import suppressions
from mailer.store.tables import exclusions as excluded
from mailer.store.tables import subscribers, subscriptions

MEMBER = subscriptions.alias("member")


def recipients(chosen: Sequence[int], place: int, issue_id: int) -> sa.Select[Any]:
    """Those whom the list at `place` brings in, in order; the exclusions of the issue are written already."""
    left_out = sa.exists().where(excluded.c.issue_id == issue_id, excluded.c.subscriber_id == MEMBER.c.subscriber_id)
    query = sa.select(MEMBER.c.subscriber_id).where(
        MEMBER.c.list_id == chosen[place], MEMBER.c.state == SubscriptionState.CONFIRMED, ~left_out
    )
    if place:
        query = query.where(~_on(chosen[:place], confirmed=True))
    return query.order_by(MEMBER.c.subscriber_id)


def exclusions(chosen: Sequence[int], place: int, smtputf8: bool) -> sa.Select[Any]:
    """Those whose first list is the one at `place` and who receive nothing, with the reason."""
    nowhere_confirmed = MEMBER.c.state != SubscriptionState.CONFIRMED
    if later := chosen[place + 1 :]:
        nowhere_confirmed = sa.and_(nowhere_confirmed, ~_on(later, confirmed=True))
    kept_out = [_suppressed(), nowhere_confirmed] + ([] if smtputf8 else [_needs_smtputf8()])
    reason = sa.case(
        (_suppressed(), Exclusion.SUPPRESSED.value),
        # The states that are not confirmed are reasons of the same name.
        (nowhere_confirmed, sa.type_coerce(MEMBER.c.state, sa.String)),
        else_=Exclusion.NEEDS_SMTPUTF8.value,
    )
    query = sa.select(MEMBER.c.subscriber_id, reason.label("reason"))
    query = query.where(MEMBER.c.list_id == chosen[place], sa.or_(*kept_out))
    return query.where(~_on(chosen[:place], confirmed=False)) if place else query


def count(connection: Connection, chosen: Sequence[int]) -> int:
    """How many people are on these lists, counted in another way than by the queries above."""
    people = sa.select(sa.func.count(subscriptions.c.subscriber_id.distinct()))
    return connection.execute(people.where(subscriptions.c.list_id.in_(chosen))).scalar_one()


def _on(chosen: Sequence[int], *, confirmed: bool) -> sa.ColumnElement[bool]:
    other = subscriptions.alias("other")
    found = sa.exists().where(other.c.subscriber_id == MEMBER.c.subscriber_id, other.c.list_id.in_(chosen))
    return found.where(other.c.state == SubscriptionState.CONFIRMED) if confirmed else found


def _suppressed() -> sa.ColumnElement[bool]:
    return MEMBER.c.subscriber_id.in_(suppressions.people(()))


def _needs_smtputf8() -> sa.ColumnElement[bool]:
    return MEMBER.c.subscriber_id.in_(sa.select(subscribers.c.id).where(subscribers.c.ascii_email.is_(None)))
