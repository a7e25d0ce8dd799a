"""Servers that go away in the middle of a send: the database's, and the provider's."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import postgres
from tests.acceptance import sinks
from tests.acceptance.forking import Fork
from tests.acceptance.killing import Cell, check_clear, over, prepared, until

# The server that the tests share forgets its last moments when it is killed; a real one does not.
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """One that may be killed."""
    started = postgres.start(*DURABLE)
    yield started
    started.stop()


def kill_and_start(server: postgres.Server) -> None:
    server.process.kill()
    server.process.wait()
    server.process = postgres.launch(server.bin, server.folder, DURABLE)


@pytest.mark.parametrize("cell", [Cell("sendgrid", 4, "postgresql", batch=10), Cell("smtp", 4, "postgresql")], ids=str)
def test_the_database_server_is_killed_and_comes_back(
    cell: Cell, tmp_path: Path, fork: Fork, server: postgres.Server
) -> None:
    with prepared(cell, tmp_path, fork, [0.02], server) as bench:
        sender = bench.start()
        until(sender, lambda: bench.count() >= 50)
        kill_and_start(server)
        # Either it goes on over new connections, or it says what happened.
        if sender.wait() == 1:
            check_clear(sender, "server")
        assert "Traceback" not in sender.err.read_text()
        bench.check_completed(cell.in_flight)


@pytest.mark.parametrize("provider", ["sendgrid", "smtp"])
def test_the_provider_goes_away_and_comes_back(provider: str, tmp_path: Path, fork: Fork) -> None:
    """What was on its way is in doubt; nothing else is, however long the provider stays away."""
    cell = Cell(provider, 4, "sqlite", people=300, batch=10)
    log = tmp_path / "sink.log"
    reader = sinks.Reader(log)
    with (
        sinks.running(provider, log, waits=[0.01]) as port,
        over(cell, tmp_path, fork, port, reader.addresses) as bench,
    ):
        sender = bench.start()
        until(sender, lambda: bench.count() >= 50)
        gone = bench.count()
    # The block's end has taken the sink away.
    time.sleep(1)
    if sender.poll() is None:
        sender.signal(signal.SIGINT)
    check_clear(sender)
    assert bench.ledger().doubts <= cell.in_flight
    with closing(sqlite3.connect(tmp_path / "mailer.db")) as connection:
        # Half a minute later.
        connection.execute("UPDATE batches SET due_at = NULL")
        connection.commit()
    with sinks.running(provider, log, port=port):
        bench.check_completed(cell.in_flight)
    assert bench.count() > gone


def test_a_database_server_ends_the_transaction_of_a_frozen_client(server: postgres.Server) -> None:
    """Else its locks would keep everybody waiting until it wakes up."""
    import sqlalchemy as sa

    from mailer.errors import StoreError
    from mailer.store import postgresql
    from mailer.store.database import open_store

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgresql, "FROZEN_SECONDS", 1)
        frozen, other = open_store(server.create()), None
    try:
        with frozen.change_schema() as connection:
            connection.execute(sa.text("CREATE TABLE things (id INTEGER)"))
        other = open_store(frozen.engine.url.render_as_string(hide_password=False))
        with pytest.raises(StoreError), frozen.write() as connection:
            connection.execute(sa.text("LOCK TABLE things"))
            begun = time.monotonic()
            with other.write() as second:
                second.execute(sa.text("LOCK TABLE things"))
            assert time.monotonic() - begun < 20
        with frozen.read() as connection:
            time.sleep(1.5)  # a reader holds nobody up
            connection.execute(sa.text("SELECT 1"))
    finally:
        frozen.close()
        if other is not None:
            other.close()
