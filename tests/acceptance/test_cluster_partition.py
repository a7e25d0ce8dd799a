"""A host that loses its network to the database and keeps the one to the provider: network namespaces, as root."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailer.model import DeliveryState
from tests.acceptance.cluster import LANES, Cluster, Hosts, hosts, joined, locks_left
from tests.acceptance.forking import Fork
from tests.acceptance.netns import Networks, cabled, server_on, sinks_in
from tests.thoroughness import sized

LOCAL, PROCRASTINATE = LANES[1:]


@contextmanager
def apart(cell: Hosts, folder: Path, fork: Fork, wait: float) -> Iterator[tuple[Cluster, Networks]]:
    """Hosts with a cable each to the database, and a provider that answers after so many seconds."""
    log = folder / "sink.log"
    with (
        cabled(cell.workers) as networks,
        server_on(networks) as server,
        sinks_in(networks, cell.provider, log, [wait]) as port,
        joined(cell, folder, fork, port, log, server=server, networks=networks.names) as cluster,
    ):
        yield cluster, networks


def pull(cluster: Cluster, networks: Networks, number: int) -> None:
    """Between two transactions: who is cut off inside of one keeps what it locked until the server gives it up."""
    for _ in range(100):
        networks.pull(number)
        time.sleep(0.05)
        if not locks_left(cluster.store):
            return
        networks.plug(number)
        # What was lost on the way is sent again, after pauses that grow.
        cluster.until(lambda: not locks_left(cluster.store), "over")
    raise AssertionError("it was always in a transaction")


APART = [hosts("sendgrid", 3, LOCAL), hosts("smtp", 3, PROCRASTINATE)]


@pytest.mark.parametrize("cell", APART[: sized(1, 2)], ids=str)
def test_cut_off_in_the_middle_and_back_again(cell: Hosts, tmp_path: Path, fork: Fork) -> None:
    """The others end the issue. Connected again, its late answers count, and it works as before."""
    with apart(cell, tmp_path, fork, 0.1 if cell.provider == "sendgrid" else 0.01) as (cluster, networks):
        cluster.schedule()
        cluster.start()
        cluster.until_taken(cell.people // 8)
        pull(cluster, networks, 2)
        cluster.until_sent()
        assert cluster.faults(cell.in_flight) == []
        networks.plug(2)
        if cluster.settle():
            cluster.until_sent()
        cluster.stop()
        assert cluster.faults(0) == []
        assert cluster.taken() == Counter(cluster.bench.people)


BETWEEN = [hosts("sendgrid", 2, PROCRASTINATE, people=100), hosts("smtp", 2, LOCAL, people=30)]


@pytest.mark.parametrize("cell", BETWEEN[: sized(1, 2)], ids=str)
def test_cut_off_between_the_point_of_no_return_and_the_record(cell: Hosts, tmp_path: Path, fork: Fork) -> None:
    """What it had begun is in doubt when the other has swept it, and not sent again; its late answers settle it."""
    with apart(cell, tmp_path, fork, 0.5) as (cluster, networks):
        cluster.schedule()
        first, second = cluster.hosts
        second.start()
        # A mail is at the provider, whose answer takes half a second: nothing is written down of it.
        cluster.until_taken(1)
        networks.pull(1)
        begun = cluster.ledger().counts()[DeliveryState.SUBMITTING]
        assert begun >= cluster.count()
        first.start()
        # Cut off in the middle of a transaction, its locks stay until the server ends that.
        cluster.until_sent(100)
        assert cluster.faults(cell.in_flight) == []
        assert 0 < cluster.ledger().counts()[DeliveryState.DOUBTFUL] <= cell.in_flight
        networks.plug(1)
        if cluster.settle():
            cluster.until_sent()
        cluster.stop()
        assert cluster.faults(0) == []
        assert cluster.taken() == Counter(cluster.bench.people)
