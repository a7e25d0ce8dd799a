"""The parts of a sender that need no database: answers in order, threads, insisting, who is at work, words."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from mailer.cli.progress import duration, sending
from mailer.errors import StoreError
from mailer.model import Batch, BatchState, Outcome, Receipt
from mailer.services.sending.crew import Crew
from mailer.services.sending.elsewhere import Elsewhere, gone, waits_for, who
from mailer.services.sending.halting import Halt
from mailer.services.sending.inorder import InOrder
from mailer.services.sending.pace import day_over
from mailer.services.sending.results import End, Progress, Why
from mailer.services.sending.tally import Tally
from mailer.services.sending.transactions import insist
from mailer.store.jotting import Jotter
from mailer.store.pacing import Pace

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FULL = StoreError("mailer.db: cannot be written: the disk is full")


class Pad:
    """In place of the jotter: what it answers in turn, and what it was given."""

    def __init__(self, *answers: bool | StoreError) -> None:
        self.answers = list(answers)
        self.written: list[int] = []

    def jot(self, batch_id: int, owner: str, receipt: Receipt) -> bool:
        assert (batch_id, owner) == (7, "us")
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, StoreError):
            raise answer
        self.written.append(receipt.delivery_id)
        return answer


class Server:
    """Takes mails 1 to 5, one after the other, until it is told to stop; what it did not take is not sent."""

    def submit_each(self, batch: Batch, tell: Callable[[Receipt], bool]) -> tuple[Receipt, ...]:
        going, found = True, []
        for number in range(1, 6):
            found.append(Receipt(number, Outcome.ACCEPTED if going else Outcome.NOT_SENT))
            going = tell(found[-1]) and going
        return tuple(found)


def hand_over(pad: Pad, go_on: Callable[[], bool] = lambda: True) -> tuple[list[Receipt], list[int]]:
    """What is left to be written down, and who was counted."""
    counted: list[int] = []

    def note(receipts: Sequence[Receipt]) -> None:
        counted.extend(receipt.delivery_id for receipt in receipts)

    passing = InOrder(cast(Jotter, pad), "us", note, go_on)
    return passing.hand_over(Server(), Batch(7, "issue", 1)), counted


def test_every_answer_is_written_down_as_it_comes() -> None:
    pad = Pad()
    assert hand_over(pad) == ([], [1, 2, 3, 4, 5])
    assert pad.written == [1, 2, 3, 4, 5]


def test_an_answer_that_cannot_be_written_down_is_kept_and_nothing_more_is_sent() -> None:
    left, counted = hand_over(Pad(True, FULL))
    assert [(each.delivery_id, each.outcome) for each in left] == [
        (2, Outcome.ACCEPTED), (3, Outcome.NOT_SENT), (4, Outcome.NOT_SENT), (5, Outcome.NOT_SENT),
    ]  # fmt: skip
    assert counted == [1, 2, 3, 4, 5]


def test_a_no_ends_the_batch() -> None:
    """The issue was paused, or the batch is somebody else's: the answer may be written down or not."""
    pad = Pad(True, False)
    left, _ = hand_over(pad)
    assert [each.delivery_id for each in left] == [2, 3, 4, 5]
    assert pad.written == [1, 2]


def test_asked_to_stop_the_mail_in_flight_is_the_last() -> None:
    pad = Pad()
    left, _ = hand_over(pad, iter((True, True, False)).__next__)
    assert pad.written == [1, 2, 3]
    assert [each.outcome for each in left] == [Outcome.NOT_SENT] * 2


# --- threads ----------------------------------------------------------------------------------------------------------


def test_a_crew_has_as_many_as_there_is_work_for() -> None:
    halt, lock, together = Halt(), threading.Lock(), threading.Barrier(3, timeout=10)
    ran: list[int] = []

    def work() -> None:
        with lock:
            ran.append(1)
        crew.more()
        together.wait()

    crew = Crew(work, 3, halt.fail)
    crew.more()
    assert crew.over.wait(10)
    assert (len(ran), halt.error) == (3, None)


def test_of_several_errors_the_first_one_counts() -> None:
    halt = Halt()

    def work() -> None:
        raise FULL

    crew = Crew(work, 1, halt.fail)
    crew.more()
    assert crew.over.wait(10)
    halt.fail(ZeroDivisionError())
    halt.because(End(Why.ASKED))
    assert (halt.error, halt.end) == (FULL, None)


def test_who_waits_for_a_slot_hears_that_all_is_over() -> None:
    halt = Halt()
    threading.Timer(0.05, lambda: halt.because(End(Why.ASKED))).start()
    begun = time.monotonic()
    assert not halt.wait_until(begun + 30)
    assert time.monotonic() - begun < 5
    assert not halt.wait_until(0)
    assert Halt().wait_until(time.monotonic() + 0.02)


def test_what_must_be_written_down_is_tried_until_it_is() -> None:
    firsts: list[bool] = []

    def work(first: bool) -> None:
        firsts.append(first)
        if len(firsts) < 3:
            raise FULL

    told: list[StoreError] = []
    insist(work, time.monotonic() + 10, told.append)
    assert (firsts, told) == ([True, False, False], [FULL, FULL])


