"""How fast a provider may be used: slots, days of a warm-up, blocks; and batches that are divided for it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mailer.model import DeliveryState, IssueState, Outcome
from mailer.store import issues, ledger
from mailer.store.pacing import LONGEST_AHEAD, Pace
from mailer.store.tables import batches, deliveries, rates, sending_days
from tests.store.world import NOW, SERVERS_ONLY, UNSUBSCRIBED, World, names, receipts

SECOND = timedelta(seconds=1)


def prepared(world: World, people: int, size: int = 1000) -> World:
    world.add("weekly", *(f"p{number:03}" for number in range(people)))
    world.freeze("weekly", batch_size=size)
    return world


def ready(world: World, pace: Pace) -> datetime | None:
    with world.store.read() as connection:
        return ledger.ready_at(connection, pace, world.now)


def block(world: World, until: datetime, provider: str = "smtp") -> None:
    with world.store.write() as connection:
        ledger.block(connection, provider, until, world.now)


def counted(world: World) -> dict[str, int]:
    with world.store.read() as connection:
        return dict(connection.execute(sa.select(sending_days.c.day, sending_days.c.mails)).all())


def most_in_a_minute(slots: Sequence[tuple[datetime, int]]) -> int:
    """The most mails in any 60 seconds, the first counted and the last not."""
    return max(sum(size for at, size in slots if first <= at < first + 60 * SECOND) for first, _ in slots)


# --- division ---------------------------------------------------------------------------------------------------------


def test_a_larger_batch_is_divided(world: World) -> None:
    prepared(world, 7, size=5)
    first = world.claimed(most=2)
    assert (names(first), first.number) == (["p000", "p001"], 3)
    rest = world.claimed("two")
    assert (names(rest), rest.number) == (["p002", "p003", "p004"], 1)
    assert names(world.claimed("three", most=2)) == ["p005", "p006"], "it is as large as it may be"
    assert world.batch_states() == ["claimed", "claimed", "claimed"]
    assert world.figures().recipients == 7


def test_the_attempts_go_with_the_parts(world: World) -> None:
    prepared(world, 4)
    batch = world.claimed()
    world.begin(batch)
    world.record(batch, receipts(batch, Outcome.RETRY))
    world.later(1)
    assert [world.claimed(owner, most=2).attempts for owner in ("one", "two")] == [1, 1]


def test_who_left_is_no_part_of_the_most(world: World) -> None:
    prepared(world, 4)
    world.change("weekly", "p000", UNSUBSCRIBED)
    world.change("weekly", "p001", UNSUBSCRIBED)
    assert names(world.claimed(most=2)) == ["p002", "p003"], "a part with nobody left is passed over"
    assert world.batch_states() == ["claimed", "cancelled"]


def test_parts_of_a_paused_issue_are_not_taken(world: World) -> None:
    prepared(world, 4)
    with world.store.write() as connection:
        issues.pause(connection, "issue", "", NOW)
    assert world.claim(most=2) is None
    assert world.batch_states() == ["pending"]


# --- the rate ---------------------------------------------------------------------------------------------------------


def test_slots_follow_each_other(world: World) -> None:
    prepared(world, 10)
    pace = Pace("smtp", per_minute=60)
    batches = [world.claimed(f"s{number}", pace=pace) for number in range(3)]
    assert [len(batch.recipients) for batch in batches] == [1, 1, 1]
    assert [batch.not_before for batch in batches] == [None, NOW + SECOND, NOW + 2 * SECOND]
    assert ready(world, pace) == NOW + 3 * SECOND
    world.later(1)
    assert ready(world, pace) is None
    assert world.claimed("later", pace=pace).not_before is None


def test_a_slot_too_far_away_is_not_waited_for_with_a_batch_in_hand(world: World) -> None:
    prepared(world, 5)
    pace = Pace("smtp", per_minute=4)
    world.claimed("one", pace=pace, lease=60)
    assert world.claimed("two", pace=pace, lease=60).not_before == NOW + 15 * SECOND
    assert world.claim("three", pace=pace, lease=60) is None
    assert world.batch_states() == ["pending", "claimed", "claimed"], "nothing was divided for it"
    assert ready(world, pace) == NOW + 30 * SECOND
    world.now = NOW + 15 * SECOND
    assert world.claimed("three", pace=pace, lease=60).not_before == NOW + 30 * SECOND


def test_another_provider_and_no_pace_are_free(world: World) -> None:
    prepared(world, 5)
    world.claimed("one", pace=Pace("smtp", per_minute=1))
    assert world.claimed("two", pace=Pace("sendgrid", per_minute=1)).not_before is None
    assert world.claimed("three", pace=Pace("smtp")).not_before is None
    assert ready(world, Pace("sendgrid")) is None


def test_a_clock_that_was_set_back_is_not_waited_for(world: World) -> None:
    prepared(world, 5)
    pace = Pace("smtp", per_minute=1)
    world.claimed("one", pace=pace)
    world.now = NOW - timedelta(days=3)
    assert ready(world, pace) == world.now + LONGEST_AHEAD


@pytest.mark.parametrize("per_minute", [1, 7, 60, 100, 600, 6000, 60_000])
def test_as_many_as_the_rate_and_nearly_all_of_it(per_minute: int) -> None:
    pace = Pace("smtp", per_minute=per_minute)
    assert pace.burst is not None
    at, slots = NOW, []
    while at < NOW + 180 * SECOND:
        slots.append((at, pace.burst))
        at += pace.time_for(pace.burst)
    assert most_in_a_minute(slots[:500]) <= per_minute
    assert sum(size for at, size in slots if at < NOW + 120 * SECOND) >= 2 * per_minute * 0.97


@given(st.integers(1, 500), st.lists(st.integers(1, 10), min_size=2, max_size=80))
def test_batches_of_any_sizes_keep_the_rate(per_minute: int, sizes: list[int]) -> None:
    pace = Pace("smtp", per_minute=per_minute)
    at, slots = NOW, []
    for size in sizes:
        mails = min(size, pace.burst or 1)
        slots.append((at, mails))
        at += pace.time_for(mails)
    assert most_in_a_minute(slots) <= per_minute


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_nobody_calls_a_provider_that_wants_to_be_left_alone(world: World) -> None:
    prepared(world, 4, size=2)
    pace = Pace("smtp")
    batch = world.claimed("one", pace=pace)
    block(world, NOW + 40 * SECOND)
    assert world.claim("two", pace=pace, lease=60) is None
    assert ready(world, pace) == NOW + 40 * SECOND
    assert not world.begin(batch, "one", ledger.Marks("smtp")), "also who had claimed before"
    assert world.give_back(batch, "one", pace)
    world.now = NOW + 30 * SECOND
    assert world.claimed("two", pace=pace, lease=60).not_before == NOW + 40 * SECOND, "soon enough"
    world.now = NOW + 40 * SECOND
    assert ready(world, pace) is None
    again = world.claimed("three", pace=pace)
    assert again.not_before is None
    assert world.begin(again, "three", ledger.Marks("smtp"))


def test_a_shorter_block_does_not_lift_a_longer_one(world: World) -> None:
    for seconds in (60, 20, -5):
        block(world, NOW + seconds * SECOND)
    assert ready(world, Pace("smtp")) == NOW + 60 * SECOND


def test_a_block_holds_beside_a_rate(world: World) -> None:
    prepared(world, 4)
    pace = Pace("smtp", per_minute=60)
    world.claimed("one", pace=pace)
    block(world, NOW + 10 * SECOND)
    assert world.claimed("two", pace=pace).not_before == NOW + 10 * SECOND
    assert world.claimed("three", pace=pace).not_before == NOW + 11 * SECOND


# --- the warm-up ------------------------------------------------------------------------------------------------------

OSLO = Pace("smtp", warmup=(3, 5), zone="Europe/Oslo")
MIDNIGHT = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)


def test_a_day_of_the_warm_up_has_an_end(world: World) -> None:
    prepared(world, 20, size=4)
    assert len(world.claimed("one", pace=OSLO).recipients) == 3, "the batch was divided"
    assert world.claim("two", pace=OSLO) is None
    assert ready(world, OSLO) == MIDNIGHT
    world.now = MIDNIGHT - SECOND
    assert world.claim("two", pace=OSLO) is None
    world.now = MIDNIGHT
    assert ready(world, OSLO) is None
    sizes: list[int] = []
    while (batch := world.claim(f"two{len(sizes)}", pace=OSLO)) is not None:
        sizes.append(len(batch.recipients))
    assert sum(sizes) == 5
    assert counted(world) == {"2026-11-22": 3, "2026-11-23": 5}
    assert ready(world, OSLO) == MIDNIGHT + timedelta(days=1)
    world.now = MIDNIGHT + timedelta(days=9)
    sizes = []
    while (batch := world.claim(f"three{len(sizes)}", pace=OSLO)) is not None:
        sizes.append(len(batch.recipients))
    assert sum(sizes) == 12, "after the last day of the list there is no cap"


def test_days_without_mails_are_no_days_of_the_warm_up(world: World) -> None:
    prepared(world, 20)
    batch = world.claimed("one", pace=OSLO)
    assert world.give_back(batch, "one", OSLO)
    assert counted(world) == {"2026-11-22": 0}
    world.now = MIDNIGHT
    assert len(world.claimed("two", pace=OSLO).recipients) == 3, "still the first day"


def test_what_is_given_back_can_be_claimed_again(world: World) -> None:
    prepared(world, 20, size=2)
    first = world.claimed("one", pace=OSLO)
    assert len(world.claimed("two", pace=OSLO).recipients) == 1
    assert world.give_back(first, "one", OSLO)
    assert counted(world) == {"2026-11-22": 1}
    assert len(world.claimed("three", pace=OSLO).recipients) == 2
    assert world.claim("four", pace=OSLO) is None


def test_only_who_is_mailed_counts(world: World) -> None:
    prepared(world, 6, size=3)
    world.change("weekly", "p001", UNSUBSCRIBED)
    world.claimed("one", pace=OSLO)
    assert counted(world) == {"2026-11-22": 2}


def test_a_rate_and_a_warm_up_together(world: World) -> None:
    prepared(world, 20)
    pace = Pace("smtp", per_minute=120, warmup=(3,))
    taken = [world.claimed(f"s{number}", pace=pace) for number in range(2)]
    assert [len(batch.recipients) for batch in taken] == [2, 1]
    assert world.claim("more", pace=pace) is None
    assert ready(world, pace) == datetime(2026, 11, 23, tzinfo=UTC)


def test_without_a_warm_up_nothing_is_counted(world: World) -> None:
    prepared(world, 3)
    world.claimed(pace=Pace("smtp", per_minute=60))
    assert counted(world) == {}


# --- many senders -----------------------------------------------------------------------------------------------------

SENDER = """
import sys, time
from datetime import UTC, datetime, timedelta
from mailer.store import ledger
from mailer.store.database import open_store
from mailer.store.pacing import Pace

