"""Addresses that must not be mailed: on every list, or on one; single addresses and whole domains."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import SuppressionReason
from mailer.store.tables import subscribers, suppression_events, suppressions

EVERY_LIST = 0


@dataclass(frozen=True, slots=True)
class Suppression:
    """`value` is an address key, "@domain" or the keyed hash of a forgotten address; `list_id` 0 is every list."""

    value: str
    reason: SuppressionReason = SuppressionReason.MANUAL
    note: str = ""
    list_id: int = EVERY_LIST


def add(connection: Connection, entry: Suppression, now: datetime) -> bool:
    """Suppress; False when that value was already there, whose first reason and time stay."""
    here = _here(entry.value, entry.list_id)
    if connection.execute(sa.select(suppressions.c.value).where(here)).first() is not None:
        return False
    values = {"value": entry.value, "list_id": entry.list_id, "reason": entry.reason, "note": entry.note}
    connection.execute(sa.insert(suppressions).values(**values, created_at=now))
    connection.execute(sa.insert(suppression_events).values(**values, added=True, at=now))
    return True


def remove(connection: Connection, value: str, list_id: int, note: str, now: datetime) -> bool:
    """Lift a suppression and write down why; False when there was none. Subscriptions are as they were."""
    here = _here(value, list_id)
    row = connection.execute(sa.select(suppressions.c.reason).where(here)).first()
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


def among(connection: Connection, email_keys: Collection[str], list_id: int) -> set[str]:
    """Those of the keys that are suppressed, on the list or on all, by themselves or by their domain."""
    wanted = {value for key in email_keys for value in values_of(key)}
    query = sa.select(suppressions.c.value).where(
        suppressions.c.value.in_(wanted), suppressions.c.list_id.in_({EVERY_LIST, list_id})
    )
    found = set(connection.execute(query).scalars())
    return {key for key in email_keys if not found.isdisjoint(values_of(key))} if found else set()


def every(connection: Connection) -> Iterator[tuple[Suppression, datetime]]:
    """All entries in order of their values."""
    query = sa.select(suppressions).order_by(suppressions.c.value, suppressions.c.list_id)
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        yield Suppression(row.value, row.reason, row.note, row.list_id), row.created_at


def people(list_ids: Collection[int]) -> sa.Select[tuple[int]]:
    """The numbers of the subscribers who are suppressed on any of these lists, or on all."""
    here = suppressions.c.list_id.in_({EVERY_LIST, *list_ids})
    by_address = sa.select(subscribers.c.id).join(suppressions, suppressions.c.value == subscribers.c.email_key)
    domains = sa.select(sa.func.substr(suppressions.c.value, 2)).where(here, suppressions.c.value.startswith("@"))
    by_domain = sa.select(subscribers.c.id).where(subscribers.c.domain.in_(domains))
    return by_address.where(here).union_all(by_domain)  # type: ignore[return-value]


def values_of(email_key: str) -> tuple[str, str]:
    """The values under which an address may be suppressed: itself, and its domain."""
    return email_key, email_key[email_key.rindex("@") :]


def _here(value: str, list_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(suppressions.c.value == value, suppressions.c.list_id == list_id)
