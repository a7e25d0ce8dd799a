"""What several hosts keep together: the provider's rate, a pause, an alert's place before a bulletin, one database."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.model import DeliveryState
from mailer.store.tables import batches
from tests import postgres
from tests.acceptance import sinks
from tests.acceptance.cluster import LANES, WAITS, Cluster, Host, Hosts, gathered, hosts, joined
from tests.acceptance.forking import Fork
from tests.acceptance.rates import ALERT, by_provider, most_in, over_smtp, write_alert
from tests.cli.campaign import ISSUE
from tests.thoroughness import sized

LOCAL, PROCRASTINATE = LANES[1:]


# --- the rate ---------------------------------------------------------------------------------------------------------


def test_four_workers_and_two_providers_each_within_its_rate(tmp_path: Path, fork: Fork) -> None:
    """1,200 a minute for each: bursts of 20, one after the other so that no 60 seconds hold more than 1,200."""
    cell = hosts("sendgrid", 4, PROCRASTINATE, people=240, lease=4.0, limits="max_rate = 1200\n")
    log = tmp_path / "sink.log"
    with (
        sinks.running("sendgrid", log, waits=[0.01]) as http,
        sinks.running("smtp", log, waits=[0.001]) as smtp,
        joined(cell, tmp_path, fork, http, log) as cluster,
    ):
        for host in cluster.hosts[2:]:
            over_smtp(host, smtp)
        cluster.schedule()
        cluster.start()
        cluster.until_sent()
        cluster.stop()
        assert cluster.faults(0) == []
        assert cluster.taken() == Counter(cluster.bench.people)
        times = by_provider(cluster.reader.read())
    burst, between = 20, 20 * 60 / (1200 + 1 - 20)
    for provider, its in times.items():
        assert len(its) > 60, f"{provider} had no share"
        for seconds in (1, 4):
            # A mail may leave a little later than its slot, and meet the next ones.
            allowed = burst * (1 + int((seconds + 0.4) / between))
            assert most_in(its, seconds) <= allowed, (provider, seconds)


# --- an alert ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", [PROCRASTINATE, LOCAL][: sized(1, 2)], ids="-".join)
def test_an_alert_in_the_middle_of_a_bulletin_is_handed_over_at_once(
    lane: tuple[str, str], tmp_path: Path, fork: Fork
) -> None:
    """5,000 people at 100 a second would take most of a minute; the alert is over within 5 seconds."""
    cell = hosts("sendgrid", 2, lane, people=5000, lease=10.0, limits="max_rate = 6000\n")
    with gathered(cell, tmp_path, fork, [0.01]) as cluster:
        alerted = set(write_alert(cluster, 100))
        cluster.schedule()
        cluster.start()
        cluster.until_taken(200)
        cluster.schedule(ALERT)
        scheduled = time.time()
        cluster.until(lambda: cluster.issue(ALERT) == "sent", "the alert is sent", 30, 0.1)
        its = [each.at for each in cluster.reader.read() if each.address in alerted]
        assert len(its) == len(alerted)
        assert max(its) - scheduled < 5
        assert cluster.issue() == "sending", "the bulletin was over: nothing was shown"
        cluster.tell("cancel", ISSUE, "--yes")
        cluster.stop()
        assert set(cluster.taken().values()) == {1}


# --- stopping ---------------------------------------------------------------------------------------------------------


STOPPED = [
    hosts("sendgrid", 4, LOCAL, people=600),
    hosts("smtp", 4, PROCRASTINATE, people=300),
    hosts("sendgrid", 4, PROCRASTINATE, people=600),
]
SLOW = {"sendgrid": [0.4], "smtp": [0.1]}
"""Seconds until a sink answers: a command that stops an issue is there long before its end."""


def stopped(cluster: Cluster, *words: str) -> None:
    """One host says stop: when that has returned, no host hands anything over any more."""
    cluster.schedule()
    cluster.start()
    cluster.until_taken(cluster.cell.people // 6)
    cluster.tell(*words)
    returned = time.time()
    time.sleep(1.2)
    late = [each.at - returned for each in cluster.reader.read() if each.at > returned]
    assert late == [], "a mail left after the command had returned"
    assert cluster.count() < cluster.cell.people, "all had left before it was stopped"


@pytest.mark.parametrize("cell", STOPPED[: sized(1, 2)], ids=str)
def test_a_pause_from_one_host_stops_all(cell: Hosts, tmp_path: Path, fork: Fork) -> None:
    with gathered(cell, tmp_path, fork, SLOW[cell.provider]) as cluster:
        stopped(cluster, "pause", ISSUE)
        cluster.tell("resume", ISSUE, host=1)
        cluster.until_sent()
        cluster.stop()
        assert cluster.faults(0) == []
        assert cluster.taken() == Counter(cluster.bench.people)


@pytest.mark.parametrize("cell", STOPPED[2:], ids=str)
def test_a_cancellation_from_one_host_stops_all(cell: Hosts, tmp_path: Path, fork: Fork) -> None:
    with gathered(cell, tmp_path, fork, SLOW[cell.provider]) as cluster:
        stopped(cluster, "cancel", ISSUE, "--yes")
        cluster.stop()
        counts = cluster.ledger().counts()
        assert counts.keys() == {DeliveryState.ACCEPTED, DeliveryState.CANCELLED}
        assert counts[DeliveryState.ACCEPTED] == cluster.count() == len(cluster.taken())


# --- one database -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", LANES, ids="-".join)
def test_a_copied_database_sends_nothing(lane: tuple[str, str], tmp_path: Path, fork: Fork) -> None:
    """The server's database copied under another name, or the file with its folder: work refuses and says why."""
    cell = hosts("sendgrid", 1, lane, people=20)
    with gathered(cell, tmp_path, fork) as cluster:
        cluster.schedule()
        cluster.store.close()
        (host,) = cluster.hosts
        copy = Host("host-0", tmp_path / "copied", host.environ, fork)
        shutil.copytree(host.folder, copy.folder)
        url = f"sqlite:///{copy.folder}/mailer.db"
        if lane[1] == "postgresql":
            url = postgres.shared().create(template=postgres.name_of(cluster.bench.url))
        copy.environ = {**host.environ, "DATABASE_URL": url}
        refused = copy.run("work", "--json")
        assert refused.wait() == 1
        assert "a copy must not send" in refused.err.read_text()
        if lane[1] == "postgresql":
            postgres.shared().drop(url)
        assert cluster.count() == 0


def test_two_engines_on_one_database_share_the_work(tmp_path: Path, fork: Fork) -> None:
    """As during a change from one to the other."""
    cell = hosts("sendgrid", 3, PROCRASTINATE, people=400)
    with gathered(cell, tmp_path, fork, WAITS["sendgrid"]) as cluster:
        local = cluster.hosts[0].folder / "mailer.toml"
        local.write_text(local.read_text().replace('engine = "procrastinate"', 'engine = "local"'))
        cluster.schedule()
        cluster.start()
        cluster.until_sent()
        cluster.stop()
        assert cluster.faults(0) == []
        assert cluster.taken() == Counter(cluster.bench.people)
        shares = {host.name: share(cluster, host) for host in cluster.hosts}
    assert all(shares.values()), shares


def share(cluster: Cluster, host: Host) -> int:
    """How many batches a host has seen to."""
    its = sa.select(sa.func.count()).where(batches.c.owner.startswith(f"{host.name}-"))
    return int(cluster.ask(its)[0][0])
