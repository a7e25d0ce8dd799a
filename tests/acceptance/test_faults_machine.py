"""What a machine does to a sender: a full disk, a locked or read-only database, a power cut, a clock that steps back.

Each time there is one clear line, nothing is lost, and sending again once it is mended completes the issue.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailer.app import open_mailer
from mailer.model import DeliveryState, IssueState
from mailer.services.sending.freezing import freeze_issue, plan_send
from mailer.services.sending.results import SendOptions
from mailer.services.sending.sender import send_frozen
from mailer.workspace import Workspace
from tests.acceptance.forking import Fork
from tests.acceptance.killing import Bench, Cell, check_clear, prepared, until
from tests.cli.campaign import ISSUE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
SENDGRID = Cell("sendgrid", 1, "sqlite", people=300, batch=10)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@needs_root
@pytest.mark.parametrize(
    ("provider", "words"),
    # Whichever of the two is written first: mails or the ledger.
    [("smtp", ["the disk is full"]), ("outbox", [])],
    ids=["smtp", "outbox"],
)
def test_a_full_disk(provider: str, words: list[str], tmp_path: Path, fork: Fork) -> None:
    """The disk of the workspace, with the database on it, fills up while mails are being sent."""
    cell = Cell(provider, 1, "sqlite", people=300, batch=10)
    with small_disk(tmp_path / "disk", 40_000) as disk, prepared(cell, disk, fork, [0.01]) as bench:
        sender = bench.start()
        until(sender, lambda: bench.count() >= 50)
        filler = disk / "filler"
        fill_up(filler)
        check_clear(sender, *words)
        check_clear(bench.start(), *words)
        filler.unlink()
        bench.check_completed(cell.in_flight * 2)


def fill_up(file: Path) -> None:
    with file.open("wb", buffering=0) as opened:
        try:
            while opened.write(bytes(4096)) == 4096:
                pass
        except OSError:
            return


@contextmanager
def locked(bench: Bench) -> Iterator[None]:
    """Another process holds the database, as one that writes for long would."""
    with closing(sqlite3.connect(bench.folder / "mailer.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("provider", ["sendgrid", "smtp"])
def test_a_database_that_another_process_holds_for_a_while(provider: str, tmp_path: Path, fork: Fork) -> None:
    """Shorter than it waits for it, and longer than the lease: it goes on by itself."""
    cell = Cell(provider, 1, "sqlite", people=300, batch=10)
    with prepared(cell, tmp_path, fork) as bench:
        sender = bench.start()
        until(sender, lambda: bench.count() >= 50)
        with locked(bench):
            time.sleep(cell.lease + 1)
            assert sender.poll() is None, sender.err.read_text()
        assert sender.wait() in (0, 3), sender.err.read_text()
        bench.check_completed(cell.in_flight)


@needs_root
def test_a_folder_that_cannot_be_written(tmp_path: Path, fork: Fork) -> None:
    """Its disk is mounted read-only in the middle, as a kernel does after an error."""
    with prepared(SENDGRID, tmp_path, fork, [0.01]) as bench:
        sender = bench.start()
        until(sender, lambda: bench.count() >= 50)
        sender.kill()
        taken = bench.count()
        with read_only(tmp_path):
            check_clear(bench.start(), "read-only")
        assert bench.count() == taken
        bench.check_completed(SENDGRID.in_flight)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_clock_that_steps_back(tmp_path: Path, fork: Fork) -> None:
    """By an hour, in the middle: leases and due times that were written before lie in what is now the future."""
    cell = Cell("sendgrid", 4, "sqlite", people=200, batch=10)
    with prepared(cell, tmp_path, fork) as bench:
        stepped = threading.Event()

        def now() -> datetime:
            if bench.count() >= 80:
                stepped.set()
            return datetime.now(UTC) - timedelta(hours=1 if stepped.is_set() else 0)

        with open_mailer(Workspace(tmp_path), bench.environ, now) as program:
            freeze_issue(program, plan_send(program, ISSUE)[0])
            done = send_frozen(program, ISSUE, SendOptions())
        assert stepped.is_set()
        assert (done.state, done.twice) == (IssueState.SENT, 0)
        assert bench.faults(0) == []


def test_after_a_power_cut_all_that_was_unanswered_is_in_doubt(tmp_path: Path, fork: Fork) -> None:
    """A kill leaves one mail of a connection in doubt. After another start of the machine the last answers may be
    missing from the disk, so that every mail of the batch that has none may have been taken."""
    cell = Cell("smtp", 1, "sqlite", people=100, batch=100)
    with prepared(cell, tmp_path, fork, [0.005]) as bench:
        sender = bench.start()
        until(sender, lambda: bench.count() >= 40)
        sender.kill()
        unanswered = bench.ledger().counts()[DeliveryState.SUBMITTING]
        assert unanswered > 1
        with closing(sqlite3.connect(tmp_path / "mailer.db")) as connection:
            connection.execute("UPDATE batches SET boot = 'the start before' WHERE state = 'submitting'")
            connection.commit()
        bench.check_completed(unanswered)
        assert bench.ledger().doubts == unanswered
