"""What workers do with tickets, in any order: nobody twice, nobody lost, and every issue gets its turn."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.engine.carrier import Ticket, TicketKind
from mailer.errors import ConflictError, ProviderError, StoreBusyError, StoreError
from mailer.model import Batch, EventKind, IssueState, Outcome, Receipt
from mailer.services import jobs
from mailer.services.sending import desk as desks
from mailer.services.sending import places
from mailer.services.sending import run as runs
from mailer.services.sending.desk import Desk
from mailer.services.sending.sender import open_run as real_open_run
from mailer.services.working import Work
from mailer.services.working.lookout import LEAST, Lookout
from mailer.store import ledger
from mailer.store.tables import batches, deliveries, events
from tests.store.house import House, OneByOne, Tray, accept, carried
from tests.store.world import FILES_ONLY


@pytest.fixture
def house(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(desks, "PASS_OVER", 0.0)
    made = House(tmp_path / "workspace", url)
    yield made
    made.close()


# --- the promise ------------------------------------------------------------------------------------------------------


class Chance:
    """Two workers, one tray, and whatever may happen to tickets and workers, by a seed."""

    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.tray = Tray()
        self.works = [house.work(self.tray) for _ in range(2)]
        self.lost = 0
        self.issues = ("one", "two", "urgent")

    def step(self) -> None:
        happens = (self.pulse, self.carry, self.carry, self.carry, self.again, self.lose, self.dies, self.stop, self.on)
        self.chance.choice(happens)()

    def pulse(self) -> None:
        self.chance.choice(self.works).pulse()

    def carry(self) -> None:
        if self.tray.tickets:
            ticket = self.tray.tickets.pop(self.chance.randrange(len(self.tray.tickets)))
            self.chance.choice(self.works).carry(ticket)

    def again(self) -> None:
        """A ticket comes twice, the second time late."""
        if self.tray.tickets:
            ticket = self.chance.choice(self.tray.tickets)
            self.works[0].carry(ticket)

    def lose(self) -> None:
        if self.tray.tickets:
            self.tray.tickets.pop()

    def dies(self) -> None:
        """A worker that claimed a batch, and in half of the cases began it, is never seen again."""
        with self.house.opened[0].store.write() as connection:
            terms = ledger.ClaimTerms("gone-1-abc.w1", 5)
            batch = ledger.claim(connection, self.chance.choice(self.issues), terms, self.house.now)
            if batch is not None and self.chance.random() < 0.5:
                ledger.begin(connection, batch.id, "gone-1-abc.w1", self.house.now, ledger.Marks("sink"))
                self.lost += len(batch.recipients)
        self.house.later(seconds=self.chance.choice((0, 6)))

    def stop(self) -> None:
        with suppress(ConflictError):
            self.house.pause(self.chance.choice(self.issues))
        self.works[0].desk.watch()

    def on(self) -> None:
        for name in self.issues:
            with suppress(ConflictError):
                self.house.resume(name)

    def to_the_end(self) -> None:
        self.on()
        self.house.later(seconds=6)
        for _ in range(20):
            self.pulse()
            carried(self.chance.choice(self.works), [self.tray.tickets.pop(0) for _ in range(len(self.tray.tickets))])


@pytest.mark.parametrize("seed", range(3))
def test_each_once_whatever_becomes_of_tickets_and_workers(house: House, seed: int) -> None:
    house.people(12)
    house.freeze("one", "two", size=2)
    house.freeze("urgent", kind="alert", size=3)
    chance = Chance(house, seed)
    for _ in range(60):
        chance.step()
    chance.to_the_end()
    counts: Counter[str] = Counter()
    for name in chance.issues:
        assert house.state(name) is IssueState.SENT
        counts.update(house.deliveries(name))
    assert set(house.sink.taken.values()) == {1}
    assert counts["doubtful"] == chance.lost
    assert counts["accepted"] == len(house.sink.taken) == 36 - chance.lost
    assert sorted(house.lines("finished")) == sorted(chance.issues), "each is said once"


def test_of_two_workers_who_close_an_issue_one_says_so(house: House) -> None:
    house.people(2)
    house.freeze("one", size=2)
    works = [house.work() for _ in range(2)]
    carried(works[0], [Ticket(TicketKind.BATCH, house.due("one")[0])])
    ready = threading.Barrier(2)

    def close(work: Work) -> None:
        ready.wait()
        work.carry(Ticket(TicketKind.ISSUE, 1))

    threads = [threading.Thread(target=close, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (house.lines("finished"), house.state("one")) == (["one"], IssueState.SENT)


def test_nothing_waits_for_a_long_job(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.people(1)
    house.freeze("one")
    work, go_on, begun = house.work(), threading.Event(), threading.Semaphore(0)

    def carry(program: Any, number: int, owner: str, stop: Any) -> str:
        begun.release()
        assert go_on.wait(60)
        return f"job {number}, import: done"

    monkeypatch.setattr(jobs, "carry", carry)
    carried(work, [Ticket(TicketKind.JOB, number) for number in range(3)])
    carried(work, [Ticket(TicketKind.BATCH, number) for number in house.due("one")])
    assert house.deliveries("one") == {"accepted": 1}
    begun.acquire()
    begun.acquire()
    assert work.counters().busy == 2, "the third one waits for one of them to end"
    assert not begun.acquire(blocking=False)
    go_on.set()
    assert begun.acquire(timeout=60), "and not until somebody looks again: a million short ones may wait"
    work._errands.join()
    assert sorted(each.detail for each in house.said) == [f"job {number}, import: done" for number in range(3)]


@pytest.mark.parametrize("bounces", [20, 40])
def test_what_came_back_counts_for_who_handed_it_over(
    house: House, bounces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in twelve of all, of which each of two workers had half, is no reason to stop; one in six is."""
    monkeypatch.setattr(places, "BOUNCES_SECONDS", 0.0)
    house.people(240)
    house.freeze("one", size=60)
    works = [house.work() for _ in range(2)]
    for place, number in enumerate(house.due("one")):
        carried(works[place % 2], [Ticket(TicketKind.BATCH, number)])
    with house.opened[0].store.write() as connection:
        some = sa.select(deliveries).where(deliveries.c.id % (240 // bounces) == 0)
        for row in connection.execute(some).all():
            what = {"delivery_id": row.id, "issue_id": row.issue_id, "subscriber_id": row.subscriber_id, "detail": ""}
            what |= {"key": f"event {row.id}", "kind": EventKind.BOUNCED_HARD, "at": house.now}
            connection.execute(sa.insert(events).values(what | {"received_at": house.now}))
    for work in works:
        work.desk.watch()
    assert house.state("one") is (IssueState.SENDING if bounces == 20 else IssueState.PAUSED)


def test_a_database_that_is_busy_is_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who waited for each other: one begins anew, and nothing else waits for it."""
    house.people(1)
    house.freeze("one")
    work = house.work()

    def busy(*_: Any, **__: Any) -> Any:
        raise StoreBusyError("db: another process changed the same thing at the same moment")

    with monkeypatch.context() as patched:
        patched.setattr(Lookout, "look", busy)
        work.pulse()
        work.pulse()
    assert [(each.what, each.issue) for each in house.said] == [("database", "")], "it is said once"
    carried(work, [Ticket(TicketKind.BATCH, number) for number in house.due("one")])
    assert house.deliveries("one") == {"accepted": 1}


def test_who_is_cut_off_leaves_the_queue_to_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "PASS_OVER", 60.0)
    work = house.work()
    work.away.failed(StoreError("the server cannot be reached"))
    thread = threading.Thread(target=work.carry, args=(Ticket(TicketKind.BATCH, 1),))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive(), "it would take thousands a second"
    work.desk.stop()
    thread.join()


# --- what is handed out -----------------------------------------------------------------------------------------------


def test_an_alert_in_trouble_stops_no_bulletin(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others share the queue it is fed nevertheless, as it may go on elsewhere."""
    house.people(LEAST + 1)
    house.freeze("one")
    house.freeze("urgent", kind="alert")
    tray = Tray()
    work = house.work(tray)
    work._lookout.alone = False

    def opened(program: Any, provider: Any, stored: Any, options: Any) -> Any:
        if stored.name == "urgent":
            raise ProviderError("its snapshot is a newer program's")
        return real_open_run(program, provider, stored, options)

    monkeypatch.setattr(desks, "open_run", opened)
    for _ in range(3):
        work.pulse()
        carried(work, [tray.tickets.pop(0) for _ in range(len(tray.tickets))])
    assert house.deliveries("one") == {"accepted": LEAST + 1}
    work.pulse()
    assert {ticket.urgency for ticket in tray.tickets if ticket.kind is TicketKind.BATCH} == {-1}


def test_alerts_first_and_bulletins_in_turns(house: House) -> None:
    house.people(5)
    house.freeze("one", "two")
    house.freeze("urgent", kind="alert")
    tray = Tray()
    work = house.work(tray)
    work.pulse()
    batches = [ticket for ticket in tray.tickets if ticket.kind is TicketKind.BATCH]
    assert len(batches) == 15
    carried(work, batches)
    assert house.sink.order == ["urgent"] * 5 + ["one", "two"] * 5


def test_no_more_than_a_window_is_handed_out(house: House) -> None:
    house.people(LEAST + 6)
    house.freeze("one")
    tray = Tray()
    work = house.work(tray)
    work.pulse()
    work.pulse()
    assert [ticket.id for ticket in tray.tickets if ticket.kind is TicketKind.BATCH] == house.due("one", LEAST)


def test_what_the_provider_does_not_want_is_not_handed_out(house: House) -> None:
    house.people(3)
    house.freeze("one")
    tray = Tray()
    work = house.work(tray)
    with house.opened[0].store.write() as connection:
        until = house.now.replace(minute=house.now.minute + 1)
        ledger.block(connection, "sink", until, house.now)
    work.pulse()
    assert [ticket for ticket in tray.tickets if ticket.kind is TicketKind.BATCH] == []
    house.later(minutes=1)
    work.pulse()
    assert len([ticket for ticket in tray.tickets if ticket.kind is TicketKind.BATCH]) == 3


def test_what_a_mailer_send_is_at_is_left_to_it(house: House) -> None:
    """It may have been told to go slower than the settings say."""
    house.people(3)
    house.freeze("one")
    tray = Tray()
    work = house.work(tray)
    for owner, left in (("elsewhere-1-abc.7", True), ("elsewhere-1-abc.w7", False)):
        with house.opened[0].store.write() as connection:
            batch = ledger.claim(connection, "one", ledger.ClaimTerms(owner, 60), house.now)
        assert batch is not None
        tray.tickets.clear()
        work.pulse()
        found = [ticket for ticket in tray.tickets if ticket.kind is TicketKind.BATCH]
        assert (found == []) is left
        with house.opened[0].store.write() as connection:
            ledger.give_back(connection, batch.id, owner, house.now)


@FILES_ONLY
def test_the_used_up_warm_up_is_said_once(house: House) -> None:
    house.people(3)
    house.freeze("one")
    house.set("[provider]\nbatch_size = 1\n[limits]\nwarmup = [2]\n")
    tray = Tray()
    work = house.work(tray)
    for _ in range(3):
        work.pulse()
        carried(work, tray.tickets)
        tray.tickets.clear()
    assert (house.lines("waits"), len(house.sink.taken)) == (["one"], 2)


# --- one batch --------------------------------------------------------------------------------------------------------


def test_an_issue_is_opened_once_and_closed_when_nothing_comes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.people(4)
    house.freeze("one", "two")
    opened: list[str] = []

    def open_run(*words: Any) -> Any:
        opened.append(words[2].name)
        return real_open_run(*words)

    monkeypatch.setattr(desks, "open_run", open_run)
    desk = Desk(house.program(), lambda *_: None)
    for number in (*house.due("one"), *house.due("two")):
        desk.carry(number)
    desk.watch()
    assert (opened, desk.issues(), desk.batches, desk.mails) == (["one", "two"], ("one", "two"), 8, 8)
    monkeypatch.setattr(desks, "IDLE", -1.0)
    closed = house.sink.closed
    desk.watch()
    assert (desk.issues(), desk.mails, house.sink.closed - closed) == ((), 8, 1)


def test_a_divided_batch_is_gone_on_with_for_a_while(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "IN_ORDER", 2)
    house.sink = OneByOne()
    house.people(7)
    house.freeze("one", size=7)
    desk = Desk(house.program(), lambda *_: None)
    (number,) = house.due("one")
    monkeypatch.setattr(desks, "STAY", 0.0)
    desk.carry(number)
    assert len(house.sink.taken) == 2
    monkeypatch.setattr(desks, "STAY", 60.0)
    desk.carry(number)
    assert (len(house.sink.taken), desk.batches) == (7, 4)
    desk.close()


def test_an_issue_in_trouble_is_told_once_and_left_alone(house: House) -> None:
    house.people(3)
    house.freeze("one", "two")

    def answer(batch: Batch) -> tuple[Receipt, ...]:
        if batch.issue == "one":
            raise ProviderError("the key is refused")
        return accept(batch)

    house.sink.answer = answer
    told: list[tuple[str, str, str]] = []
    desk = Desk(house.program(), lambda *words: told.append(words))
    for number in (*house.due("one"), *house.due("two")):
        desk.carry(number)
    assert told == [("error", "one", "the key is refused")]
    assert (house.deliveries("one"), house.deliveries("two")) == ({"pending": 3}, {"accepted": 3})
    desk.close()


def test_an_issue_that_pauses_itself_is_told_once_and_goes_on_when_a_person_says_so(house: House) -> None:
    house.people(240)
    house.freeze("one", size=120)
    told: list[tuple[str, str, str]] = []
    desk = Desk(house.program(), lambda *words: told.append(words))
    first, second = house.due("one")
    house.sink.answer = lambda batch: tuple(
        Receipt(number, Outcome.REFUSED, "550 no such user") for number in batch.delivery_ids
    )
    desk.carry(first)
    desk.carry(second)
    desk.watch()
    assert [words[:2] for words in told] == [("paused", "one")]
    assert "refused" in told[0][2]
    assert house.state("one") is IssueState.PAUSED
    house.resume("one")
    house.sink.answer = accept
    desk.carry(second)
    assert house.deliveries("one") == {"refused": 120, "accepted": 120}
    assert len(told) == 1
    desk.close()


@pytest.mark.parametrize("why", ["pause", "stop"])
def test_a_batch_that_waits_for_its_slot_is_given_back_at_once(
    house: House, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.people(4)
    house.freeze("one")
    house.set("[provider]\nbatch_size = 1\n[limits]\nmax_rate = 2\n")
    house.now = datetime.now(UTC)
    monkeypatch.setattr(desks, "AHEAD", 60.0)
    desk = Desk(house.program(lambda: datetime.now(UTC)), lambda *_: None)
    first, second, *_ = house.due("one")
    desk.carry(first)
    thread = threading.Thread(target=desk.carry, args=(second,))
    thread.start()
    while thread.is_alive() and "claimed" not in states(house):
        time.sleep(0.01)
    began = time.monotonic()
    if why == "pause":
        house.pause("one")
        desk.watch()
    else:
        desk.stop()
    thread.join()
    assert time.monotonic() - began < 10, "its slot is half a minute away"
    assert (len(house.sink.taken), states(house).count("claimed")) == (1, 0)
    desk.close()


def states(house: House) -> list[str]:
    with house.opened[0].store.read() as connection:
        return [state.value for state in connection.execute(sa.select(batches.c.state)).scalars()]
