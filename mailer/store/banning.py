"""Suppressions as conditions: of a query over a whole list, and of a query over the few people of a batch.

Over a list the suppressed are found first, once, beginning with the entries: there are far fewer of those than people.
Over a batch each person is looked up: finding all the suppressed for every batch would be work done a thousand times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.suppressions import EVERY_LIST
from mailer.store.tables import subscribers, suppressions


@dataclass(frozen=True, slots=True)
class Bans:
    """For which lists (0: for every one) there are entries of addresses and of domains. Most often there are none."""

    addresses: frozenset[int] = frozenset()
    domains: frozenset[int] = frozenset()

    def people(self, list_id: int) -> sa.Select[Any] | sa.CompoundSelect[Any] | None:
        """The numbers of those whom entries for exactly this list name; None when there are no entries."""
        ways = []
        if list_id in self.addresses:
            same = suppressions.c.value == subscribers.c.email_key
            by_address = sa.select(subscribers.c.id.label("id")).join_from(suppressions, subscribers, same)
            ways.append(by_address.where(suppressions.c.list_id == list_id))
        if list_id in self.domains:
            banned = sa.select(sa.func.substr(suppressions.c.value, 2)).where(
                suppressions.c.list_id == list_id, suppressions.c.value.startswith("@")
            )
            ways.append(sa.select(subscribers.c.id.label("id")).where(subscribers.c.domain.in_(banned)))
        if not ways:
            return None
        # Without ALL: who is named twice is still one.
        return ways[0] if len(ways) == 1 else sa.union(*ways)

    def some(self, list_id: int) -> bool:
        """Whether there are entries for exactly this list."""
        return list_id in self.addresses or list_id in self.domains


def bans(connection: Connection, list_ids: Sequence[int]) -> Bans:
    """What there is for these lists and for every list."""
    is_domain = sa.func.substr(suppressions.c.value, 1, 1) == "@"
    query = sa.select(suppressions.c.list_id, is_domain).distinct()
    found = connection.execute(query.where(suppressions.c.list_id.in_({EVERY_LIST, *list_ids}))).all()
    return Bans(
        frozenset(number for number, domain in found if not domain),
        frozenset(number for number, domain in found if domain),
    )


def named(list_id: int, subscriber_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether an entry for exactly this list names the person of that number."""
    person = subscribers.alias("named")
    found = sa.exists().where(person.c.id == subscriber_id, suppressions.c.list_id == list_id)
    return found.where(_names(person)).correlate_except(person, suppressions)


def broadest(list_id: sa.ColumnElement[int] | int) -> sa.ScalarSelect[Any]:
    """0 when the surrounding query's subscriber is suppressed everywhere, the list's number when there, else null."""
    query = sa.select(sa.func.min(suppressions.c.list_id)).where(
        _names(subscribers), suppressions.c.list_id.in_([sa.literal(EVERY_LIST), list_id])
    )
    return query.correlate_except(suppressions).scalar_subquery()


def _names(person: sa.FromClause) -> sa.ColumnElement[bool]:
    # A forgotten person has no domain, and no entry is a lone "@".
    return suppressions.c.value.in_([person.c.email_key, sa.literal("@") + person.c.domain])
