"""What proves that a mail was accepted although nobody wrote down the answer: an event of the provider about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.states import SHOWN_BATCH_MOVES, SHOWN_DELIVERY_MOVES, sources
from mailer.model import BatchState, DeliveryState
from mailer.store.holding import DROPPING
from mailer.store.picking import picked
from mailer.store.settling import settle
from mailer.store.tables import batches, deliveries

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 400

UNKNOWN = deliveries.c.state.in_(sources(DeliveryState.ACCEPTED))
AGAIN = deliveries.c.state.in_(SHOWN_DELIVERY_MOVES)

SHOWN = "shown by what the provider reported of it"
"""The detail of a delivery that was settled so: the same whichever report came first."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a report shows of a delivery: that its mail `left`, or only that the provider had taken it with a `batch`.

    A batch of 0 is one that the provider does not tell.
    """

    delivery_id: int
    left: bool = True
    batch: int = 0

    def holds(self, state: DeliveryState, batch_id: int) -> bool:
        """Whether it settles a delivery that is in this state, and in this batch now.

        What was taken with another batch may have been dropped since, and is on its way again.
        """
        return self.left or (state is not DeliveryState.PENDING and self.batch in (0, batch_id))


def accept(connection: Connection, delivery_id: int, detail: str, now: datetime) -> bool:
    """A delivery in doubt is proven accepted. False when it is in no doubt."""
    return bool(accept_all(connection, [Proof(delivery_id)], now, detail))


def accept_all(connection: Connection, proofs: Iterable[Proof], now: datetime, detail: str = SHOWN) -> Counter[int]:
    """Deliveries are proven accepted; how many doubts that settled, by issue.

    One that is still being handed over is accepted as well, so that its sender's death cannot make a doubt of it; what
    became of its batch is for the sender to say, or for the sweep after it. One that waits to be handed over again is
    not, if its batch is still nobody's: it arrived after all.
    """
    # Nearly always nothing is in doubt, and nothing needs to be locked.
    unknown = list(_unknown(connection, proofs))
    settled: Counter[int] = Counter()
    if not unknown:
        return settled
    of_batch: defaultdict[int, list[int]] = defaultdict(list)
    for delivery_id, batch_id in unknown:
        of_batch[batch_id].append(delivery_id)
    # Batches before deliveries, in their order: as everybody does who settles something.
    for batch_id, numbers in sorted(of_batch.items()):
        query = sa.select(batches.c.issue_id, batches.c.state, batches.c.owner, batches.c.send_at)
        batch = connection.execute(query.where(batches.c.id == batch_id).with_for_update()).one()
        # That the provider took it says nothing about a batch which it was told to drop before its time.
        if batch.owner == DROPPING and batch.send_at > now:
            continue
        waits = batch.state in SHOWN_BATCH_MOVES
        for chunk in _chunks(numbers):
            where = sa.and_(deliveries.c.id.in_(chunk), deliveries.c.batch_id == batch_id, AGAIN if waits else UNKNOWN)
            settled[batch.issue_id] += _accept(connection, where, now, detail)
        if waits:
            _close(connection, batch_id, now)
        else:
            settle(connection, batch_id, batch.owner, now)
    return +settled


def _unknown(connection: Connection, proofs: Iterable[Proof]) -> Iterator[tuple[int, int]]:
    """Those of these deliveries whose fate nobody wrote down, each with its batch."""
    about: defaultdict[int, list[Proof]] = defaultdict(list)
    for proof in proofs:
        about[proof.delivery_id].append(proof)
    query = sa.select(deliveries.c.id, deliveries.c.batch_id, deliveries.c.state).where(sa.or_(UNKNOWN, AGAIN))
    for these, _ in picked(connection, deliveries.c.id, about):
        for row in connection.execute(query.where(these)):
            if any(proof.holds(row.state, row.batch_id) for proof in about[row.id]):
                yield row.id, row.batch_id


def _accept(connection: Connection, where: sa.ColumnElement[bool], now: datetime, detail: str) -> int:
    """Accept deliveries of a batch that is locked; how many of them had no sender any more."""
    # They are asked once more: one that was moved to another batch since is found there the next time.
    query = sa.select(sa.func.count()).where(where, deliveries.c.state != DeliveryState.SUBMITTING)
    doubts = connection.execute(query).scalar_one()
    values = {"state": DeliveryState.ACCEPTED, "detail": detail, "due_at": None, "updated_at": now}
    connection.execute(sa.update(deliveries).where(where).values(**values))
    return doubts


def _close(connection: Connection, batch_id: int, now: datetime) -> None:
    """A batch that was to be handed over again is not, once everybody in it had it."""
    left = sa.exists().where(deliveries.c.batch_id == batches.c.id, deliveries.c.state == DeliveryState.PENDING)
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch_id, batches.c.state.in_(SHOWN_BATCH_MOVES), ~left)
        .values(state=BatchState.ACCEPTED, due_at=None, updated_at=now)
    )


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), CHUNK):
        yield numbers[start : start + CHUNK]
