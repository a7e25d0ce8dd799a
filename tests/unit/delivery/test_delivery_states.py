"""The tables of moves: what is in them, what must not be, and that every state leads somewhere."""

from __future__ import annotations

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.states import (
    BATCH_MOVES,
    DELIVERY_MOVES,
    ISSUE_MOVES,
    OPEN_BATCHES,
    batch_state,
    check_move,
    moves_of,
    sources,
)
from mailer.errors import ConflictError
from mailer.model import BatchState, DeliveryState, IssueState

B, D, Is = BatchState, DeliveryState, IssueState


@pytest.mark.parametrize("kind", [IssueState, BatchState, DeliveryState])
def test_every_state_is_in_its_table(kind: type[StrEnum]) -> None:
    for state in kind:
        assert state not in moves_of(state)
        assert all(type(next_state) is kind for next_state in moves_of(state))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Is.DRAFT, Is.SENDING), (Is.SENDING, Is.PAUSED), (Is.PAUSED, Is.SENDING), (Is.SENDING, Is.SENT),
        (Is.SENT, Is.SENDING), (B.PENDING, B.CLAIMED), (B.CLAIMED, B.PENDING), (B.CLAIMED, B.SUBMITTING),
        (B.SUBMITTING, B.DOUBTFUL), (B.SUBMITTING, B.PENDING), (B.DOUBTFUL, B.ACCEPTED),
        (D.PENDING, D.EXCLUDED), (D.SUBMITTING, D.ACCEPTED), (D.DOUBTFUL, D.PENDING),
    ],
)  # fmt: skip
def test_move_is_allowed(old: StrEnum, new: StrEnum) -> None:
    check_move(old, new, "it")
    assert old in sources(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # A second copy would follow from any of these.
        (D.ACCEPTED, D.PENDING), (D.ACCEPTED, D.SUBMITTING), (D.DOUBTFUL, D.SUBMITTING), (D.REFUSED, D.PENDING),
        (D.EXCLUDED, D.PENDING), (B.ACCEPTED, B.PENDING), (B.DOUBTFUL, B.CLAIMED), (B.PENDING, B.SUBMITTING),
        (B.SUBMITTING, B.CLAIMED), (B.CLAIMED, B.ACCEPTED),
        (Is.CANCELLED, Is.SENDING), (Is.SENT, Is.PAUSED), (Is.SENT, Is.CANCELLED), (Is.SENDING, Is.DRAFT),
        (D.PENDING, D.ACCEPTED), (D.SUBMITTING, D.EXCLUDED),
    ],
)  # fmt: skip
def test_move_is_refused(old: StrEnum, new: StrEnum) -> None:
    with pytest.raises(ConflictError, match=f"batch 7 is {old.value}; it cannot become {new.value}"):
        check_move(old, new, "batch 7")
    assert old not in sources(new)


def test_what_is_final() -> None:
    assert {state for state, after in DELIVERY_MOVES.items() if not after} == {
        D.ACCEPTED, D.REFUSED, D.EXCLUDED, D.CANCELLED,
    }  # fmt: skip
    assert {state for state, after in BATCH_MOVES.items() if not after} == {B.ACCEPTED, B.REFUSED, B.CANCELLED}
    assert {state for state, after in ISSUE_MOVES.items() if not after} == {Is.CANCELLED}


def test_open_batches_are_those_a_sender_still_has_to_touch() -> None:
    assert {B.PENDING, B.CLAIMED, B.SUBMITTING} == OPEN_BATCHES


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({D.ACCEPTED: 3}, B.ACCEPTED),
        ({D.ACCEPTED: 3, D.REFUSED: 1}, B.ACCEPTED),
        ({D.REFUSED: 1, D.EXCLUDED: 2}, B.REFUSED),
        ({D.ACCEPTED: 9, D.DOUBTFUL: 1}, B.DOUBTFUL),
        ({D.DOUBTFUL: 1, D.SUBMITTING: 1}, B.SUBMITTING),
        ({D.ACCEPTED: 1, D.PENDING: 1}, B.PENDING),
        ({D.EXCLUDED: 2}, B.CANCELLED),
        ({D.CANCELLED: 2, D.EXCLUDED: 2}, B.CANCELLED),
        ({D.ACCEPTED: 0, D.REFUSED: 2}, B.REFUSED),
        ({}, B.CANCELLED),
    ],
)
def test_batch_state_follows_from_its_deliveries(counts: dict[DeliveryState, int], state: BatchState) -> None:
    assert batch_state(counts) is state


@given(st.dictionaries(st.sampled_from(DeliveryState), st.integers(0, 3)))
def test_a_batch_with_unsettled_deliveries_is_never_closed(counts: dict[DeliveryState, int]) -> None:
    unsettled = any(counts.get(state) for state in (D.PENDING, D.SUBMITTING, D.DOUBTFUL))
    assert unsettled == (batch_state(counts) in {*OPEN_BATCHES, B.DOUBTFUL})
