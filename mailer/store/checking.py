"""Looking at the people of a batch again when it is claimed: who may not be mailed any more is taken out.

A thousand people are looked at for each batch, so that this is most of what the ledger costs. Rows are read with as
little machinery as can be, lists by their names once, and suppressions only where there are any, in one query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from json import JSONDecoder
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import DeliveryState, Exclusion, Recipient, SubscriptionState
from mailer.store.banning import broadest
from mailer.store.columns import EPOCH, MICROSECOND, BigId
from mailer.store.suppressions import CHUNK, EVERY_LIST
from mailer.store.tables import deliveries, issue_lists, lists, subscribers, subscriptions, suppressions

# As json.loads, without its look at blanks before and after.
_value = JSONDecoder().raw_decode

CONFIRMED = SubscriptionState.CONFIRMED.value

Person = sa.Row[int, str, str, int, str, str | None, int | None, str, str, int | None, int]


class _Other(NamedTuple):
    """A delivery whose list cannot mail its person now, with the subscription's state and the broadest ban."""

    number: int
    state: str | None
    ban: int | None
    paused: bool

    @property
    def here(self) -> bool:
        """Whether its list could, but for a pause."""
        return self.state == CONFIRMED and self.ban is None

    @property
    def reason(self) -> Exclusion:
        if self.here:
            return Exclusion.PAUSED
        return Exclusion.SUPPRESSED if self.ban is not None else Exclusion(self.state or Exclusion.UNSUBSCRIBED)


NAMES = (
    sa.select(lists.c.id, lists.c.name)
    .join(issue_lists, issue_lists.c.list_id == lists.c.id)
    .where(issue_lists.c.issue_id == sa.bindparam("issue"))
)

# As texts and numbers: types of SQLAlchemy's own are asked for each value.
PEOPLE = (
    sa.select(
        deliveries.c.id,
        subscribers.c.public_id,
        sa.func.coalesce(subscribers.c.ascii_email, subscribers.c.email),
        deliveries.c.list_id,
        sa.cast(subscribers.c.attributes, sa.Text),
        sa.type_coerce(subscriptions.c.state, sa.Text),
        sa.type_coerce(subscribers.c.forgotten_at, BigId),
        subscribers.c.email_key,
        subscribers.c.domain,
        sa.type_coerce(subscribers.c.paused_until, BigId),
        sa.type_coerce(subscribers.c.untracked, sa.Integer),
    )
    .join_from(deliveries, subscribers, subscribers.c.id == deliveries.c.subscriber_id)
    .join(
        subscriptions,
        sa.and_(
            subscriptions.c.list_id == deliveries.c.list_id,
            subscriptions.c.subscriber_id == deliveries.c.subscriber_id,
        ),
        isouter=True,
    )
    .where(
        deliveries.c.batch_id == sa.bindparam("batch"),
        deliveries.c.state == sa.literal(DeliveryState.PENDING, deliveries.c.state.type),
    )
    .order_by(deliveries.c.id)
)


def check_again(connection: Connection, batch_id: int, issue_id: int, now: datetime) -> tuple[Recipient, ...]:
    """Who of a batch gets its mail now. The others are excluded, or come in by another list of the issue."""
    names: dict[int, str] = dict(connection.execute(NAMES, {"issue": issue_id}).all())
    recipients, others = _looked_at(connection, batch_id, names, now)
    if _moved(connection, others, issue_id, now):
        recipients, _ = _looked_at(connection, batch_id, names, now)
    return recipients


def _looked_at(
    connection: Connection, batch_id: int, names: dict[int, str], now: datetime
) -> tuple[tuple[Recipient, ...], list[_Other]]:
    """The people of a batch as recipients, and those whom the list of their delivery cannot mail."""
    rows = connection.execute(PEOPLE, {"batch": batch_id}).all()
    bans = _bans(connection, rows)
    instant = (now - EPOCH) // MICROSECOND
    recipients: list[Recipient] = []
    others: list[_Other] = []
    for number, public_id, address, list_id, attributes, state, forgotten, _, _, until, untracked in rows:
        paused = until is not None and until > instant
        if state == CONFIRMED and forgotten is None and number not in bans and not paused:
            fields = _value(attributes)[0]
            recipients.append(Recipient(number, public_id, address, names[list_id], fields, bool(untracked)))
        else:
            ban = EVERY_LIST if forgotten is not None else bans.get(number)
            others.append(_Other(number, state, ban, paused))
    return tuple(recipients), others


def _bans(connection: Connection, rows: Sequence[Person]) -> dict[int, int]:
    """By delivery, the broadest ban of those who have one: 0 for every list, else the list's own number."""
    if connection.execute(sa.select(suppressions.c.value).limit(1)).first() is None:
        return {}
    named: defaultdict[str, list[int]] = defaultdict(list)
    values = sorted({value for row in rows for value in (row[7], f"@{row[8]}")})
    for start in range(0, len(values), CHUNK):
        chunk = suppressions.c.value.in_(values[start : start + CHUNK])
        for value, list_id in connection.execute(sa.select(suppressions.c.value, suppressions.c.list_id).where(chunk)):
            named[value].append(list_id)
    if not named:
        return {}
    found: dict[int, int] = {}
    for row in rows:
        lists_named = (*named.get(row[7], ()), *named.get(f"@{row[8]}", ()))
        if applying := [number for number in lists_named if number in (EVERY_LIST, row[3])]:
            found[row[0]] = min(applying)
    return found


def _moved(connection: Connection, others: Sequence[_Other], issue_id: int, now: datetime) -> bool:
    """Exclude those whom no list of the issue can mail; whether others are there by another list now."""
    moved = False
    for other in others:
        # On a pause they get it by no list, but whether one could mail them decides what it is told as.
        asked = other.ban != EVERY_LIST and not (other.paused and other.here)
        new_list = _other_list(connection, other.number, issue_id) if asked else None
        change: dict[str, Any] = {"list_id": new_list}
        if new_list is None or other.paused:
            reason = other.reason if new_list is None else Exclusion.PAUSED
            change = {"state": DeliveryState.EXCLUDED, "detail": reason.value}
        else:
            moved = True
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id == other.number, deliveries.c.state == DeliveryState.PENDING)
            .values(updated_at=now, **change)
        )
    return moved


def _other_list(connection: Connection, delivery_id: int, issue_id: int) -> int | None:
    """The first list of the issue that can mail this delivery's person now, by the rule of the freeze."""
    query = (
        sa.select(issue_lists.c.list_id)
        .join(subscriptions, subscriptions.c.list_id == issue_lists.c.list_id)
        .join(deliveries, deliveries.c.subscriber_id == subscriptions.c.subscriber_id)
        .where(deliveries.c.id == delivery_id, issue_lists.c.issue_id == issue_id)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(subscriptions.c.state == SubscriptionState.CONFIRMED, broadest(issue_lists.c.list_id).is_(None))
        .order_by(issue_lists.c.position)
        .limit(1)
    )
    return connection.execute(query).scalar()
