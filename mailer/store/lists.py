"""The lists the database knows. Their definitions are files; here is only what rows refer to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.errors import NotFoundError
from mailer.model import MailingList, SubscriptionState
from mailer.store.database import insert_absent
from mailer.store.tables import lists, subscriptions


def ensure(connection: Connection, mailing_list: MailingList) -> int:
    """The list's number; makes the row when it is missing, and follows a definition that was changed."""
    defined = _defined(mailing_list)
    query = sa.select(lists.c.id, *(lists.c[name] for name in defined)).where(lists.c.name == mailing_list.name)
    row = connection.execute(query).first()
    if row is None:
        # Another process may make it at this moment; then its row is found.
        insert_absent(connection, lists, {"name": mailing_list.name, **defined})
        return int(connection.execute(sa.select(lists.c.id).where(lists.c.name == mailing_list.name)).scalar_one())
    if tuple(row)[1:] != tuple(defined.values()):
        connection.execute(sa.update(lists).where(lists.c.id == row.id).values(defined))
    return int(row.id)


def _defined(mailing_list: MailingList) -> dict[str, str | int | None]:
    """What the database knows of a definition."""
    issues, days = mailing_list.cap or (None, None)
    return {"title": mailing_list.title, "cap_issues": issues, "cap_days": days}


def ids(connection: Connection, names: Sequence[str]) -> list[int]:
    """The numbers of these lists, in their order; each once."""
    query = sa.select(lists.c.name, lists.c.id).where(lists.c.name.in_(names))
    known: dict[str, int] = dict(connection.execute(query).all())
    for name in names:
        if name not in known:
            raise NotFoundError(
                f'list "{name}" has no subscribers yet',
                hint=f"Import some: mailer subscribers import FILE --list {name}",
            )
    return list(dict.fromkeys(known[name] for name in names))


def number(connection: Connection, name: str) -> int | None:
    """The list's number; None when nobody ever was on it."""
    return connection.execute(sa.select(lists.c.id).where(lists.c.name == name)).scalar()


def names(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """The names of the lists with these numbers."""
    query = sa.select(lists.c.id, lists.c.name).where(lists.c.id.in_(numbers))
    return dict(connection.execute(query).all())


def counts(connection: Connection, name: str) -> dict[SubscriptionState, int]:
    """Subscriptions of the list by state, every state named."""
    query = (
        sa.select(subscriptions.c.state, sa.func.count())
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(lists.c.name == name)
        .group_by(subscriptions.c.state)
    )
    return dict.fromkeys(SubscriptionState, 0) | dict(connection.execute(query).all())
