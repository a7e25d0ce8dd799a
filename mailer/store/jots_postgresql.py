"""Jots on a PostgreSQL server: on its disk when they are committed, many in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import BatchState
from mailer.store.answering import write_answers
from mailer.store.batching import HeldBatch, hold_batches
from mailer.store.database import Store
from mailer.store.jots import Jot, Standing
from mailer.store.tables import batches, issues


class ServerPad:
    """Jots of one process on a server. One thread at a time."""

    def __init__(self, store: Store, lease: timedelta) -> None:
        self._store = store
        self._lease = lease

    def write(self, jots: Sequence[Jot], now: datetime) -> None:
        """All of them, or StoreError and none."""
        by_batch: defaultdict[tuple[int, str], list[Jot]] = defaultdict(list)
        for jot in jots:
            by_batch[jot.batch_id, jot.owner].append(jot)
        with self._store.write() as connection:
            mine = sa.or_(*(sa.and_(batches.c.id == number, batches.c.owner == owner) for number, owner in by_batch))
            held = {batch.id: batch for batch in hold_batches(connection, mine)}
            standings = self._standings(connection, list(held))
            for (number, _), its_jots in by_batch.items():
                if number in held:
                    self._one(connection, (held[number], standings[number]), its_jots, now)
        for jot in jots:
            jot.go_on = bool(jot.go_on)

    def close(self) -> None:
        """The connections are the store's."""

    def _standings(self, connection: Connection, numbers: Sequence[int]) -> dict[int, Standing]:
        query = (
            sa.select(batches.c.id, batches.c.state, issues.c.state, batches.c.lease_until, issues.c.not_after)
            .join_from(batches, issues, issues.c.id == batches.c.issue_id)
            .where(batches.c.id.in_(numbers))
        )
        return {number: Standing(*rest) for number, *rest in connection.execute(query)}

    def _one(
        self, connection: Connection, found: tuple[HeldBatch, Standing], jots: Sequence[Jot], now: datetime
    ) -> None:
        batch, standing = found
        if batch.state is not BatchState.SUBMITTING:
            for jot in jots:
                jot.late = batch.state is BatchState.DOUBTFUL
            return
        write_answers(connection, batch, [jot.receipt for jot in jots], now)
        if standing.is_short(self._lease, now):
            lengthen = sa.update(batches).where(batches.c.id == batch.id)
            connection.execute(lengthen.values(lease_until=now + self._lease))
        for jot in jots:
            jot.go_on = standing.may_go_on(now)
