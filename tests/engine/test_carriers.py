"""What holds of every carrier, told once and asked of each."""

from __future__ import annotations

import threading
import time

import pytest

from mailer.engine.carrier import Carrier, Ticket, TicketKind
from tests.engine.desks import PULSE, Desk, Worker, batch, until, working


def test_every_ticket_is_carried_once(carrier: Carrier) -> None:
    tickets = [batch(number) for number in range(100)]
    desk = Desk()
    with working(carrier, desk, threads=3):
        carrier.feed(tickets)
        until(lambda: len(desk.carried) >= 100)
    assert sorted(desk.carried) == tickets


def test_a_ticket_arrives_as_it_was_fed(carrier: Carrier) -> None:
    tickets = {Ticket(TicketKind.JOB, 1, 5), Ticket(TicketKind.ISSUE, 1, -3), Ticket(TicketKind.BATCH, 2**40, 10)}
    desk = Desk()
    with working(carrier, desk):
        carrier.feed(list(tickets))
        until(lambda: len(desk.carried) == 3)
    assert set(desk.carried) == tickets


def test_the_most_urgent_goes_first_otherwise_in_order(carrier: Carrier) -> None:
    first = batch(0)
    desk = Desk(slow=frozenset({first}))
    with working(carrier, desk):
        carrier.feed([first])
        until(lambda: desk.begun)
        carrier.feed([batch(7), batch(5), batch(6)])
        carrier.feed([batch(1, urgency=5), batch(2, urgency=10), batch(3, urgency=10)])
        desk.let_go.set()
        until(lambda: len(desk.carried) == 7)
    assert [ticket.id for ticket in desk.carried] == [0, 2, 3, 1, 7, 5, 6]


def test_what_waits_already_is_not_put_there_again(carrier: Carrier) -> None:
    first = batch(0)
    desk = Desk(slow=frozenset({first}))
    with working(carrier, desk):
        carrier.feed([first])
        until(lambda: desk.begun)
        carrier.feed([batch(1), batch(2), batch(1)])
        carrier.feed([batch(2), batch(3), batch(1, urgency=10)])
        desk.let_go.set()
        until(lambda: len(desk.carried) == 4)
    assert [ticket.id for ticket in desk.carried] == [0, 1, 2, 3]


def test_numbers_of_different_kinds_are_different(carrier: Carrier) -> None:
    tickets = [Ticket(kind, 1) for kind in TicketKind]
    desk = Desk()
    with working(carrier, desk):
        carrier.feed(tickets)
        until(lambda: len(desk.carried) == len(tickets))
    assert sorted(desk.carried) == sorted(tickets)


def test_what_is_in_hand_may_wait_again(carrier: Carrier) -> None:
    """There may be more of it to do than whoever has it in hand will do."""
    one = batch(1)
    desk = Desk(slow=frozenset({one}))
    with working(carrier, desk):
        carrier.feed([one])
        until(lambda: desk.begun)
        carrier.feed([one])
        desk.let_go.set()
        until(lambda: len(desk.carried) == 2)
    assert desk.carried == [one, one]


def test_so_many_at_once_and_no_more(carrier: Carrier) -> None:
    together = threading.Barrier(3)
    tickets = frozenset(batch(number) for number in range(3))
    desk = Desk(slow=tickets | {batch(3)}, on_carry=lambda ticket: None)
    met = threading.Event()

    def meet(ticket: Ticket) -> None:
        if ticket in tickets:
            together.wait(20)
            met.set()

    desk.slow, desk.on_carry = frozenset({batch(3)}), meet
    with working(carrier, desk, threads=3):
        carrier.feed([*tickets, batch(3), batch(4), batch(5)])
        assert met.wait(20), "three threads meet, which they can only at once"
        until(lambda: len(desk.carried) == 5)
    assert len(desk.carried) == 6


def test_never_more_than_it_has_threads(carrier: Carrier) -> None:
    tickets = frozenset(batch(number) for number in range(5))
    desk = Desk(slow=tickets)
    with working(carrier, desk, threads=2):
        carrier.feed(list(tickets))
        until(lambda: len(desk.begun) == 2)
        carrier.feed([batch(9, urgency=10)])
        assert len(desk.begun) == 2
        desk.let_go.set()
        until(lambda: len(desk.carried) == 6)


def test_it_pulses_at_once_and_again_and_again(carrier: Carrier) -> None:
    desk = Desk()
    with working(carrier, desk):
        until(lambda: len(desk.pulses) >= 5)
    apart = (desk.pulses[4] - desk.pulses[0]) / 4
    assert apart > PULSE / 2