def test_or_until_its_time_is_over() -> None:
    def work(first: bool) -> None:
        raise FULL

    with pytest.raises(StoreError, match="disk is full"):
        insist(work, time.monotonic() + 0.2, lambda error: None)


# --- who is at work ---------------------------------------------------------------------------------------------------


def held(*rows: tuple[str, int, BatchState, int]) -> dict[str, frozenset[tuple[int, BatchState, datetime]]]:
    found: dict[str, set[tuple[int, BatchState, datetime]]] = {}
    for owner, number, state, minute in rows:
        found.setdefault(owner, set()).add((number, state, NOW + timedelta(minutes=minute)))
    return {owner: frozenset(theirs) for owner, theirs in found.items()}


CLAIMED, SUBMITTING = BatchState.CLAIMED, BatchState.SUBMITTING


@pytest.mark.parametrize(
    ("later", "owner"),
    [
        (held(("a", 1, CLAIMED, 1), ("a", 2, SUBMITTING, 1)), ""),
        (held(("a", 2, SUBMITTING, 1)), ""),
        (held(("a", 1, SUBMITTING, 1), ("a", 2, SUBMITTING, 1)), "a"),
        (held(("a", 1, CLAIMED, 2), ("a", 2, SUBMITTING, 1)), "a"),
        (held(("a", 3, CLAIMED, 1)), "a"),
        (held(("b", 1, CLAIMED, 1)), "b"),
        (held(), ""),
    ],
)  # fmt: skip
def test_who_takes_begins_or_holds_on_to_a_batch_is_alive(later: dict[str, frozenset[object]], owner: str) -> None:
    elsewhere = Elsewhere()
    assert elsewhere.alive(held(("a", 1, CLAIMED, 1), ("a", 2, SUBMITTING, 1))) == ""
    assert elsewhere.alive(later) == owner  # type: ignore[arg-type]


def test_an_owner_is_a_machine_and_a_process() -> None:
    assert who("mail-1.example-4711-a1b2c3d4") == "mail-1.example, process 4711"
    assert who("dead") == "dead"


def test_who_waits_for_another_sender_says_for_whom_and_how_long() -> None:
    held = {"mail-1-4711-a1b2c3d4": frozenset({(1, CLAIMED, NOW + timedelta(seconds=28))})}
    expected = "another sender (mail-1, process 4711) has batches and does not move: taking over in 28 s"
    assert waits_for(held, NOW) == expected
    assert waits_for({}, NOW) == ""


def test_a_process_of_this_machine_that_has_ended_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = platform.node() or "host"
    assert gone(f"{here}-{ended.pid}-a1b2c3d4")
    assert not gone(f"{here}-{os.getpid()}-a1b2c3d4")
    assert not gone(f"another.example-{ended.pid}-a1b2c3d4")
    assert not gone(f"{here}-{10**30}-a1b2c3d4")
    assert not gone("dead")


# --- figures and words ------------------------------------------------------------------------------------------------


def test_a_day_ends_at_the_midnight_of_the_office() -> None:
    pace = Pace("smtp", zone="Europe/Oslo")
    assert day_over(pace, NOW) == datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    assert day_over(pace, datetime(2026, 11, 22, 23, 30, tzinfo=UTC)) == datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    # The day on which clocks go forward has 23 hours.
    assert day_over(pace, datetime(2026, 3, 29, 0, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 22, 0, tzinfo=UTC)


def test_a_tally_counts_outcomes() -> None:
    tally = Tally(0.1)
    tally.note([Receipt(1, Outcome.ACCEPTED), Receipt(2, Outcome.REFUSED, "address: no"), Receipt(3, Outcome.DOUBTFUL)])
    tally.note([Receipt(4, Outcome.RETRY), Receipt(5, Outcome.NOT_SENT)])
    assert (tally.accepted, tally.handled) == (1, 2)
    assert tally.trouble()[0] == ""


def test_waiting_before_the_first_mail_is_no_part_of_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 22.0, 24.0])
    monkeypatch.setattr("mailer.services.sending.tally.time.monotonic", lambda: next(clock))
    tally = Tally(0.1)
    assert tally.progress().rate == 0
    tally.note([Receipt(number, Outcome.ACCEPTED) for number in range(20)])
    assert tally.progress().rate == 10


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(0, 0), "0 of 0 (100%)"),
        (Progress(12_000, 48_000, 0, 0, 400.0), "12,000 of 48,000 (25%), 400 a second, 1 min 30 s left"),
        (Progress(5, 600, 1, 2, 0.05), "5 of 600 (1%), 3 a minute, 3 h 18 min left, 2 refused, 1 in doubt"),
        (Progress(9, 9, rate=5.0, waiting="waiting"), "9 of 9 (100%), 5 a second, waiting"),
    ],
)
def test_how_far_a_send_is_in_words(progress: Progress, text: str) -> None:
    assert sending(progress) == text


def test_times_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (0.4, 59, 61, 3600)] == ["0 s", "59 s", "1 min 01 s", "1 h 00 min"]
