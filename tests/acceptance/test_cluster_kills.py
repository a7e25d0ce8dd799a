"""The promise over several hosts, with every engine: workers that are killed and come back, and some that never do.

What the sink logged is compared with the ledger, person by person. `bench/kill.py --workers` does it at full size.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.cluster import LANES, Hosts, hosts, run_cell
from tests.acceptance.forking import Fork

# Each provider with each engine and database, each number of workers with each: every pair of them is somewhere.
CELLS = [
    hosts("sendgrid" if (number + workers // 2) % 2 else "smtp", workers, lane)
    for number, lane in enumerate(LANES)
    for workers in (1, 2, 4)
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_nobody_twice_and_nobody_lost(cell: Hosts, tmp_path: Path, fork: Fork) -> None:
    found = run_cell(cell, tmp_path, fork)
    assert found.faults == []
    assert found.kills == cell.kills
    assert (found.twice, found.lost, found.taken) == (0, 0, cell.people)
