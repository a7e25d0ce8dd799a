"""Addresses that must not be mailed: on every list, or on one; single addresses, whole domains, forgotten ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.suppressing import HASH as HASH
from mailer.audience.suppressing import values_of as values_of
from mailer.errors import StoreError
from mailer.model import SubscriptionState, SuppressionReason
from mailer.store.database import hold, insert_rows, pass_door
from mailer.store.modes import HASHER
from mailer.store.tables import subscribers, subscriptions, suppression_events, suppressions

EVERY_LIST = 0

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 400
# So many entries fit into a set of a few megabytes, which is asked faster than the database.
FEW = 50_000

Hasher = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Suppression:
    """`value` is an address key, "@domain" or the keyed hash of a forgotten address; `list_id` 0 is every list.

    `created_at` is when it became so, where that was before it came to us.
    """

    value: str
    reason: SuppressionReason = SuppressionReason.MANUAL
    note: str = ""
    list_id: int = EVERY_LIST
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SuppressionEvent:
    """A suppression that was added or lifted."""

    value: str
    list_id: int
    reason: SuppressionReason
    note: str
    added: bool
    at: datetime


ENTRY = (
    suppressions.c.value,
    suppressions.c.reason,
    suppressions.c.note,
    suppressions.c.list_id,
    suppressions.c.created_at,
)


def add(connection: Connection, entry: Suppression, now: datetime) -> bool:
    """Suppress; False when that value was already there, whose first reason and time stay."""
    return add_all(connection, [entry], now) == 1


def add_all(connection: Connection, new: Iterable[Suppression], now: datetime) -> int:
    """Suppress all of these; how many were not there before. What is there stays as it is.

    A forgotten address counts as there: written down again in plain words it would not be forgotten.
    """
    hold(connection, suppressions)
    added = 0
    remaining = iter(new)
    while chunk := list(islice(remaining, CHUNK)):
        first = {(entry.value, entry.list_id): entry for entry in reversed(chunk)}
        there = sa.select(suppressions.c.value, suppressions.c.list_id).where(
            suppressions.c.value.in_({value for value, _ in first})
        )
        gone = forgotten(connection, [entry.value for entry in chunk])
        for value, list_id in [*connection.execute(there), *(key for key in first if key[0] in gone)]:
            first.pop((value, list_id), None)
        _write(connection, list(first.values()), now)
        added += len(first)
    return added


def remove(connection: Connection, value: str, list_id: int, note: str, now: datetime) -> bool:
    """Lift a suppression and write down why; False when there was none. Subscriptions are as they were."""
    here = sa.and_(suppressions.c.value == value, suppressions.c.list_id == list_id)
    row = connection.execute(sa.select(suppressions.c.reason).where(here).with_for_update()).first()
    if row is None:
        return False
    connection.execute(sa.delete(suppressions).where(here))
    values = {"value": value, "list_id": list_id, "reason": row.reason, "note": note}
    connection.execute(sa.insert(suppression_events).values(**values, added=False, at=now))
    return True


def reason_of(connection: Connection, email_key: str, list_id: int = EVERY_LIST) -> SuppressionReason | None:
    """Why an address is not mailed, on the list or on all: by itself or by its domain. None when it is."""
    query = sa.select(suppressions.c.reason).where(
        suppressions.c.value.in_(values_of(email_key)), suppressions.c.list_id.in_({EVERY_LIST, list_id})
    )
    return connection.execute(query.order_by(suppressions.c.created_at)).scalars().first()


def among(connection: Connection, email_keys: Collection[str], list_id: int, hasher: Hasher | None = None) -> set[str]:
    """Those of the keys that are suppressed, on the list or on all: by themselves, their domain, or as forgotten.

    `hasher` gives the values under which an address may be kept as forgotten; without one it is that of the store.
    It is asked only where anybody was forgotten.
    """
    pass_door(connection)
    named: dict[str, tuple[str, ...]] = {key: values_of(key) for key in email_keys}
    if anybody_forgotten(connection):
        asked = hasher or hasher_of(connection)
        named = {key: (*values, *asked(key)) for key, values in named.items()}
    found: set[str] = set()
    remaining = iter({value for values in named.values() for value in values})
    while chunk := list(islice(remaining, CHUNK)):
        query = sa.select(suppressions.c.value).where(
            suppressions.c.value.in_(chunk), suppressions.c.list_id.in_({EVERY_LIST, list_id})
        )
        found.update(connection.execute(query).scalars())
    return {key for key, values in named.items() if not found.isdisjoint(values)} if found else set()


def few(connection: Connection, list_id: int) -> frozenset[str] | None:
    """Every suppressed value, on the list or on all, where there are few enough to keep them at hand; None else.

    For who asks about a million addresses: one is suppressed when `values_of` it, or its hashes, are among them.
    """
    query = sa.select(suppressions.c.value).where(suppressions.c.list_id.in_({EVERY_LIST, list_id}))
    found = connection.execute(query.limit(FEW + 1)).scalars().all()
    return frozenset(found) if len(found) <= FEW else None


def people(list_ids: Collection[int]) -> sa.CompoundSelect[Any]:
    """The numbers of the subscribers who are suppressed on any of these lists, or on all: for a query over many."""
    here = suppressions.c.list_id.in_({EVERY_LIST, *list_ids})
    by_address = sa.select(subscribers.c.id).join(suppressions, suppressions.c.value == subscribers.c.email_key)
    domains = sa.select(sa.func.substr(suppressions.c.value, 2)).where(here, suppressions.c.value.startswith("@"))
    return by_address.where(here).union_all(sa.select(subscribers.c.id).where(subscribers.c.domain.in_(domains)))


def anybody_forgotten(connection: Connection) -> bool:
    """Whether any address is kept as a hash: one look into an index."""
    query = sa.select(sa.literal(1)).where(suppressions.c.reason == SuppressionReason.FORGOTTEN).limit(1)
    return connection.execute(query).first() is not None


def hashed_with(connection: Connection, fingerprint: str) -> int:
    """How many forgotten addresses only the key of that fingerprint recognises."""
    query = sa.select(sa.func.count(suppressions.c.value.distinct()))
    mine = suppressions.c.value.startswith(f"{HASH}{fingerprint}:", autoescape=True)
    return connection.execute(query.where(mine)).scalar_one()


def forgotten(connection: Connection, values: Collection[str]) -> set[str]:
    """Those of the values that are addresses which were forgotten."""
    if not anybody_forgotten(connection):
        return set()
    hasher = hasher_of(connection)
    hashed = {text: value for value in values if not value.startswith(("@", HASH)) for text in hasher(value)}
    return {hashed[entry.value] for entry in entries(connection, hashed)}


def suppress_forgotten(connection: Connection, now: datetime) -> int:
    """Suppress everybody who is here though they were forgotten, as after a backup of before; how many there are.

    The freeze knows people by their addresses and not by hashes, so until they are erased their address stands there.
    """
    if not anybody_forgotten(connection):
        return 0
    hold(connection, suppressions)
    hasher = hasher_of(connection)
    hashed = sa.select(suppressions.c.value).where(suppressions.c.value.startswith(HASH, autoescape=True))
    known = set(connection.execute(hashed).scalars())
    keys = sa.select(subscribers.c.email_key).where(subscribers.c.forgotten_at.is_(None))
    with connection.execute(keys, execution_options={"yield_per": 5000}) as rows:
        here = [key for key in rows.scalars() if not known.isdisjoint(hasher(key))]
    for start in range(0, len(here), CHUNK):
        chunk = here[start : start + CHUNK]
        there = {entry.value for entry in entries(connection, chunk) if entry.list_id == EVERY_LIST}
        new = [Suppression(key, SuppressionReason.FORGOTTEN, "to be erased") for key in chunk if key not in there]
        _write(connection, new, now)
    return len(here)


def hasher_of(connection: Connection) -> Hasher:
    """What recognises forgotten addresses. A store opened without it cannot tell who must not come back."""
    hasher: Hasher | None = connection.get_execution_options().get(HASHER)
    if hasher is None:
        raise StoreError("people were forgotten, and without the key of the workspace they cannot be recognised")
    return hasher


def every(
    connection: Connection, list_id: int | None = None, reason: SuppressionReason | None = None
) -> Iterator[Suppression]:
    """The entries in order of their values: all, or those for one list (0: for every list) or of one reason."""
    query = sa.select(*ENTRY).order_by(suppressions.c.value, suppressions.c.list_id)
    if list_id is not None:
        query = query.where(suppressions.c.list_id == list_id)
    if reason is not None:
        query = query.where(suppressions.c.reason == reason)
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        yield Suppression(*row)


def entries(connection: Connection, values: Collection[str]) -> list[Suppression]:
    """The entries under any of these values: a few of them."""
    query = sa.select(*ENTRY).where(suppressions.c.value.in_(values))
    return [Suppression(*row) for row in connection.execute(query.order_by(*ENTRY[3:], suppressions.c.value))]


def history(connection: Connection, values: Collection[str]) -> list[SuppressionEvent]:
    """What was ever done to these values, oldest first."""
    columns = (suppression_events.c[name] for name in ("value", "list_id", "reason", "note", "added", "at"))
    query = sa.select(*columns).where(suppression_events.c.value.in_(values)).order_by(suppression_events.c.id)
    return [SuppressionEvent(*row) for row in connection.execute(query)]


def reach(connection: Connection, value: str, list_id: int = EVERY_LIST) -> int:
    """How many people an entry keeps from being mailed: confirmed, on that list or on any."""
    who = subscribers.c.domain == value[1:] if value.startswith("@") else subscribers.c.email_key == value
    confirmed = sa.exists().where(
        subscriptions.c.subscriber_id == subscribers.c.id, subscriptions.c.state == SubscriptionState.CONFIRMED
    )
    if list_id != EVERY_LIST:
        confirmed = confirmed.where(subscriptions.c.list_id == list_id)
    return connection.execute(sa.select(sa.func.count()).where(who, confirmed)).scalar_one()


def _write(connection: Connection, new: Sequence[Suppression], now: datetime) -> None:
    plain = [(entry.value, entry.list_id, entry.reason, entry.note) for entry in new]
    names = ("value", "list_id", "reason", "note")
    times = [entry.created_at or now for entry in new]
    dated = [(*values, at) for values, at in zip(plain, times, strict=True)]
    insert_rows(connection, suppressions, (*names, "created_at"), dated)
    insert_rows(connection, suppression_events, (*names, "added", "at"), [(*values, True, now) for values in plain])
