"""Jots on a PostgreSQL server: on its disk when they are committed, many in one transaction.

Two statements for all of them, in the driver's own words: five of SQLAlchemy's take it four times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from mailer.delivery.outcomes import Answer, answer
from mailer.model import BatchState
from mailer.store.database import Store
from mailer.store.jots import Jot, Standing, meaning, stamp

# Held in their order, as everybody holds batches.
_BATCHES = """
SELECT b.id, b.owner, b.state, i.state, b.lease_until, i.not_after, b.attempts, coalesce(i.started_at, i.frozen_at)
FROM batches b JOIN issues i ON i.id = b.issue_id WHERE b.id = ANY(%s) ORDER BY b.id FOR UPDATE OF b"""
_UPDATE = """
UPDATE deliveries d
SET state = said.state, detail = said.detail, provider_id = said.provider_id, due_at = said.due_at, updated_at = %s
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[])
  AS said(id, batch_id, state, detail, provider_id, due_at)
WHERE d.id = said.id AND d.batch_id = said.batch_id AND d.state = 'submitting'"""
_LENGTHEN = "UPDATE batches SET lease_until = %s WHERE id = ANY(%s)"


class ServerPad:
    """Jots of one process on a server. One thread at a time."""

    def __init__(self, store: Store, lease: timedelta) -> None:
        self._store = store
        self._lease = lease

    def write(self, jots: Sequence[Jot], now: datetime) -> None:
        """All of them, or StoreError and none."""
        with self._store.write() as connection:
            rows = connection.exec_driver_sql(_BATCHES, ([jot.batch_id for jot in jots],)).all()
            found = {(number, owner): meaning(tuple(rest)) for number, owner, *rest in rows}
            said: dict[int, tuple[Jot, Answer]] = {}
            for jot in jots:
                standing, tried = found.get((jot.batch_id, jot.owner), (None, None))
                jot.go_on = False
                if standing is None or tried is None:
                    continue
                jot.late = standing.state is BatchState.DOUBTFUL
                if standing.state is BatchState.SUBMITTING:
                    # Of two answers for one mail the first one counts.
                    said.setdefault(jot.receipt.delivery_id, (jot, answer(jot.receipt, tried, now)))
                    jot.go_on = standing.may_go_on(now)
            self._write(connection, list(said.values()), now)
            self._lengthen(
                connection, {jot.batch_id: found[jot.batch_id, jot.owner][0] for jot, _ in said.values()}, now
            )

    def close(self) -> None:
        """The connections are the store's."""

    def _write(self, connection: Connection, said: Sequence[tuple[Jot, Answer]], now: datetime) -> None:
        if not said:
            return
        columns: list[Any] = [
            [jot.receipt.delivery_id for jot, _ in said],
            [jot.batch_id for jot, _ in said],
            [answer.state.value for _, answer in said],
            [answer.detail for _, answer in said],
            [answer.provider_id for _, answer in said],
            [stamp(answer.due_at) for _, answer in said],
        ]
        connection.exec_driver_sql(_UPDATE, (stamp(now), *columns))

    def _lengthen(self, connection: Connection, standings: dict[int, Standing], now: datetime) -> None:
        if short := [number for number, standing in standings.items() if standing.is_short(self._lease, now)]:
            connection.exec_driver_sql(_LENGTHEN, (stamp(now + self._lease), short))
