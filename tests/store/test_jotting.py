"""Answers that are written down one by one: what they leave behind, what they say, and what a kill takes."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from mailer.errors import StoreError
from mailer.model import DeliveryState, IssueState, Outcome, Receipt
from mailer.store import issues, ledger
from mailer.store.database import open_store
from mailer.store.jotting import Jotter
from mailer.store.tables import batches, deliveries
from tests.store.world import FILES_ONLY, NOW, World, receipts

BOOT = "this start"
IN_ORDER = ledger.Marks("smtp", in_order=True, boot=BOOT)
ACCEPTED, REFUSED, RETRY, DOUBTFUL = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.RETRY, Outcome.DOUBTFUL


@pytest.fixture
def sending(world: World) -> World:
    """An issue to four people in one batch."""
    world.add("weekly", "ada", "ben", "cleo", "dan")
    world.freeze("weekly")
    return world


@pytest.fixture
def jotter(world: World) -> Iterator[Jotter]:
    jotter = Jotter(world.store, 60, lambda: world.now)
    yield jotter
    jotter.close()


def begun(world: World, owner: str = "one") -> ledger.ClaimedBatch:
    batch = world.claimed(owner)
    assert world.begin(batch, owner, IN_ORDER)
    return batch


def jot(jotter: Jotter, batch: ledger.ClaimedBatch, *outcomes: Outcome, owner: str = "one") -> list[bool]:
    """Answers to the first deliveries of a batch."""
    answered = receipts(batch, *outcomes)[: len(outcomes)]
    return [jotter.jot(batch.id, owner, receipt) for receipt in answered]


def lease_until(world: World) -> datetime:
    with world.store.read() as connection:
        until: datetime = connection.execute(sa.select(batches.c.lease_until)).scalar_one()
    return until


def test_what_was_answered_is_written_down_and_the_batch_follows_when_it_is_settled(
    sending: World, jotter: Jotter
) -> None:
    batch = begun(sending)
    assert jot(jotter, batch, ACCEPTED, REFUSED, RETRY, ACCEPTED) == [True] * 4
    assert list(sending.states().values()) == ["accepted", "refused", "pending", "accepted"]
    assert sending.batch_states() == ["submitting"]
    sending.settle(batch)
    assert sending.batch_states() == ["accepted", "pending"]
    assert sending.claim() is None, "it waits"
    sending.later(1)
    assert sending.claimed().attempts == 1


def test_details_are_kept(sending: World, jotter: Jotter) -> None:
    batch = begun(sending)
    sending.later(0.1)
    jotter.jot(batch.id, "one", Receipt(batch.recipients[0].delivery_id, REFUSED, "550 no such user", "q1"))
    query = sa.select(deliveries.c.detail, deliveries.c.provider_id, deliveries.c.due_at, deliveries.c.updated_at)
    with sending.store.read() as connection:
        row = connection.execute(query.order_by(deliveries.c.id).limit(1)).one()
    assert tuple(row) == ("550 no such user", "q1", None, sending.now)


def test_a_settled_answer_stays(sending: World, jotter: Jotter) -> None:
    batch = begun(sending)
    assert jot(jotter, batch, ACCEPTED) == [True]
    assert jot(jotter, batch, REFUSED) == [True]
    assert sending.states()["ada"] == "accepted"


def test_only_the_owner_of_the_batch_has_a_say(sending: World, jotter: Jotter) -> None:
    batch = begun(sending)
    assert jot(jotter, batch, ACCEPTED, owner="other") == [False]
    assert jotter.jot(batch.id + 7, "one", Receipt(batch.recipients[0].delivery_id, ACCEPTED)) is False
    assert sending.states()["ada"] == "submitting"


def test_nothing_is_written_before_the_point_of_no_return(sending: World, jotter: Jotter) -> None:
    batch = sending.claimed()
    assert jot(jotter, batch, ACCEPTED) == [False]
    assert sending.states()["ada"] == "pending"


@pytest.mark.parametrize("state", [IssueState.PAUSED, IssueState.CANCELLED])
def test_after_a_pause_the_answer_counts_and_nothing_more_is_sent(
    sending: World, jotter: Jotter, state: IssueState
) -> None:
    batch = begun(sending)
    assert jot(jotter, batch, ACCEPTED) == [True]
    with sending.store.write() as connection:
        issues.set_state(connection, "issue", state, NOW)
    assert jot(jotter, batch, ACCEPTED, ACCEPTED) == [False, False]
    assert list(sending.states().values()) == ["accepted", "accepted", "submitting", "submitting"]


def test_after_the_last_moment_nothing_more_is_sent(world: World, jotter: Jotter) -> None:
    world.add("weekly", "ada", "ben")
    world.freeze("weekly", not_after=NOW + timedelta(seconds=10))
    batch = begun(world)
    assert jot(jotter, batch, ACCEPTED) == [True]
    world.later(0.5)
    assert jot(jotter, batch, ACCEPTED, ACCEPTED)[1] is False


def test_jots_lengthen_the_lease_when_a_quarter_of_it_is_over(sending: World, jotter: Jotter) -> None:
    batch = begun(sending)
    sending.now = NOW + timedelta(seconds=14)
    jot(jotter, batch, ACCEPTED)
    assert lease_until(sending) == NOW + timedelta(seconds=60)
    sending.now = NOW + timedelta(seconds=16)
    jot(jotter, batch, ACCEPTED, ACCEPTED)
    assert lease_until(sending) == NOW + timedelta(seconds=76)
    assert sending.sweep(BOOT) == ledger.Swept(0, 0)


def test_what_nobody_swept_is_still_ours(sending: World, jotter: Jotter) -> None:
    batch = begun(sending)
    sending.later(2)
    assert jot(jotter, batch, ACCEPTED) == [True]
    assert sending.sweep(BOOT) == ledger.Swept(0, 0), "the lease was lengthened"


def test_a_sender_that_was_taken_for_dead_says_what_came_of_its_doubt_and_sends_nothing_more(
    sending: World, jotter: Jotter
) -> None:
    batch = begun(sending)
    jot(jotter, batch, ACCEPTED)
    sending.later(2)
    assert sending.sweep(BOOT) == ledger.Swept(returned=0, doubtful=1)
    assert list(sending.states().values()) == ["accepted", "doubtful", "pending", "pending"]
    assert jot(jotter, batch, ACCEPTED, ACCEPTED, ACCEPTED) == [False] * 3
    assert list(sending.states().values()) == ["accepted", "accepted", "pending", "pending"]
    assert sending.batch_states() == ["accepted", "pending"]
    assert len(sending.claimed("two").recipients) == 2


def test_a_late_answer_that_cannot_be_written_is_an_error(sending: World, jotter: Jotter) -> None:
    batch = begun(sending)
    sending.later(2)
    sending.sweep(BOOT)
    with sending.store.write() as connection:
        connection.execute(sa.update(batches).values(issue_id=1, in_order=True))
    assert jot(jotter, batch, DOUBTFUL) == [False]
    assert sending.batch_states()[0] == "doubtful"


# --- what a dead sender leaves ----------------------------------------------------------------------------------------


def test_of_a_dead_sender_on_the_same_machine_one_mail_is_in_doubt(sending: World, jotter: Jotter) -> None:
    jot(jotter, begun(sending), ACCEPTED, RETRY)
    sending.later(2)
    assert sending.sweep(BOOT) == ledger.Swept(returned=0, doubtful=1)
    assert list(sending.states().values()) == ["accepted", "pending", "doubtful", "pending"]
    assert sending.batch_states() == ["doubtful", "pending", "pending"], "who waits is not with who is free"


def test_a_dead_sender_whose_every_mail_was_answered_leaves_no_doubt(sending: World, jotter: Jotter) -> None:
    jot(jotter, begun(sending), ACCEPTED, ACCEPTED, REFUSED, ACCEPTED)
    sending.later(2)
    assert sending.sweep(BOOT) == ledger.Swept(0, 0)
    assert sending.batch_states() == ["accepted"]
    assert sending.finish()


@FILES_ONLY
@pytest.mark.parametrize("boot", ["another start", ""])
def test_after_another_start_of_the_machine_all_that_is_unanswered_is_in_doubt(
    sending: World, jotter: Jotter, boot: str
) -> None:
    jot(jotter, begun(sending), ACCEPTED)
    sending.later(2)
    assert sending.sweep(boot) == ledger.Swept(returned=0, doubtful=1)
    assert list(sending.states().values()) == ["accepted", "doubtful", "doubtful", "doubtful"]


def test_where_the_start_is_unknown_nothing_is_believed(sending: World, kind: str) -> None:
    batch = sending.claimed()
    assert sending.begin(batch, marks=ledger.Marks("smtp", in_order=True, boot=""))
    sending.later(2)
    sending.sweep("")
    expected = ["doubtful"] * 4 if kind == "sqlite" else ["doubtful", "pending", "pending", "pending"]
    assert list(sending.states().values()) == expected


def test_a_server_keeps_what_it_committed_whatever_machine_sends(sending: World, jotter: Jotter, kind: str) -> None:
    jot(jotter, begun(sending), ACCEPTED)
    sending.later(2)
    sending.sweep("another machine")
    if kind == "postgresql":
        assert list(sending.states().values()) == ["accepted", "doubtful", "pending", "pending"]


def test_a_batch_handed_over_as_a_whole_is_in_doubt_as_a_whole(sending: World) -> None:
    batch = sending.claimed()
    assert sending.begin(batch, marks=ledger.Marks("sendgrid", boot=BOOT))
    sending.later(2)
    sending.sweep(BOOT)
    assert set(sending.states().values()) == {"doubtful"}


KILLED = """
import os, sys
from datetime import UTC, datetime
from mailer.model import Outcome, Receipt
from mailer.store.database import open_store
from mailer.store.jotting import Jotter
from threading import Thread

