"""Several hosts on one database: what the engine on PostgreSQL is for, and what goes wrong there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from mailer.engine import procrastinate, tables
from mailer.engine.carrier import Ticket
from mailer.engine.procrastinate import ProcrastinateCarrier
from mailer.engine.tables import SCHEMA
from mailer.errors import StoreError
from tests import postgres
from tests.engine.desks import PULSE, Desk, Worker, batch, until, working

Host = Callable[[str], ProcrastinateCarrier]

FORGETFUL = """
import os, sys, time
from mailer.engine.carrier import Ticket, TicketKind
from mailer.engine.procrastinate import ProcrastinateCarrier

class Desk:
    def carry(self, ticket):
        print(ticket.id, flush=True)
        time.sleep(600)
    def pulse(self):
        pass

ProcrastinateCarrier(sys.argv[1], "doomed").run(Desk(), 1, lambda: False)
"""


def rows(database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(tables.address_of(database), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def count(database: str, table: str, where: str = "true") -> int:
    return int(str(rows(database, f"SELECT count(*) FROM procrastinate_{table} WHERE {where}")[0][0]))  # noqa: S608


@pytest.fixture
def doomed(database: str) -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own, that never finishes what it has in hand."""
    process = subprocess.Popen(
        [sys.executable, "-c", FORGETFUL, database],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_hosts_share_the_work_and_each_ticket_is_carried_by_one(host: Host) -> None:
    desks = [Desk(), Desk(), Desk()]
    with ExitStack() as workers:
        for number, desk in enumerate(desks):
            workers.enter_context(working(host(f"host{number}"), desk, threads=2))
        host("another").feed([batch(number) for number in range(200)])
        until(lambda: sum(len(desk.carried) for desk in desks) >= 200)
    carried = sorted(ticket.id for desk in desks for ticket in desk.carried)
    assert carried == list(range(200))
    assert all(desk.carried for desk in desks)


def test_of_all_hosts_one_pulses_each_time(host: Host) -> None:
    desks = [Desk(), Desk(), Desk()]
    with ExitStack() as workers:
        for number, desk in enumerate(desks):
            worker = Worker(host(f"host{number}"), desk)
            workers.callback(worker.end)
            worker.start()
        until(lambda: sum(len(desk.pulses) for desk in desks) >= 10)
    pulses = sorted(pulse for desk in desks for pulse in desk.pulses)
    assert len(pulses) <= (pulses[-1] - pulses[0]) / PULSE + 2


def test_pulses_do_not_pile_up_while_every_thread_is_busy(host: Host, database: str) -> None:
    desk = Desk(slow=frozenset({batch(1)}))
    carrier = host("one")
    with working(carrier, desk):
        carrier.feed([batch(1)])
        until(lambda: desk.begun)
        until(lambda: count(database, "jobs", "task_name = 'pulse'"))
        time.sleep(4 * PULSE)
        assert count(database, "jobs", "task_name = 'pulse'") == 1


def test_nothing_stays_in_the_tables(host: Host, database: str) -> None:
    desk = Desk()
    carrier = host("one")
    with working(carrier, desk, threads=2):
        carrier.feed([batch(number) for number in range(30)])
        until(lambda: len(desk.carried) == 30 and len(desk.pulses) > 4)
    assert [count(database, table) for table in ("workers", "events", "jobs")] in ([0, 0, 0], [0, 1, 1])
    assert count(database, "periodic_defers") == 1


def test_what_a_killed_worker_had_is_fed_again_at_once(
    host: Host, database: str, doomed: subprocess.Popen[str]
) -> None:
    carrier = host("one")
    carrier.feed([batch(1)])
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == "1\n"
    doomed.kill()
    doomed.wait()
    desk = Desk()
    with working(carrier, desk):
        carrier.feed([batch(1)])
        until(lambda: desk.carried)
    assert count(database, "jobs", "status = 'doing'") == 1, "closed later; nobody waits for it"


def test_what_a_dead_worker_had_is_closed_and_never_carried_again(
    host: Host, database: str, doomed: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = host("one")
    carrier.feed([batch(1)])
    assert doomed.stdout is not None
    assert doomed.stdout.readline() == "1\n"
    doomed.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(procrastinate, "DEAD_SECONDS", 1)
    monkeypatch.setattr(procrastinate, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(procrastinate, "TIDY_SECONDS", 0.2)
    desk = Desk()
    with working(carrier, desk):
        until(lambda: not count(database, "jobs", "task_name = 'carry'"))
        assert count(database, "workers") == 1
    assert desk.carried == []


def test_a_worker_that_was_taken_for_dead_says_so_and_can_run_again(host: Host, database: str) -> None:
    """As after it was frozen for longer than others wait."""
    desk = Desk()
    carrier = host("one")
    worker = Worker(carrier, desk)
    worker.start()
    until(lambda: desk.pulses)
    rows(database, "DELETE FROM procrastinate_workers RETURNING 1")
    error = worker.wait()
    assert isinstance(error, StoreError)
    assert "took this worker for dead" in str(error)
    with working(carrier, desk):
        carrier.feed([batch(1)])
        until(lambda: desk.carried)


def test_a_restart_of_the_server_ends_the_run_with_one_line_and_it_runs_again(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procrastinate, "FREE_SECONDS", 0.5)
    server = postgres.start()
    try:
        carrier = ProcrastinateCarrier(server.url("postgres"), "one", PULSE)
        slow = batch(1)
        desk = Desk(slow=frozenset({slow}))
        worker = Worker(carrier, desk, threads=2)
        worker.start()
        carrier_ready(worker)
        carrier.feed([slow])
        until(lambda: desk.begun)
        server.process.kill()
        server.process.wait()
        worker.join(1.0)
        assert worker.is_alive(), "what is in hand is finished first"
        desk.let_go.set()
        error = worker.wait()
        assert isinstance(error, StoreError)
        assert str(error).startswith("the engine's database cannot be reached")
        with pytest.raises(StoreError):
            carrier.feed([batch(2)])
        with pytest.raises(StoreError):
            carrier.run(desk, 1, lambda: False)
        server.process = postgres.launch(server.bin, server.folder, ())
        with working(carrier, desk):
            carrier.feed([batch(2)])
            until(lambda: batch(2) in desk.carried)
    finally:
        server.stop()
    assert desk.carried[0] == slow
    assert capfd.readouterr().err == ""


def carrier_ready(worker: Worker) -> None:
    until(lambda: worker.desk.pulses or not worker.is_alive())


def test_connections_that_are_cut_are_made_anew_or_the_run_ends(
    host: Host, database: str, engine_server: postgres.Server
) -> None:
    """Whichever it is: whoever runs it again each time it ends has everything carried, and it never hangs."""
    carrier, feeder = host("one"), host("feeder")
    desk = Desk()
    worker = Worker(carrier, desk, threads=2)
    worker.start()
    carrier_ready(worker)
    for number in range(5):
        engine_server.cut(database)
        if not worker.is_alive():
            worker = Worker(carrier, desk, threads=2)
            worker.start()
        feeder.feed([batch(number)])
    until(lambda: again(worker, carrier, desk) and {ticket.id for ticket in desk.carried} >= set(range(5)))
    desk.let_go.set()


def again(worker: Worker, carrier: ProcrastinateCarrier, desk: Desk) -> bool:
    if not worker.is_alive():
        assert worker.error is None or isinstance(worker.error, StoreError)
        with working(carrier, desk):
            time.sleep(0.2)
    return True


def test_a_server_that_says_nothing_any_more_does_not_keep_it(
    database: str, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a network that lost the way: no answer, and no end of the connection."""
    monkeypatch.setattr(procrastinate, "SILENT_SECONDS", 1)
    monkeypatch.setattr(procrastinate, "LAST_WORDS_SECONDS", 0.5)
    desk = Desk()
    worker = Worker(host("one"), desk)
    worker.start()
    carrier_ready(worker)
    found = rows(
        database,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'mailer engine' AND pid <> pg_backend_pid()",
    )
    backends = [int(str(pid)) for (pid,) in found]
    tell(backends, signal.SIGSTOP)
    try:
        assert isinstance(worker.wait(), StoreError)
    finally:
        tell(backends, signal.SIGCONT)


def tell(processes: Sequence[int], word: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, word)


def test_hundreds_of_tickets_are_one_question(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    carrier = host("one")
    with working(carrier, Desk()):
        carrier.feed([batch(0)])
        feeder = carrier._feeder
        assert feeder is not None
        execute = feeder.execute

        def counted(query: str, told: dict[str, object]) -> object:
            asked.append(query)
            return execute(query.encode(), told)

        monkeypatch.setattr(feeder, "execute", counted)
        carrier.feed([batch(number) for number in range(500)])
    assert len(asked) == 1


def test_feeders_that_meet_feed_each_ticket_once(host: Host, database: str) -> None:
    tickets = [batch(number) for number in range(60)]
    orders = [tickets, tickets[::-1], tickets[30:] + tickets[:30]]
    feeders = [host(f"host{number}") for number in range(3)]
    start = threading.Barrier(3)

    def feed(carrier: ProcrastinateCarrier, order: list[Ticket]) -> None:
        carrier.feed([batch(1000)])
        start.wait()
        carrier.feed(order)

    threads = [threading.Thread(target=feed, args=pair) for pair in zip(feeders, orders, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database, "jobs") == 61


@pytest.mark.parametrize("heard", ["10 seconds", "2 hours"])
def test_tables_of_other_versions_go_when_nobody_uses_them(fresh_database: str, heard: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA mailer_engine_0")
        connection.execute("CREATE SCHEMA not_ours")
        connection.execute("CREATE TABLE mailer_engine_0.procrastinate_workers (last_heartbeat timestamptz)")
        connection.execute("INSERT INTO mailer_engine_0.procrastinate_workers VALUES (now() - %s::interval)", [heard])
    ProcrastinateCarrier(fresh_database, "one").feed([batch(1)])
    names = {str(name) for (name,) in rows(fresh_database, "SELECT nspname FROM pg_namespace")}
    assert ("mailer_engine_0" in names) == (heard == "10 seconds")
    assert {"not_ours", SCHEMA} <= names


def test_hosts_that_start_together_make_the_tables_once(fresh_database: str) -> None:
    desks = [Desk(), Desk(), Desk(), Desk()]
    workers = [
        Worker(ProcrastinateCarrier(fresh_database, f"host{number}", PULSE), desk) for number, desk in enumerate(desks)
    ]
    for worker in workers:
        worker.start()
    until(lambda: sum(len(desk.pulses) for desk in desks) > 2)
    assert [worker.end() for worker in workers] == [None] * 4


def test_who_may_not_make_tables_is_told_what_to_grant(fresh_database: str, engine_server: postgres.Server) -> None:
    engine_server.run("DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    carrier = ProcrastinateCarrier(fresh_database.replace("postgresql://postgres@", "postgresql://plain@"), "one")
    with pytest.raises(StoreError, match="permission denied") as caught:
        carrier.feed([batch(1)])
    assert "GRANT CREATE" in str(caught.value.hint)


def test_tables_of_another_user_are_no_server_that_is_away(fresh_database: str, engine_server: postgres.Server) -> None:
    engine_server.run("DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    ProcrastinateCarrier(fresh_database, "one").feed([batch(1)])
    other = ProcrastinateCarrier(fresh_database.replace("postgresql://postgres@", "postgresql://plain@"), "two")
    with pytest.raises(StoreError, match="are another user's") as caught:
        other.feed([batch(1)])
    assert "the same user" in str(caught.value.hint)
