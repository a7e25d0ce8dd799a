"""Real workers seen from outside by `mailer work --status`: there, in good order gone, killed."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.commands import run, told, workspace
from tests.acceptance.test_work import end, wait_until, working


def count(folder: Path, table: str, where: str = "1") -> int:
    """Rows of a table; asked often, so not by a command."""
    with closing(sqlite3.connect(folder / "mailer.db")) as connection:
        query = f"SELECT count(*) FROM {table} WHERE {where}"  # noqa: S608
        return int(connection.execute(query).fetchone()[0])


def test_a_worker_is_seen_until_it_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace(tmp_path)
    run(tmp_path, "db", "upgrade")
    with working(tmp_path) as process:
        # What the clock asks for is done: else it would wait for the next one.
        wait_until(lambda: count(tmp_path, "workers") == 1 and count(tmp_path, "jobs", "state = 'done'") == 1)
        (seen,) = told(tmp_path, "work", "--status", "--here")["workers"]
        assert (seen["process"], seen["state"], seen["engine"]) == (process.pid, "idle", "local")
        assert end(process)[0] == 0
    (seen,) = told(tmp_path, "work", "--status")["workers"]
    assert (seen["process"], seen["state"]) == (process.pid, "gone")
    with working(tmp_path) as process:
        wait_until(lambda: count(tmp_path, "workers") == 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    # The ten seconds are not waited for.
    monkeypatch.setattr("mailer.services.hosts.SILENT", timedelta())
    assert f"(process {process.pid}) has been silent for" in run(tmp_path, "work", "--status", code=3)
