"""An issue that is paused or cancelled while it is being sent: what the sink sees after the command has returned."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mailer.model import DeliveryState
from tests.acceptance.forking import Fork
from tests.acceptance.killing import Bench, Cell, prepared, until
from tests.cli.campaign import ISSUE

CELLS = [
    Cell("sendgrid", 4, "sqlite", people=400, batch=10),
    Cell("sendgrid", 1, "postgresql", people=120, batch=10),
    Cell("smtp", 1, "sqlite", people=300, batch=100),
    Cell("smtp", 4, "postgresql", people=400, batch=100),
]


def stopped_in_the_middle(bench: Bench, *words: str) -> tuple[int, dict[str, int]]:
    """The sender's exit code, and what the command said; nothing leaves after it said so."""
    sender = bench.start()
    until(sender, lambda: bench.count() >= bench.cell.people // 8)
    command = bench.start(*words)
    assert command.wait() == 0, command.err.read_text()
    returned = bench.count()
    said: dict[str, int] = json.loads(command.out.read_text())
    code = sender.wait()
    time.sleep(0.1)
    assert bench.count() == returned, "a mail left after the command had returned"
    assert said["in_flight"] == 0
    assert bench.count() < bench.cell.people
    assert said["handed_over"] + said["in_flight"] + said["kept_back"] == bench.cell.people
    return code, said


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_nothing_begins_after_a_pause_and_everybody_gets_it_after_a_resume(
    cell: Cell, tmp_path: Path, fork: Fork
) -> None:
    with prepared(cell, tmp_path, fork) as bench:
        code, _ = stopped_in_the_middle(bench, "pause", ISSUE, "--json")
        assert code == 3
        taken = bench.count()
        again = bench.start()
        assert again.wait() in (1, 3), "it is paused"
        assert "Traceback" not in again.err.read_text()
        assert bench.count() == taken
        assert bench.start("resume", ISSUE).wait() == 0
        last = bench.start()
        assert last.wait() == 0, last.err.read_text()
        assert bench.faults(0) == []


@pytest.mark.parametrize("cell", CELLS[1:3], ids=str)
def test_nothing_begins_after_a_cancellation(cell: Cell, tmp_path: Path, fork: Fork) -> None:
    with prepared(cell, tmp_path, fork) as bench:
        code, _ = stopped_in_the_middle(bench, "cancel", ISSUE, "--yes", "--json")
        assert code in (1, 3)
        counts = bench.ledger().counts()
        assert counts.keys() == {DeliveryState.ACCEPTED, DeliveryState.CANCELLED}
        assert counts[DeliveryState.ACCEPTED] == bench.count() == len(bench.taken())
        assert bench.start().wait() == 1, "it stays so"
        assert bench.count() == counts[DeliveryState.ACCEPTED]
