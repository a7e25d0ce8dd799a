"""Jots in a SQLite file.

A connection of their own with `synchronous = NORMAL`: what it commits is in the log as soon as the system has it, and
is not waited for until it is on the disk, which takes a hundred times as long as the rest. SQLite promises in WAL mode
(https://sqlite.org/pragma.html#pragma_synchronous) that the file stays sound, that a transaction survives the death
of the process, and that a power cut may take the last ones back. So a killed sender loses no answer; and after another
start of the machine (`Marks.boot`) `sweep` believes none to be missing, and puts all that is unanswered in doubt. The
point of no return is committed as everything else, on the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from mailer.delivery.outcomes import Tried, answer
from mailer.model import BatchState
from mailer.store.database import Store, store_error
from mailer.store.jots import Jot, Standing, meaning, stamp

_BATCH = """
SELECT b.state, i.state, b.lease_until, i.not_after, b.attempts, coalesce(i.started_at, i.frozen_at)
FROM batches b JOIN issues i ON i.id = b.issue_id WHERE b.id = ? AND b.owner = ?"""
_LENGTHEN = "UPDATE batches SET lease_until = ? WHERE id = ?"


# While its batch is on its way, a delivery that has no answer yet is as well.
_UPDATE = """
UPDATE deliveries SET state = ?, detail = ?, provider_id = ?, due_at = ?, updated_at = ?
WHERE id = ? AND batch_id = ? AND state = 'submitting'"""

# Of so many batches it is remembered what their rows meant.
KNOWN = 64


class FilePad:
    """Jots of one process in a file. One thread at a time."""

    def __init__(self, store: Store, lease: timedelta) -> None:
        self._store = store
        self._lease = lease
        self._opened: sqlite3.Connection | None = None
        self._known: dict[tuple[Any, ...], tuple[Standing, Tried]] = {}

    def write(self, jots: Sequence[Jot], now: datetime) -> None:
        """All of them, or StoreError and none."""
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            self._all(connection, jots, now)
            connection.execute("COMMIT")
        except BaseException as error:
            # A connection that failed may still be in its transaction: the next jot gets a new one.
            self.close()
            if isinstance(error, sqlite3.Error):
                raise store_error(error, self._store.name) from error
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        opened, self._opened = self._opened, None
        if opened is not None:
            with suppress(sqlite3.Error):
                opened.close()

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            pooled = self._store.engine.raw_connection()
            opened = pooled.driver_connection
            assert isinstance(opened, sqlite3.Connection)
            # Ours from now on: with its other setting it must not come back to those who rely on FULL.
            pooled.detach()
            self._opened = opened
            for pragma in ("synchronous = NORMAL", "query_only = OFF"):
                opened.execute(f"PRAGMA {pragma}").close()
        return self._opened

    def _all(self, connection: sqlite3.Connection, jots: Sequence[Jot], now: datetime) -> None:
        known: dict[tuple[int, str], tuple[Standing, Tried] | None] = {}
        written = stamp(now)
        for jot in jots:
            key = (jot.batch_id, jot.owner)
            if key not in known:
                known[key] = self._looked_up(connection, jot, now)
            found = known[key]
            if found is None:
                jot.go_on = False
                continue
            standing, tried = found
            if standing.state is not BatchState.SUBMITTING:
                jot.late, jot.go_on = standing.state is BatchState.DOUBTFUL, False
                continue
            said = answer(jot.receipt, tried, now)
            what = (said.state.value, said.detail, said.provider_id, stamp(said.due_at), written)
            connection.execute(_UPDATE, (*what, jot.receipt.delivery_id, jot.batch_id))
            jot.go_on = standing.may_go_on(now)

    def _looked_up(self, connection: sqlite3.Connection, jot: Jot, now: datetime) -> tuple[Standing, Tried] | None:
        row = connection.execute(_BATCH, (jot.batch_id, jot.owner)).fetchone()
        if row is None:
            return None
        found = self._known.get(row)
        if found is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            found = self._known[row] = meaning(row)
        standing, _ = found
        if standing.state is BatchState.SUBMITTING and standing.is_short(self._lease, now):
            connection.execute(_LENGTHEN, (stamp(now + self._lease), jot.batch_id))
        return found
