"""What a segment asks of one person, read at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.segment.evaluate import Facts
from mailer.audience.segment.nodes import Act
from mailer.model import DeliveryState, SubscriptionState
from mailer.store.segments import KINDS
from mailer.store.tables import deliveries, engagements, issues, lists, subscribers, subscriptions


def facts(connection: Connection, email_key: str, list_id: int | None) -> Facts | None:
    """The facts of the person with this address; None when nobody has it."""
    person = connection.execute(sa.select(subscribers).where(subscribers.c.email_key == email_key)).first()
    if person is None:
        return None
    query = sa.select(lists.c.id, lists.c.name, subscriptions.c.state, subscriptions.c.created_at)
    query = query.join(subscriptions, subscriptions.c.list_id == lists.c.id)
    own = connection.execute(query.where(subscriptions.c.subscriber_id == person.id)).all()
    joined = next((row.created_at for row in own if row.id == list_id), None)
    return Facts(
        email_key=email_key,
        domain=person.domain,
        attributes=person.attributes,
        joined=person.created_at if list_id is None else joined,
        lists=frozenset(row.name for row in own if row.state is SubscriptionState.CONFIRMED),
        acts=_acts(connection, person.id),
    )


def _acts(connection: Connection, number: int) -> Mapping[Act, Mapping[str, datetime]]:
    """An issue was received when it began: the same for all of its people."""
    mine = sa.select(issues.c.name, issues.c.started_at).join(deliveries, deliveries.c.issue_id == issues.c.id)
    mine = mine.where(deliveries.c.subscriber_id == number, deliveries.c.state == DeliveryState.ACCEPTED)
    acts: dict[Act, Mapping[str, datetime]] = {Act.RECEIVED: dict(connection.execute(mine).all())}
    for act, kinds in KINDS.items():
        last = sa.select(issues.c.name, sa.func.max(engagements.c.at))
        last = last.join(engagements, engagements.c.issue_id == issues.c.id).group_by(issues.c.name)
        rows = connection.execute(last.where(engagements.c.subscriber_id == number, engagements.c.kind.in_(kinds)))
        acts[act] = dict(rows.all())
    return acts
