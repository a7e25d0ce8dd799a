"""What proves that a mail was accepted although nobody wrote down the answer: an event of the provider about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import sources
from mailer.model import DeliveryState
from mailer.store.settling import settle
from mailer.store.tables import batches, deliveries

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 400

SHOWN = "shown by what the provider reported of it"
"""The detail of a delivery that was settled so: the same whichever report came first."""


def accept(connection: Connection, delivery_id: int, detail: str, now: datetime) -> bool:
    """A delivery in doubt is proven accepted. False when it is in no doubt."""
    return bool(accept_all(connection, [delivery_id], now, detail))


def accept_all(connection: Connection, delivery_ids: Iterable[int], now: datetime, detail: str = SHOWN) -> Counter[int]:
    """Deliveries are proven accepted; how many doubts that settled, by issue.

    One that is still being handed over is accepted as well, so that its sender's death cannot make a doubt of it; what
    became of its batch is for the sender to say, or for the sweep after it.
    """
    settled: Counter[int] = Counter()
    remaining = sorted(set(delivery_ids))
    for start in range(0, len(remaining), CHUNK):
        settled += _accept(connection, remaining[start : start + CHUNK], now, detail)
    return settled


def _accept(connection: Connection, numbers: Sequence[int], now: datetime, detail: str) -> Counter[int]:
    unknown = sa.and_(deliveries.c.id.in_(numbers), deliveries.c.state.in_(sources(DeliveryState.ACCEPTED)))
    # Nearly always nothing is in doubt, and nothing needs to be locked.
    of = connection.execute(sa.select(deliveries.c.batch_id).where(unknown).distinct()).scalars().all()
    if not of:
        return Counter()
    query = sa.select(batches.c.id, batches.c.issue_id, batches.c.owner).where(batches.c.id.in_(of))
    settled: Counter[int] = Counter()
    # Batches before deliveries, in their order: as everybody does who settles something.
    for batch in connection.execute(query.order_by(batches.c.id).with_for_update()).all():
        here = sa.and_(unknown, deliveries.c.batch_id == batch.id)
        doubts = sa.select(sa.func.count()).where(here, deliveries.c.state == DeliveryState.DOUBTFUL)
        settled[batch.issue_id] += connection.execute(doubts).scalar_one()
        values = {"state": DeliveryState.ACCEPTED, "detail": detail, "due_at": None, "updated_at": now}
        connection.execute(sa.update(deliveries).where(here).values(**values))
        if batch.owner is not None:
            settle(connection, batch.id, batch.owner, now)
    return +settled
