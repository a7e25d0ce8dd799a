"""Hosts that are frozen, hosts that never return, and a database that goes away, with every engine."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.model import DeliveryState
from tests import postgres
from tests.acceptance.cluster import LANES, Cluster, Hosts, ended, ended_workers, freeze, gathered, hosts, kill_for_good
from tests.acceptance.forking import Fork
from tests.acceptance.test_faults_server import DURABLE

SERVERS = LANES[1:]


def begun(cluster: Cluster) -> None:
    """An issue of which an eighth is sent, by all hosts."""
    cluster.schedule()
    cluster.start()
    cluster.until_taken(cluster.cell.people // 8)


# Each answer takes so long that a freeze or a kill is in the middle of calls.
FROZEN = [
    (hosts("sendgrid", 2, LANES[0], people=240), [0.3]),
    (hosts("smtp", 2, LANES[1], people=160), [0.03]),
    (hosts("sendgrid", 4, LANES[2], people=320), [0.3]),
]


@pytest.mark.parametrize(("cell", "waits"), FROZEN, ids=[str(cell) for cell, _ in FROZEN])
def test_one_that_was_frozen_for_longer_than_its_lease(
    cell: Hosts, waits: list[float], tmp_path: Path, fork: Fork
) -> None:
    """The others end the issue meanwhile. Then it hears its late answers, which settle its own doubts."""
    with gathered(cell, tmp_path, fork, waits) as cluster:
        begun(cluster)
        victim = freeze(cluster)
        cluster.until_sent()
        assert cluster.faults(cell.in_flight) == []
        doubts = cluster.ledger().counts()[DeliveryState.DOUBTFUL]
        victim.signal(signal.SIGCONT)
        cluster.until(lambda: cluster.ledger().doubts == 0, "settled by the late answers")
        # Frozen before it wrote a byte, its late answer is that nothing was sent: those mails go out now.
        cluster.until_sent()
        # What it had only claimed it must not begin any more.
        assert cluster.faults(0) == []
        cluster.stop()
        assert cluster.taken() == Counter(cluster.bench.people)
        assert doubts, "nothing was on its way: the freeze was beside the point"


LOST = [hosts("smtp", 4, SERVERS[0]), hosts("sendgrid", 4, SERVERS[1])]


@pytest.mark.parametrize("cell", LOST, ids=str)
def test_two_of_four_hosts_never_return(cell: Hosts, tmp_path: Path, fork: Fork) -> None:
    """The others take over what they had, a lease later and not much."""
    started = time.monotonic()
    with gathered(cell, tmp_path, fork) as cluster:
        begun(cluster)
        takeovers = kill_for_good(cluster, cluster.hosts[2:])
        found = ended(cluster, 2, started, takeovers)
    assert found.faults == []
    assert (found.twice, found.lost, found.taken) == (0, 0, cell.people)
    # The last look at leases is at most some seconds after their end, also on a machine with other things to do.
    assert all(seconds < cell.lease * 2 + 6 for seconds in takeovers), takeovers


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """One that may be stopped."""
    started = postgres.start(*DURABLE)
    yield started
    started.stop()


@pytest.mark.parametrize("cell", [hosts("sendgrid", 2, SERVERS[0]), hosts("smtp", 2, SERVERS[1])], ids=str)
def test_the_database_is_restarted_twice_and_everybody_comes_back(
    cell: Hosts, tmp_path: Path, fork: Fork, server: postgres.Server
) -> None:
    """Fast, as an upgrade does it, and at once, as a crash: no worker ends, and nobody has to start one again."""
    begun_at = time.monotonic()
    with gathered(cell, tmp_path, fork, server=server) as cluster:
        begun(cluster)
        for number, how in enumerate((signal.SIGINT, signal.SIGQUIT), 2):
            restart(server, how)
            if number < 3:
                cluster.until_taken(cell.people * number // 6)
        found = ended(cluster, cell.workers * 2, begun_at)
        assert ended_workers(cluster) == []
    assert found.faults == []
    assert (found.twice, found.lost, found.taken) == (0, 0, cell.people)


def restart(server: postgres.Server, how: signal.Signals) -> None:
    """The server is away for a moment."""
    server.process.send_signal(how)
    server.process.wait(30)
    time.sleep(0.3)
    server.process = postgres.launch(server.bin, server.folder, DURABLE)
