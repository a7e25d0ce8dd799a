"""The promise over several hosts, with every engine: workers that are killed and come back, and some that never do.

What the sink logged is compared with the ledger, person by person. `bench/kill.py --workers` does it at full size.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.cluster import LANES, Hosts, hosts, run_cell
from tests.acceptance.forking import Fork

SQLITE, SERVER, PROCRASTINATE = LANES
# Each engine with 1, 2 and 4 workers, each database and each engine with both providers. All of them: bench.kill.
CELLS = [
    hosts("smtp", 1, SQLITE),
    hosts("sendgrid", 4, SQLITE),
    hosts("sendgrid", 2, SERVER),
    hosts("smtp", 4, SERVER),
    hosts("sendgrid", 1, PROCRASTINATE),
    hosts("smtp", 2, PROCRASTINATE),
    hosts("sendgrid", 4, PROCRASTINATE),
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_nobody_twice_and_nobody_lost(cell: Hosts, tmp_path: Path, fork: Fork) -> None:
    found = run_cell(cell, tmp_path, fork)
    assert found.faults == []
    assert found.kills == cell.kills
    assert (found.twice, found.lost, found.taken) == (0, 0, cell.people)
