"""People looked up by a part of their address or of what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Subscriber
from mailer.store.subscribers import PERSON
from mailer.store.tables import lists, subscribers, subscriptions


def people_like(
    connection: Connection, text: str, list_names: Sequence[str], limit: int
) -> list[tuple[Subscriber, str]]:
    """People of these lists, in any state, in whose address or attributes the text stands; each with one of the lists.

    Those whose address begins with it come first.
    """
    wanted = text.lower()
    address = subscribers.c.email_key
    known = sa.cast(subscribers.c.attributes, sa.Text)
    # SQLite knows small letters of ASCII only, so what was written as it stands there is looked for as well.
    in_known = sa.func.lower(known).contains(wanted, autoescape=True) | known.contains(text, autoescape=True)
    begins = address.startswith(wanted, autoescape=True)
    query = (
        sa.select(*PERSON, sa.func.min(lists.c.name))
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(lists.c.name.in_(list_names), subscribers.c.forgotten_at.is_(None))
        .where(address.contains(wanted, autoescape=True) | in_known)
        .group_by(subscribers.c.id)
        .order_by(sa.case((begins, 0), else_=1), address)
        .limit(limit)
    )
    return [(Subscriber(*person), name) for *person, name in connection.execute(query)]
