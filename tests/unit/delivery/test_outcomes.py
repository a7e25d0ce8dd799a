"""What an answer makes of a delivery, and when the next try is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.outcomes import LONGEST_NAMED_PAUSE, LONGEST_PAUSE, STATE_AFTER, try_again_at
from mailer.delivery.states import sources
from mailer.model import DeliveryState, Outcome

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
