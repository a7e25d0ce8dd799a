"""An alert in the middle of a bulletin, and the rates of two providers, over several hosts.

    .venv/bin/python -m bench.alert [--people 1000000] [--alert 400] [--workers 4] [--engine procrastinate]
                                    [--rate 6000] [--seconds 70]

A bulletin to a million people is on its way over `mailer work` on so many hosts, one half of which hands over to a
server in SendGrid's shape and the other to a mail server, each at no more than the rate (mails a minute). In the middle
an alert is due. Told is when its first and its last mail were at a server, counted from the moment it was scheduled,
and the most mails that each server took in any 60 seconds. Then the bulletin is cancelled. Exit code 1 when the alert
took longer than 5 seconds from its first mail, a rate was exceeded, or anybody got an issue twice.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance import sinks
from tests.acceptance.cluster import Cluster, Hosts, hosts, joined
from tests.acceptance.forking import forking
from tests.acceptance.rates import ALERT, by_provider, most_in, over_smtp, write_alert
from tests.cli.campaign import ISSUE

LONGEST = 5.0
"""Seconds that an alert may take from its first mail to its last."""


@contextmanager
def both(cell: Hosts, folder: Path) -> Iterator[Cluster]:
    """Hosts of which every second one uses the mail server."""
    log = folder / "sink.log"
    with (
        forking() as fork,
        sinks.running("sendgrid", log, waits=[0.02]) as http,
        sinks.running("smtp", log, waits=[0.001]) as smtp,
        joined(cell, folder, fork, http, log) as cluster,
    ):
        for host in cluster.hosts[1::2]:
            over_smtp(host, smtp)
        yield cluster


def wait(seconds: float) -> None:
    print(f"  {seconds:.0f} s", flush=True)
    time.sleep(seconds)


def measured(cluster: Cluster, given: argparse.Namespace) -> list[str]:
    """Send, and say what went wrong."""
    alerted = set(write_alert(cluster, given.alert))
    began = time.monotonic()
    cluster.schedule()
    cluster.start()
    cluster.until_taken(100, 600)
    print(f"the bulletin's first mails left after {time.monotonic() - began:.1f} s", flush=True)
    wait(given.seconds / 2)
    before = cluster.count()
    cluster.schedule(ALERT)
    scheduled = time.time()
    cluster.until(lambda: cluster.issue(ALERT) == "sent", "the alert is sent", 120, 0.1)
    its = sorted(each.at for each in cluster.reader.read() if each.address in alerted)
    wait(max(0.0, given.seconds / 2 - (time.time() - scheduled)))
    cluster.tell("cancel", ISSUE, "--yes")
    cluster.stop()
    first, last = its[0] - scheduled, its[-1] - its[0]
    print(f"the alert, after {before:,} mails of the bulletin: its first mail {first:.2f} s after it was scheduled,")
    print(f"its last {last:.2f} s after its first ({len(its):,} mails)")
    faults = [] if last <= LONGEST else [f"the alert took {last:.1f} s"]
    for provider, times in by_provider(cluster.reader.read()).items():
        most = most_in(times, 60)
        print(f"{provider}: {len(times):,} mails, at most {most:,} in any 60 s, {most_in(times, 1):,} in any 1 s")
        faults += [f"{provider}: {most:,} in 60 s"] if most > given.rate else []
    twice = sum(count > 1 for count in cluster.taken().values())
    return [*faults, f"{twice} twice"] if twice else faults


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--alert", type=int, default=400)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--engine", choices=("local", "procrastinate"), default="procrastinate")
    parser.add_argument("--rate", type=int, default=6000, help="mails a minute for each of the two providers")
    parser.add_argument("--seconds", type=float, default=70, help="how long the bulletin goes on")
    given = parser.parse_args(words)
    cell = hosts(
        "sendgrid", given.workers, (given.engine, "postgresql"),
        people=given.people, batch=1000, lease=30.0, limits=f"max_rate = {given.rate}\n",
    )  # fmt: skip
    print(f"{given.people:,} people, {given.workers} workers, {given.engine}, {given.rate:,} a minute", flush=True)
    with tempfile.TemporaryDirectory(prefix="mailer-alert-") as folder, both(cell, Path(folder)) as cluster:
        faults = measured(cluster, given)
    print(*(faults or ["as promised"]), sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
