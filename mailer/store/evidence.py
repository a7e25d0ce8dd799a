"""What proves that a mail was accepted although nobody wrote down the answer: an event of the provider about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import sources
from mailer.model import DeliveryState
from mailer.store.holding import DROPPING
from mailer.store.settling import settle
from mailer.store.tables import batches, deliveries

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 400

UNKNOWN = deliveries.c.state.in_(sources(DeliveryState.ACCEPTED))

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
    # Nearly always nothing is in doubt, and nothing needs to be locked.
    unknown = list(_unknown(connection, sorted(set(delivery_ids))))
    settled: Counter[int] = Counter()
    if not unknown:
        return settled
    of_batch: defaultdict[int, list[int]] = defaultdict(list)
    for delivery_id, batch_id in unknown:
        of_batch[batch_id].append(delivery_id)
    # Batches before deliveries, in their order: as everybody does who settles something.
    for batch_id, numbers in sorted(of_batch.items()):
        query = sa.select(batches.c.issue_id, batches.c.owner, batches.c.send_at).where(batches.c.id == batch_id)
        batch = connection.execute(query.with_for_update()).one()
        # That the provider took it says nothing about a batch which it was told to drop before its time.
        if batch.owner == DROPPING and batch.send_at > now:
            continue
        for chunk in _chunks(numbers):
            settled[batch.issue_id] += _accept(connection, batch_id, chunk, now, detail)
        settle(connection, batch_id, batch.owner, now)
    return +settled


def _unknown(connection: Connection, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Those of these deliveries whose fate nobody wrote down, each with its batch."""
    for chunk in _chunks(numbers):
        query = sa.select(deliveries.c.id, deliveries.c.batch_id).where(deliveries.c.id.in_(chunk), UNKNOWN)
        for row in connection.execute(query):
            yield row.id, row.batch_id


def _accept(connection: Connection, batch_id: int, numbers: Sequence[int], now: datetime, detail: str) -> int:
    """Accept deliveries of a batch that is locked; how many of them were in doubt."""
    # The batch is asked once more: one that was moved to another since is found there the next time.
    here = sa.and_(deliveries.c.id.in_(numbers), deliveries.c.batch_id == batch_id, UNKNOWN)
    query = sa.select(sa.func.count()).where(here, deliveries.c.state == DeliveryState.DOUBTFUL)
    doubts = connection.execute(query).scalar_one()
    values = {"state": DeliveryState.ACCEPTED, "detail": detail, "due_at": None, "updated_at": now}
    connection.execute(sa.update(deliveries).where(here).values(**values))
    return doubts


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]
