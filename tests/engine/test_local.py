"""What only the carrier within one process does."""

from __future__ import annotations

import time

from mailer.engine.local import LocalCarrier
from tests.engine.desks import Desk, batch, until, working


def test_it_pulses_at_once_when_all_that_was_fed_has_been_carried() -> None:
    """A minute until the next pulse, and yet nobody waits for it."""
    carrier = LocalCarrier(pulse_seconds=60)
    desk = Desk()
    desk.on_pulse = lambda: carrier.feed([batch(len(desk.pulses))] if len(desk.pulses) <= 5 else [])
    with working(carrier, desk, threads=2):
        until(lambda: len(desk.pulses) == 6)
    assert len(desk.carried) == 5


def test_with_nothing_to_do_it_waits_for_the_next_pulse() -> None:
    desk = Desk()
    began = time.process_time()
    with working(LocalCarrier(pulse_seconds=60), desk):
        time.sleep(0.3)
    assert len(desk.pulses) == 1
    assert time.process_time() - began < 0.15


def test_what_nobody_has_time_for_is_fed_at_most_every_twenty_milliseconds() -> None:
    """Tickets that turn out to be another's are fed again and again."""
    carrier = LocalCarrier(pulse_seconds=60)
    desk = Desk(on_pulse=lambda: carrier.feed([batch(1)]))
    with working(carrier, desk):
        time.sleep(0.2)
    assert 2 <= len(desk.pulses) <= 20


def test_what_waits_at_the_end_is_dropped() -> None:
    """It is in the database, and by the next run it may be another's."""
    carrier = LocalCarrier()
    desk = Desk(slow=frozenset({batch(1)}))
    with working(carrier, desk) as worker:
        carrier.feed([batch(1), batch(2)])
        until(lambda: desk.begun)
        worker.asked.set()
        time.sleep(0.1)
    assert desk.carried == [batch(1)]
    with working(carrier, desk):
        carrier.feed([batch(3)])
        until(lambda: len(desk.carried) == 2)
    assert desk.carried == [batch(1), batch(3)]


def test_twenty_thousand_tickets_cost_less_than_a_tenth_of_a_millisecond_each() -> None:
    carrier = LocalCarrier()
    tickets = [batch(number) for number in range(20_000)]
    desk = Desk()
    began = time.process_time()
    with working(carrier, desk, threads=2):
        carrier.feed(tickets)
        until(lambda: len(desk.carried) == 20_000)
    assert time.process_time() - began < 2
