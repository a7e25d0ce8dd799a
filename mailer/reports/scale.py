"""Numbers on an axis: round ones, few, and written so that a million can be read."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

_ROUND = (1, 2, 5, 10)


def number(value: int) -> str:
    """`1,234,567`; a minus sign as wide as a digit is a hyphen's."""
    return f"{value:,}"


def signed(value: int) -> str:
    """`+12`, `-3`, `0`."""
    return f"{value:+,}" if value else "0"


def short(value: int) -> str:
    """`1.2M`, `350k`, `999`: for an axis, where the room is small and the number round."""
    for limit, sign in ((1_000_000, "M"), (10_000, "k")):
        if abs(value) >= limit:
            unit = min(limit, 1000) if sign == "k" else limit
            return f"{value / unit:.4g}{sign}"
    return number(value)


def ticks(low: int, high: int, most: int = 5) -> list[int]:
    """Round numbers, evenly spaced, from at or below `low` to at or above `high`, about `most` of them."""
    span = max(high - low, 1)
    exponent = 10 ** floor(log10(max(span / most, 1)))
    step = next(int(exponent * part) for part in _ROUND if span / (exponent * part) <= most)
    return list(range(floor(low / step) * step, ceil(max(high, low + 1) / step) * step + 1, step))


def spread(count: int, most: int) -> list[int]:
    """At most `most` places among `count`, evenly spaced from the first."""
    if not count:
        return []
    step = max(1, ceil(count / max(most, 1)))
    return list(range(0, count, step))


def floor_of(values: Sequence[int]) -> int:
    """Where an axis begins: at nought, unless all the change is in the upper part and would not be seen."""
    low, high = min(values, default=0), max(values, default=0)
    return low if low < 0 or (high - low) * 5 < high else 0