def test_what_a_pulse_feeds_is_carried(carrier: Carrier) -> None:
    desk = Desk()
    desk.on_pulse = lambda: carrier.feed([batch(len(desk.pulses))])
    with working(carrier, desk):
        until(lambda: len(desk.carried) >= 3)
    assert [ticket.id for ticket in desk.carried][:3] == [1, 2, 3]


def test_pulses_go_on_while_tickets_are_carried(carrier: Carrier) -> None:
    one = batch(1)
    desk = Desk(slow=frozenset({one}))
    with working(carrier, desk, threads=2):
        carrier.feed([one])
        until(lambda: desk.begun)
        before = len(desk.pulses)
        until(lambda: len(desk.pulses) >= before + 2)


def test_pulses_go_on_in_front_of_a_backlog(carrier: Carrier) -> None:
    desk = Desk(on_carry=lambda ticket: time.sleep(0.02))
    with working(carrier, desk):
        carrier.feed([batch(number, urgency=10) for number in range(400)])
        before = len(desk.pulses)
        until(lambda: len(desk.pulses) >= before + 2)
        assert len(desk.carried) < 300


def test_stopping_finishes_what_is_in_hand_and_begins_nothing(carrier: Carrier) -> None:
    first, second = batch(1), batch(2)
    desk = Desk(slow=frozenset({first, second}))
    with working(carrier, desk, threads=2) as worker:
        carrier.feed([first, second, batch(3)])
        until(lambda: len(desk.begun) == 2)
        worker.asked.set()
        worker.join(1.0)
        assert worker.is_alive(), "it waits for what is in hand"
        desk.let_go.set()
    assert sorted(desk.carried) == [first, second]


def test_it_ends_when_it_is_asked_to_although_there_is_always_more(carrier: Carrier) -> None:
    desk = Desk(on_carry=lambda ticket: carrier.feed([batch(ticket.id + 1)]))
    with working(carrier, desk):
        carrier.feed([batch(1)])
        until(lambda: len(desk.carried) >= 5)


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(1)])
def test_an_exception_out_of_a_ticket_ends_the_run_and_is_raised(carrier: Carrier, error: BaseException) -> None:
    """Otherwise a thread would be gone without a word, or a mistake repeated for ever."""
    slow, wrong = batch(1), batch(2)

    def fail(ticket: Ticket) -> None:
        if ticket == wrong:
            raise error

    desk = Desk(slow=frozenset({slow}), on_carry=fail)
    worker = Worker(carrier, desk, threads=2)
    worker.start()
    until(lambda: desk.pulses)
    carrier.feed([slow])
    until(lambda: desk.begun)
    carrier.feed([wrong])
    until(lambda: len(desk.begun) == 2)
    desk.let_go.set()
    assert worker.wait() is error
    assert desk.carried == [slow], "what was in hand is finished"


def test_an_exception_out_of_a_pulse_ends_the_run_and_is_raised(carrier: Carrier) -> None:
    error = ValueError("a bug")

    def fail() -> None:
        raise error

    worker = Worker(carrier, Desk(on_pulse=fail))
    worker.start()
    assert worker.wait() is error


def test_who_insists_is_not_kept_by_what_is_in_hand(carrier: Carrier, capfd: pytest.CaptureFixture[str]) -> None:
    """A second signal is raised wherever the caller's thread is, and nothing waits for a slow ticket then."""
    desk = Desk(slow=frozenset({batch(1)}), on_pulse=lambda: carrier.feed([batch(1)]))

    def insist() -> bool:
        if desk.begun:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        carrier.run(desk, 1, insist)
    assert desk.carried == []
    desk.let_go.set()
    assert capfd.readouterr().err == ""


def test_whether_to_stop_may_fail_to_be_known(carrier: Carrier) -> None:
    def stop() -> bool:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        carrier.run(Desk(), 1, stop)


def test_it_can_be_run_again(carrier: Carrier) -> None:
    for desk in (Desk(), Desk()):
        with working(carrier, desk):
            carrier.feed([batch(1)])
            until(desk.carried.__len__)


def test_anybody_may_feed(carrier: Carrier) -> None:
    desk = Desk()
    with working(carrier, desk, threads=2):
        feeders = [
            threading.Thread(target=carrier.feed, args=([batch(number * 20 + each) for each in range(20)],))
            for number in range(4)
        ]
        for feeder in feeders:
            feeder.start()
        until(lambda: len(desk.carried) >= 80)
        for feeder in feeders:
            feeder.join()
    assert len(set(desk.carried)) == 80


def test_feeding_nothing_is_nothing(carrier: Carrier) -> None:
    desk = Desk()
    with working(carrier, desk):
        carrier.feed([])
        until(lambda: desk.pulses)
    assert desk.carried == []
