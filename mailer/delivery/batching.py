"""How an audience is cut into batches: in order, each full except the last of all."""

from __future__ import annotations


def batch_count(recipients: int, size: int) -> int:
    """How many batches `recipients` make."""
    return -(-recipients // _checked(size))


def batch_number(position: int, size: int) -> int:
    """The batch, counted from 1, of the recipient at `position`, counted from 0."""
    return position // _checked(size) + 1


def batch_length(number: int, recipients: int, size: int) -> int:
    """How many recipients batch `number` has."""
    return max(0, min(_checked(size), recipients - (number - 1) * size))


def _checked(size: int) -> int:
    if size < 1:
        raise ValueError(f"a batch has room for one recipient or more, not {size}")
    return size
