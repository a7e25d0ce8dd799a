"""What an answer makes of a delivery, and when the next try is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.outcomes import (
    LONGEST_NAMED_PAUSE,
    LONGEST_PAUSE,
    LONGEST_TRIED,
    MOST_ATTEMPTS,
    MOST_GROUPS,
    STATE_AFTER,
    TOGETHER,
    Answer,
    Tried,
    answer,
    given_up,
    try_again_at,
    waiting_groups,
)
from mailer.delivery.states import sources
from mailer.model import DeliveryState, Outcome, Receipt

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_every_outcome_has_a_state_that_a_delivery_in_flight_may_reach() -> None:
    assert set(STATE_AFTER) == set(Outcome)
    assert all(DeliveryState.SUBMITTING in sources(state) for state in STATE_AFTER.values())


@pytest.mark.parametrize(
    ("attempts", "retry_after", "seconds"),
    [
        (0, None, 30), (1, None, 60), (2, None, 120), (5, None, 960), (6, None, 1800), (500, None, 1800),
        (0, 7.5, 7.5), (9, 0.0, 0), (0, -3.0, 0), (0, 3600.0, 3600), (0, 1e12, 86400),
    ],
)  # fmt: skip
def test_pause_before_the_next_try(attempts: int, retry_after: float | None, seconds: float) -> None:
    assert try_again_at(Outcome.RETRY, NOW, attempts, retry_after) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DOUBTFUL])
def test_only_what_is_tried_again_waits(outcome: Outcome) -> None:
    assert try_again_at(outcome, NOW, 3, 60.0) is None


def test_what_was_not_sent_waits_only_when_a_pause_is_named() -> None:
    assert try_again_at(Outcome.NOT_SENT, NOW, 3) is None
    assert try_again_at(Outcome.NOT_SENT, NOW, 3, 60.0) == NOW + timedelta(seconds=60)


@given(st.integers(0, 10_000), st.none() | st.floats(0, 1e9))
def test_pauses_are_never_negative_and_have_an_end(attempts: int, retry_after: float | None) -> None:
    due = try_again_at(Outcome.RETRY, NOW, attempts, retry_after)
    assert due is not None
    assert NOW <= due <= NOW + max(LONGEST_PAUSE, LONGEST_NAMED_PAUSE)


# --- giving up --------------------------------------------------------------------------------------------------------

SOON = NOW + timedelta(minutes=30)
LONG_AGO = NOW - LONGEST_TRIED - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("tried", "reason"),
    [
        (Tried(0, NOW), ""),
        (Tried(MOST_ATTEMPTS - 1, NOW - LONGEST_TRIED), ""),
        (Tried(0, LONG_AGO), ""),
        (Tried(MOST_ATTEMPTS - 2, LONG_AGO), ""),
        (Tried(MOST_ATTEMPTS - 1, LONG_AGO), "given up after 16 attempts"),
        (Tried(99, LONG_AGO), "given up after 100 attempts"),
        (Tried(99, NOW), ""),
        (Tried(0, NOW, SOON), ""),
        (Tried(0, NOW, SOON - timedelta(seconds=1)), "given up after 1 attempt, for the next would be too late"),
        (Tried(4, NOW, NOW), "given up after 5 attempts, for the next would be too late"),
    ],
)
def test_when_a_delivery_is_given_up(tried: Tried, reason: str) -> None:
    assert given_up(tried, SOON, NOW) == reason


def test_by_itself_trying_goes_on_for_a_day() -> None:
    """With the usual pauses, from the moment the issue begins."""
    at, attempts = NOW, 0
    while not given_up(Tried(attempts, NOW), at, at):
        due = try_again_at(Outcome.RETRY, at, attempts)
        assert due is not None
        at, attempts = due, attempts + 1
    assert LONGEST_TRIED < at - NOW <= LONGEST_TRIED + LONGEST_PAUSE
    assert attempts > MOST_ATTEMPTS


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DOUBTFUL, Outcome.NOT_SENT])
def test_only_what_was_tried_and_put_off_is_given_up(outcome: Outcome) -> None:
    found = answer(Receipt(1, outcome, "words", "id", 60.0), Tried(99, LONG_AGO, NOW), NOW)
    assert found == Answer(STATE_AFTER[outcome], "words", "id", try_again_at(outcome, NOW, 99, 60.0))


def test_what_is_given_up_says_why() -> None:
    tried = Tried(20, LONG_AGO)
    said = answer(Receipt(1, Outcome.RETRY, "451 later", "id"), tried, NOW)
    assert said == Answer(DeliveryState.REFUSED, "given up after 21 attempts: 451 later", "id", None)
    assert answer(Receipt(1, Outcome.RETRY), tried, NOW).detail == "given up after 21 attempts"


# --- who waits together -----------------------------------------------------------------------------------------------


@given(st.lists(st.none() | st.integers(0, 10**7), max_size=40))
def test_groups_hold_everybody_and_are_few(seconds: list[int | None]) -> None:
    times = [None if each is None else NOW + timedelta(seconds=each) for each in seconds]
    groups = waiting_groups(times)
    timed = [(first, last) for first, last in groups if first is not None and last is not None]
    for time in times:
        assert sum(first <= time <= last for first, last in timed if time is not None) == (time is not None)
    assert ((None, None) in groups) == (None in times)
    assert len(timed) <= MOST_GROUPS
    assert all(last < after for (_, last), (after, _) in pairwise(timed))
    known = [time for time in times if time is not None]
    allowed = max(TOGETHER, (max(known) - min(known)) / (MOST_GROUPS - 1)) if known else TOGETHER
    assert all(last - first <= allowed for first, last in timed)
