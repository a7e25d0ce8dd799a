"""The kill matrix at full size: senders killed a hundred times over 20,000 people, compared person by person.

    .venv/bin/python -m bench.kill [--people 20000] [--kills 100] [--seed N] [--cell sendgrid-4-postgresql ...]
    .venv/bin/python -m bench.kill --workers 4 [--engine procrastinate] [--provider smtp] [--people 20000] [--kills 100]

Every provider (outbox, an SMTP server, a server in SendGrid's shape), with 1 and 4 connections, on SQLite and
PostgreSQL. Each sender is a process of its own, killed with SIGKILL at a seeded moment: while the issue is frozen, or
once the server has taken so many mails and a little later. The last one sends to the end. Then the server's log, which
is written before each answer, is compared with the ledger. Exit code 1 when anything contradicts the promise.

With `--workers` (may be repeated) the same over so many hosts that run `mailer work` on one database, with each engine
and database: one is killed, and started again at once. Then the doubts are settled, by the reports of the provider or
a person who looked, and everybody must have it once. At last, of as many hosts as there are the half is killed for
good in the middle of an issue, and it is measured how long it takes until others have seen to what those had.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from mailer.model import DeliveryState
from tests.acceptance import cluster
from tests.acceptance.forking import Fork, forking
from tests.acceptance.killing import CONNECTIONS, DATABASES, PROVIDERS, Cell, Found, run_cell

HEAD = "cell                     kills   taken accepted in doubt  allowed twice  lost     s"
CLUSTER_HEAD = (
    "cell                                kills   taken in doubt  allowed twice  lost     s  takeover s: n, median, most"
)
LEASE = 5.0
"""Of the hosts, in seconds. By default a lease is 30, and a takeover as much later."""


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


# --- over several hosts -----------------------------------------------------------------------------------------------


def host_cells(given: argparse.Namespace) -> list[cluster.Hosts]:
    """The product of workers, engines with their databases, and providers that were asked for."""
    lanes = [lane for lane in cluster.LANES if given.engine in (None, lane[0])]
    providers = [each for each in ("sendgrid", "smtp") if given.provider in (None, each)]
    sizes = {"people": given.people, "kills": given.kills, "seed": given.seed, "batch": 20, "lease": LEASE}
    wanted = itertools.product(lanes, given.workers, providers)
    return [cluster.hosts(provider, workers, lane, **sizes) for lane, workers, provider in wanted]


def over_hosts(cell: cluster.Hosts, fork: Fork) -> cluster.Found:
    """Kills with restarts, then the half of all for good."""
    with tempfile.TemporaryDirectory(prefix="mailer-kill-") as folder:
        found = cluster.run_cell(cell, Path(folder), fork)
    for number in range(3 if cell.workers > 1 else 0):
        with tempfile.TemporaryDirectory(prefix="mailer-kill-") as folder:
            more = half_for_good(replace(cell, people=min(cell.people, 2000), seed=cell.seed + number), folder, fork)
        found.takeovers += more.takeovers
        found.faults += [f"half of the hosts for good: {fault}" for fault in more.faults]
    return found


def half_for_good(cell: cluster.Hosts, folder: str, fork: Fork) -> cluster.Found:
    begun, half = time.monotonic(), cell.workers // 2
    with cluster.gathered(cell, Path(folder), fork) as hosts:
        hosts.schedule()
        hosts.start()
        hosts.until_taken(cell.people // 8)
        takeovers = cluster.kill_for_good(hosts, hosts.hosts[half:])
        return cluster.ended(hosts, half, begun, takeovers)


def host_line(found: cluster.Found) -> str:
    numbers = (
        f"{found.kills:5,}", f"{found.taken:7,}", f"{found.doubts:8,}", f"{found.allowed:8,}", f"{found.twice:5,}",
        f"{found.lost:5,}", f"{found.seconds:5,.0f}",
    )  # fmt: skip
    times = found.takeovers
    takeover = f"  {len(times)}, {statistics.median(times):.1f}, {max(times):.1f}" if times else ""
    return f"{found.cell!s:35} {' '.join(numbers)}{takeover}"


# --- all of them ------------------------------------------------------------------------------------------------------


def main(words: list[str]) -> int:
    given, chosen = asked(words)
    print(f"{given.people:,} people, {given.kills} kills, seed {given.seed}", flush=True)
    print(f"a lease of {LEASE:g} s\n{CLUSTER_HEAD}" if given.workers else HEAD, flush=True)
    faults: list[str] = []
    kills = twice = lost = 0
    with forking() as fork:
        for cell in chosen:
            found: Found | cluster.Found
            if isinstance(cell, cluster.Hosts):
                found = over_hosts(cell, fork)
                told = host_line(found)
            else:
                found = one(cell, fork)
                told = line(found)
            print(told, *(f"  {fault}" for fault in found.faults), sep="\n", flush=True)
            faults += found.faults
            kills, twice, lost = kills + found.kills, twice + found.twice, lost + found.lost
    verdict = "the promise holds" if not faults else f"BROKEN: {len(faults)} contradictions"
    print(f"{verdict}: {kills:,} kills, {twice} twice, {lost} lost")
    return 1 if faults else 0


def asked(words: list[str]) -> tuple[argparse.Namespace, list[Cell]]:
    """The arguments, and the cells that they mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--cell", action="append", help="only this one, such as smtp-4-sqlite; may be repeated")
    parser.add_argument("--workers", type=int, action="append", help="over so many hosts; may be repeated")
    parser.add_argument("--engine", choices=("local", "procrastinate"), help="with --workers: only this engine")
    parser.add_argument("--provider", choices=("sendgrid", "smtp"), help="with --workers: only this provider")
    given = parser.parse_args(words)
    if (given.engine or given.provider) and not given.workers:
        parser.error("--engine and --provider go with --workers")
    every: list[Cell] = [*host_cells(given)] if given.workers else cells(given.people, given.kills, given.seed)
    chosen = [cell for cell in every if given.cell is None or str(cell) in given.cell]
    if given.cell and len(chosen) < len(set(given.cell)):
        parser.error(f"cells are {', '.join(map(str, every))}")
    return given, chosen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
