"""Writing down receipts: what is the same for many deliveries in a row is one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.outcomes import Answer, Tried, answer
from mailer.delivery.states import sources
from mailer.model import DeliveryState, Receipt
from mailer.store.batching import HeldBatch
from mailer.store.tables import deliveries


class Run(NamedTuple):
    """Deliveries whose numbers follow each other, with one answer for all of them."""

    first: int
    last: int
    answer: Answer


def write_answers(connection: Connection, batch: HeldBatch, receipts: Iterable[Receipt], now: datetime) -> int:
    """Write down what became of deliveries of a batch; how many that settled."""
    by_state: defaultdict[DeliveryState, list[dict[str, Any]]] = defaultdict(list)
    for run in runs(receipts, batch.tried, now):
        by_state[run.answer.state].append(
            {
                "first": run.first,
                "last": run.last,
                "new_detail": run.answer.detail,
                "new_provider_id": run.answer.provider_id,
                "new_due_at": run.answer.due_at,
            }
        )
    written = 0
    for state, rows in by_state.items():
        common = {"its_batch": batch.id, "now": now}
        written += connection.execute(_update(state), [row | common for row in rows]).rowcount
    return written


def runs(receipts: Iterable[Receipt], tried: Tried, now: datetime) -> Iterator[Run]:
    """Receipts in the order of the deliveries' numbers. Of two for one delivery the first one counts."""
    first = last = -1
    same: Receipt | None = None
    for receipt in sorted(receipts, key=attrgetter("delivery_id")):
        number = receipt.delivery_id
        if same is not None and number == last:
            continue
        if same is not None and number == last + 1 and _says(receipt) == _says(same):
            last = number
            continue
        if same is not None:
            yield Run(first, last, answer(same, tried, now))
        first, last, same = number, number, receipt
    if same is not None:
        yield Run(first, last, answer(same, tried, now))


_says = attrgetter("outcome", "detail", "provider_id", "retry_after")


@cache
def _update(state: DeliveryState) -> sa.Update:
    """Deliveries from `first` to `last` of a batch become that, those which may."""
    column = deliveries.c
    numbers = column.id.between(sa.bindparam("first"), sa.bindparam("last"))
    # As an expression: a database that took the index over batches would read the whole batch for each run.
    of_batch = column.batch_id + 0 == sa.bindparam("its_batch")
    # Equals and not IN, whose parameters cannot be sent for many rows at once.
    may = sa.or_(*(column.state == old for old in sources(state)))
    return (
        sa.update(deliveries)
        .where(numbers, of_batch, may)
        .values(
            state=state,
            detail=sa.bindparam("new_detail"),
            provider_id=sa.bindparam("new_provider_id"),
            due_at=sa.bindparam("new_due_at", type_=column.due_at.type),
            updated_at=sa.bindparam("now", type_=column.updated_at.type),
        )
    )
