"""The attributes that people have, and indexes over single ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.columns import Json
from mailer.store.dialect import AttributeRaw, AttributeType, analyze, each_attribute, index_names
from mailer.store.tables import subscribers, subscriptions


def kinds(connection: Connection, list_id: int | None = None) -> dict[str, dict[str, int]]:
    """Each attribute with how many people have one, by the database's word for its type."""
    each = each_attribute(connection, subscribers.c.attributes)
    query = sa.select(each.c.key, each.c.type, sa.func.count()).select_from(subscribers.join(each, sa.true()))
    if list_id is not None:
        mine = sa.exists().where(subscriptions.c.list_id == list_id)
        query = query.where(mine.where(subscriptions.c.subscriber_id == subscribers.c.id))
    found: dict[str, dict[str, int]] = {}
    for name, kind, number in connection.execute(query.group_by(each.c.key, each.c.type)):
        found.setdefault(name, {})[kind] = number
    return found


def names(connection: Connection) -> list[str]:
    """Every name that an attribute has with anybody."""
    each = each_attribute(connection, subscribers.c.attributes)
    query = sa.select(each.c.key).select_from(subscribers.join(each, sa.true())).distinct()
    return sorted(connection.execute(query).scalars())


def unknown(connection: Connection, wanted: Iterable[str]) -> list[str]:
    """Those of the names that no person has; none as long as there are no people."""
    if connection.execute(sa.select(subscribers.c.id).limit(1)).first() is None:
        return []
    return [name for name in wanted if not _anybody_has(connection, name)]


def _anybody_has(connection: Connection, name: str) -> bool:
    has = AttributeType(subscribers.c.attributes, name).is_not(None)
    return connection.execute(sa.select(subscribers.c.id).where(has).limit(1)).first() is not None


def index_name(attribute: str) -> str:
    """What the index over an attribute is called: any name fits, whatever letters the attribute's has."""
    return f"ix_attribute_{hashlib.sha256(attribute.encode()).hexdigest()[:16]}"


def indexed(connection: Connection, attributes: Iterable[str]) -> frozenset[str]:
    """Those of the attributes that have an index."""
    there = index_names(connection, subscribers.name)
    return frozenset(name for name in attributes if index_name(name) in there)


def index(connection: Connection, attribute: str) -> bool:
    """Make the index over an attribute; False when it was there."""
    if indexed(connection, [attribute]):
        return False
    connection.execute(sa.schema.CreateIndex(_index(attribute)))
    analyze(connection, subscribers, subscriptions)
    return True


def unindex(connection: Connection, attribute: str) -> bool:
    """Drop it; False when there was none."""
    if not indexed(connection, [attribute]):
        return False
    connection.execute(sa.schema.DropIndex(_index(attribute)))
    return True


def _index(attribute: str) -> sa.Index:
    # Over a table of its own: an index becomes a part of its column's table, and this is none of the program's.
    column = sa.Table("subscribers", sa.MetaData(), sa.Column("attributes", Json)).c.attributes
    return sa.Index(index_name(attribute), AttributeRaw(column, attribute))
