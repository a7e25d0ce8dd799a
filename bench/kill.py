"""The kill matrix at full size: senders killed a hundred times over 20,000 people, compared person by person.

    .venv/bin/python -m bench.kill [--people 20000] [--kills 100] [--seed N] [--cell sendgrid-4-postgresql ...]

Every provider (outbox, an SMTP server, a server in SendGrid's shape), with 1 and 4 connections, on SQLite and
PostgreSQL. Each sender is a process of its own, killed with SIGKILL at a seeded moment: while the issue is frozen, or
once the server has taken so many mails and a little later. The last one sends to the end. Then the server's log, which
is written before each answer, is compared with the ledger. Exit code 1 when anything contradicts the promise.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from mailer.model import DeliveryState
from tests.acceptance.forking import Fork, forking
from tests.acceptance.killing import CONNECTIONS, DATABASES, PROVIDERS, Cell, Found, run_cell

HEAD = "cell                     kills   taken accepted in doubt  allowed twice  lost     s"


def cells(people: int, kills: int, seed: int) -> list[Cell]:
    made = [Cell(*words) for words in itertools.product(PROVIDERS, CONNECTIONS, DATABASES)]
    # The outbox syncs the disk after each batch: with larger ones the disk is not what is waited for.
    sizes = {"outbox": 100, "smtp": 100, "sendgrid": 20}
    return [replace(cell, people=people, kills=kills, seed=seed, batch=sizes[cell.provider]) for cell in made]


def one(cell: Cell, fork: Fork) -> Found:
    with tempfile.TemporaryDirectory(prefix="mailer-kill-") as folder:
        return run_cell(cell, Path(folder), fork)


def line(found: Found) -> str:
    counts = found.ledger.counts()
    numbers = (
        f"{found.kills:5,}", f"{found.taken:7,}", f"{counts[DeliveryState.ACCEPTED]:8,}", f"{found.ledger.doubts:8,}",
        f"{found.cell.in_flight * found.kills:8,}", f"{found.twice:5,}", f"{found.lost:5,}", f"{found.seconds:5,.0f}",
    )  # fmt: skip
    return f"{found.cell!s:24} {' '.join(numbers)}"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--cell", action="append", help="only this one, such as smtp-4-sqlite; may be repeated")
    given = parser.parse_args(words)
    all_cells = cells(given.people, given.kills, given.seed)
    chosen = [cell for cell in all_cells if given.cell is None or str(cell) in given.cell]
    if given.cell and len(chosen) < len(set(given.cell)):
        parser.error(f"cells are {', '.join(map(str, all_cells))}")
    print(f"{given.people:,} people, {given.kills} kills, seed {given.seed}\n{HEAD}", flush=True)
    faults: list[str] = []
    kills = twice = lost = 0
    with forking() as fork:
        for cell in chosen:
            found = one(cell, fork)
            print(line(found), *(f"  {fault}" for fault in found.faults), sep="\n", flush=True)
            faults += found.faults
            kills, twice, lost = kills + found.kills, twice + found.twice, lost + found.lost
    verdict = "the promise holds" if not faults else f"BROKEN: {len(faults)} contradictions"
    print(f"{verdict}: {kills:,} kills, {twice} twice, {lost} lost")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