url, owner, rate, cap = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = open_store(url, busy_timeout=30)
pace = Pace("smtp", rate or None, (cap,) if cap else ())
print("ready", flush=True)
sys.stdin.readline()
# Each says what it was granted, by a clock that runs three hundred times as fast.
begun, start = datetime.now(UTC), datetime.fromisoformat(sys.argv[5])
while True:
    time.sleep(0.01)
    now = start + (datetime.now(UTC) - begun) * 300
    with store.write() as connection:
        batch = ledger.claim(connection, "issue", ledger.ClaimTerms(owner, 60, pace), now)
    if batch is not None:
        print((batch.not_before or now).isoformat(), len(batch.recipients), flush=True)
    elif (now - start).total_seconds() > 600:
        break
"""


def together(url: str, *arguments: str) -> list[tuple[datetime, int]]:
    """What two processes at once were granted."""
    found = []
    with ExitStack() as stack:
        senders = []
        for owner in ("one", "two"):
            command = [sys.executable, "-c", SENDER, url, owner, *arguments]
            sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            senders.append(stack.enter_context(sender))
        for sender in senders:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "ready\n"
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write("\n")
            sender.stdin.flush()
        for sender in senders:
            out, _ = sender.communicate(timeout=60)
            assert sender.returncode == 0
            assert out, "each of them was granted something"
            found += [line.split(" ") for line in out.splitlines()]
    return sorted((datetime.fromisoformat(at), int(size)) for at, size in found)


def test_two_processes_share_a_rate(world: World, url: str) -> None:
    prepared(world, 400)
    slots = together(url, "30", "0", NOW.isoformat())
    assert len(slots) > 60
    assert most_in_a_minute(slots) <= 30
    assert len({at for at, _ in slots}) == len(slots), "no slot was given twice"


def test_two_processes_share_a_day(world: World, url: str) -> None:
    prepared(world, 400, size=7)
    slots = together(url, "0", "100", NOW.isoformat())
    assert sum(size for _, size in slots) == 100
    assert counted(world) == {"2026-11-22": 100}


@SERVERS_ONLY
def test_threads_that_divide_claim_give_back_and_cancel_do_not_wait_for_each_other_in_a_circle(world: World) -> None:
    """On a server each holds rows; what is held in different orders would be a circle."""
    prepared(world, 300, size=40)
    pace = Pace("smtp", per_minute=600_000, warmup=(10_000,))
    faults: list[BaseException] = []

    def send(owner: str) -> None:
        try:
            for _ in range(40):
                batch = world.claim(owner, pace=pace, most=5)
                if batch is None:
                    return
                if not world.begin(batch, owner, ledger.Marks("smtp")):
                    world.give_back(batch, owner, pace)
                    continue
                world.record(batch, receipts(batch, Outcome.ACCEPTED, Outcome.RETRY, Outcome.ACCEPTED), owner)
        except BaseException as fault:
            faults.append(fault)

    def control() -> None:
        try:
            for _ in range(6):
                world.sweep()
                with world.store.write() as connection:
                    issues.pause(connection, "issue", "a rest", world.now)
                with world.store.write() as connection:
                    issues.resume(connection, "issue", world.now)
            with world.store.write() as connection:
                ledger.cancel(connection, "issue", world.now)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=send, args=(f"s{number}",)) for number in range(4)]
    threads.append(threading.Thread(target=control))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    left = {DeliveryState.PENDING, DeliveryState.SUBMITTING}
    with world.store.read() as connection:
        assert issues.state_of(connection, "issue") is IssueState.CANCELLED
        rows = connection.execute(sa.select(deliveries.c.state).distinct()).scalars()
        assert not left & set(rows)
        assert connection.execute(sa.select(sa.func.count()).select_from(rates)).scalar_one() == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(batches)).scalar_one() > 8