url, batches = sys.argv[1], [[int(number) for number in batch.split(",")] for batch in sys.argv[2:]]
jotter = Jotter(open_store(url), 3600, lambda: datetime.now(UTC))

def send(batch, *numbers):
    for number in numbers:
        assert jotter.jot(batch, "doomed", Receipt(number, Outcome.ACCEPTED))
        # One call for each line, which is on its way when it returns.
        os.write(1, f"{number}\\n".encode())

for batch in batches:
    Thread(target=send, args=batch).start()
"""


def test_a_killed_process_loses_no_answer_that_was_written_down(world: World, url: str) -> None:
    world.now = datetime.now(UTC)
    world.add("weekly", *(f"p{number}" for number in range(2000)))
    world.freeze("weekly", batch_size=500)
    arguments = []
    for _ in range(4):
        batch = begun(world, "doomed")
        arguments.append(",".join(map(str, (batch.id, *(one.delivery_id for one in batch.recipients)))))
    command = [sys.executable, "-c", KILLED, url, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        told = [int(sender.stdout.readline()) for _ in range(150)]
        sender.send_signal(signal.SIGKILL)
        told += [int(line) for line in sender.stdout.read().splitlines()]
    assert len(told) < 2000, "it was killed on its way"
    with world.store.read() as connection:
        query = sa.select(deliveries.c.id).where(deliveries.c.state == DeliveryState.ACCEPTED)
        kept = set(connection.execute(query).scalars())
    assert set(told) <= kept
    assert len(kept - set(told)) <= 4, "one for each thread at most was written down and not told"
    world.later(120)
    assert world.sweep(BOOT).doubtful == 4
    assert world.figures().deliveries[DeliveryState.DOUBTFUL] == 4
    assert world.figures().deliveries[DeliveryState.PENDING] == 2000 - 4 - len(kept)


# --- many threads, and errors -----------------------------------------------------------------------------------------


def test_many_threads(world: World, jotter: Jotter) -> None:
    world.add("weekly", *(f"p{number}" for number in range(80)))
    world.freeze("weekly", batch_size=10)
    work = [begun(world, f"thread{number}") for number in range(8)]
    faults: list[object] = []

    def send(number: int) -> None:
        batch = work[number]
        try:
            said = [jotter.jot(batch.id, f"thread{number}", each) for each in receipts(batch, ACCEPTED, REFUSED)]
            faults.extend([] if all(said) else [said])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    for number, batch in enumerate(work):
        world.settle(batch, f"thread{number}")
    assert world.figures().deliveries[DeliveryState.ACCEPTED] == 8
    assert world.figures().deliveries[DeliveryState.REFUSED] == 72
    assert world.finish()


@FILES_ONLY
def test_a_database_that_another_process_holds_is_an_error_for_each_who_waits(sending: World, url: str) -> None:
    batch = begun(sending)
    store = open_store(url, busy_timeout=0.2)
    jotter = Jotter(store, 60, lambda: sending.now)
    faults: list[StoreError] = []

    def send(receipt: Receipt) -> None:
        with pytest.raises(StoreError, match="another process holds the database") as caught:
            jotter.jot(batch.id, "one", receipt)
        faults.append(caught.value)

    holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    threads = [threading.Thread(target=send, args=(receipt,)) for receipt in receipts(batch, ACCEPTED)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    holder.execute("ROLLBACK")
    holder.close()
    assert len({id(fault) for fault in faults}) == 4
    assert set(sending.states().values()) == {"submitting"}
    assert jot(jotter, batch, ACCEPTED, ACCEPTED) == [True, True], "it goes on when it can"
    jotter.close()
    store.close()


@FILES_ONLY
def test_a_full_disk_is_an_error_and_loses_nothing_that_was_told(sending: World, jotter: Jotter) -> None:
    batch = begun(sending)
    assert jot(jotter, batch, ACCEPTED) == [True]
    opened = jotter._pad._opened  # type: ignore[attr-defined]
    pages = opened.execute("PRAGMA page_count").fetchone()[0]
    opened.execute(f"PRAGMA max_page_count = {pages}")
    second = batch.recipients[1].delivery_id
    with pytest.raises(StoreError, match="the disk is full"):
        jotter.jot(batch.id, "one", Receipt(second, REFUSED, "x" * 200_000))
    assert list(sending.states().values())[:2] == ["accepted", "submitting"]
    assert jotter.jot(batch.id, "one", Receipt(second, REFUSED, "no room")) is True, "a new connection, a new chance"


@FILES_ONLY
def test_a_jot_does_not_wait_for_the_disk_and_everybody_else_does(sending: World, jotter: Jotter) -> None:
    jot(jotter, begun(sending), ACCEPTED)
    assert jotter._pad._opened.execute("PRAGMA synchronous").fetchone() == (1,)  # type: ignore[attr-defined]
    for _ in range(3):
        with sending.store.write() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA query_only").scalar() == 0


def test_an_interrupted_jot_leaves_no_other_waiting(sending: World) -> None:
    batch = begun(sending)
    asked: list[int] = []

    def now() -> datetime:
        asked.append(1)
        if len(asked) == 1:
            time.sleep(0.2)
            raise KeyboardInterrupt
        return sending.now

    jotter = Jotter(sending.store, 60, now)
    first, second = receipts(batch, ACCEPTED)[:2]
    found: list[bool] = []
    other = threading.Timer(0.1, lambda: found.append(jotter.jot(batch.id, "one", second)))
    other.start()
    with pytest.raises(KeyboardInterrupt):
        jotter.jot(batch.id, "one", first)
    other.join(10)
    assert not other.is_alive()
    assert found == [True]
    jotter.close()
