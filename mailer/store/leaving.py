"""Ending subscriptions: those of everybody who says no at the same moment, in one transaction.

A provider that hands a campaign's answers on asks for many at once, and what costs is the transaction: its statements
are few, whatever their number, and are made once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import SubscriptionState
from mailer.store.database import pass_door
from mailer.store.subscriptions import ASKED_AGAIN, Origin
from mailer.store.tables import lists, subscribers, subscription_events, subscriptions

LEFT: Final = SubscriptionState.UNSUBSCRIBED


class Place(NamedTuple):
    """Somebody on a list, as a link names them."""

    list_name: str
    subscriber_id: str


class _Row(NamedTuple):
    list_id: int
    number: int
    state: SubscriptionState


_IDS: Final[sa.BindParameter[Any]] = sa.bindparam("ids", expanding=True)
_NAMES: Final[sa.BindParameter[Any]] = sa.bindparam("names", expanding=True)
_NUMBERS: Final[sa.BindParameter[Any]] = sa.bindparam("numbers", expanding=True)
_THERE: Final = sa.and_(subscribers.c.public_id.in_(_IDS), subscribers.c.forgotten_at.is_(None))

_STANDING: Final = (
    sa.select(lists.c.name, subscribers.c.public_id, lists.c.id, subscribers.c.id, subscriptions.c.state)
    .select_from(subscribers)
    .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
    .join(lists, lists.c.id == subscriptions.c.list_id)
    .where(_THERE, lists.c.name.in_(_NAMES))
)
_STANDING_STILL: Final = _STANDING.order_by(subscribers.c.id, lists.c.id).with_for_update(of=subscriptions)

_PEOPLE: Final = sa.select(subscribers.c.id).where(_THERE)
# In the order in which an import locks people, so that neither waits for the other in a circle.
_PEOPLE_ORDERED: Final = _PEOPLE.add_columns(subscribers.c.public_id).order_by(sa.collate(subscribers.c.email_key, "C"))
_PEOPLE_HELD: Final = _PEOPLE_ORDERED.with_for_update(key_share=True)
_PEOPLE_FREE: Final = _PEOPLE_ORDERED.with_for_update(key_share=True, skip_locked=True)

_LAST: Final = sa.select(
    subscription_events.c.list_id, subscription_events.c.subscriber_id, subscription_events.c.evidence
).where(
    subscription_events.c.id.in_(
        sa.select(sa.func.max(subscription_events.c.id))
        .where(subscription_events.c.subscriber_id.in_(_NUMBERS))
        .group_by(subscription_events.c.list_id, subscription_events.c.subscriber_id)
    )
)

_END: Final = (
    sa.update(subscriptions)
    .where(
        subscriptions.c.list_id == sa.bindparam("its_list"),
        subscriptions.c.subscriber_id == sa.bindparam("its_person"),
    )
    .values(state=LEFT, updated_at=sa.bindparam("at", type_=subscriptions.c.updated_at.type))
)
_LOG: Final = sa.insert(subscription_events)


def settled(connection: Connection, places: Collection[Place]) -> dict[Place, bool]:
    """Those for whom a no changes nothing: false for who is not known, true for who has left.

    Who asked to come back since is not among them: what they were sent must become good for nothing.
    """
    found = _standing(connection, places, _STANDING)
    waiting = _came_back(connection, found.values())
    gone = {place: True for place, row in found.items() if row.state is LEFT and row not in waiting}
    return gone | {place: False for place in places if place not in found}


def leave(
    connection: Connection, wanted: Mapping[Place, Origin], now: datetime, *, patient: bool = True
) -> dict[Place, bool]:
    """End these subscriptions; true where one ended now, false where it had before. Who is not known is left out, and
    unless `patient` whom another transaction of a server holds.

    People are locked first, as whoever changes a subscription does: see `subscriptions`.
    """
    pass_door(connection)
    if connection.dialect.name == "postgresql":
        rows = connection.execute(_PEOPLE_HELD if patient else _PEOPLE_FREE, {"ids": _ids(wanted)}).all()
        ours = {row.public_id for row in rows}
        wanted = {place: origin for place, origin in wanted.items() if place.subscriber_id in ours}
        if not wanted:
            return {}
    found = _standing(connection, wanted, _STANDING_STILL)
    waiting = _came_back(connection, found.values())
    ended = {place: row for place, row in found.items() if row.state is not LEFT}
    if ended:
        connection.execute(
            _END, [{"its_list": row.list_id, "its_person": row.number, "at": now} for row in ended.values()]
        )
    _log(
        connection, [_line(row, wanted[place], now) for place, row in found.items() if place in ended or row in waiting]
    )
    return {place: place in ended for place in found}


def _standing(connection: Connection, places: Collection[Place], query: sa.Select[Any]) -> dict[Place, _Row]:
    names = sorted({place.list_name for place in places})
    rows = connection.execute(query, {"ids": _ids(places), "names": names}).all()
    found = {Place(name, who): _Row(*row) for name, who, *row in rows}
    return {place: found[place] for place in places if place in found}


def _came_back(connection: Connection, rows: Collection[_Row]) -> set[_Row]:
    """Those of who left who asked to come back after that: the newest line of their log says so."""
    left = {(row.list_id, row.number): row for row in rows if row.state is LEFT}
    if not left:
        return set()
    newest = connection.execute(_LAST, {"numbers": sorted({number for _, number in left})}).all()
    asked = {(list_id, number) for list_id, number, evidence in newest if (evidence or {}).get(ASKED_AGAIN)}
    return {row for key, row in left.items() if key in asked}


def _line(row: _Row, origin: Origin, now: datetime) -> dict[str, Any]:
    line = {"list_id": row.list_id, "subscriber_id": row.number, "state": LEFT, "at": now}
    line |= {"source": origin.words, "how": origin.how}
    return line | ({"evidence": dict(origin.evidence)} if origin.evidence else {})


def _log(connection: Connection, lines: Collection[dict[str, Any]]) -> None:
    # All rows of one call have the same columns; what has no evidence has NULL there, and not a null of JSON.
    for told in (True, False):
        if those := [line for line in lines if ("evidence" in line) is told]:
            connection.execute(_LOG, those)


def _ids(places: Collection[Place]) -> list[str]:
    return sorted({place.subscriber_id for place in places})
