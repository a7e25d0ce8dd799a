"""Batches: in order, full but for the last, nobody without one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.batching import batch_count, batch_length, batch_number


@pytest.mark.parametrize(
    ("recipients", "size", "batches"), [(0, 10, 0), (1, 10, 1), (10, 10, 1), (11, 10, 2), (3, 1, 3), (7, 1000, 1)]
)
def test_batch_count(recipients: int, size: int, batches: int) -> None:
    assert batch_count(recipients, size) == batches


@given(st.integers(0, 300), st.integers(1, 40))
def test_everybody_has_a_place_and_batches_are_as_long_as_said(recipients: int, size: int) -> None:
    numbers = [batch_number(position, size) for position in range(recipients)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, batch_count(recipients, size) + 1))
    assert all(batch_length(number, recipients, size) == count for number, count in Counter(numbers).items())
    assert batch_length(batch_count(recipients, size) + 1, recipients, size) == 0


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_without_room_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="room for one"):
        batch_count(5, size)
    with pytest.raises(ValueError, match="room for one"):
        batch_number(0, size)
