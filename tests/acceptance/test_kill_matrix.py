"""The promise with every provider, one and four connections, on both databases: senders killed at seeded moments.

What the sink logged is compared with the ledger, person by person. `bench/kill.py` does the same at full size.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.acceptance.forking import Fork
from tests.acceptance.killing import CONNECTIONS, DATABASES, PROVIDERS, Cell, run_cell
from tests.thoroughness import sized

CELLS = [
    # The outbox makes each batch durable by syncing the disk: larger ones, so that the disk is not what is waited for.
    Cell(provider, connections, database, sized(260, 400), sized(3, 4), batch=50 if provider == "outbox" else 20)
    for provider, connections, database in itertools.product(PROVIDERS, CONNECTIONS, DATABASES)
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_nobody_twice_and_nobody_lost(cell: Cell, tmp_path: Path, fork: Fork) -> None:
    found = run_cell(cell, tmp_path, fork)
    assert found.faults == []
    assert found.taken + found.ledger.doubts >= cell.people
