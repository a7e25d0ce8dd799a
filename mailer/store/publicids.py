"""The opaque ids of people, as links carry them.

They grow: those of one process follow each other, so that a million new ones touch the end of an index and not all of
it. The steps between them are random, 39 bits on average, and links are signed besides.
"""

from __future__ import annotations

import secrets
import threading
import time
from array import array

_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_BITS, _TIME_SHIFT, _STEP_BITS = 80, 38, 40
_STEP = (1 << _STEP_BITS) - 1

_lock = threading.Lock()
_last = 0


def public_ids(number: int) -> list[str]:
    """New ids in growing order: 16 letters and digits each."""
    global _last
    steps = array("Q", secrets.token_bytes(8 * number))
    found = []
    with _lock:
        # Milliseconds in the high bits; a process that made many is ahead of the clock, which harms nothing.
        value = max(_last, (time.time_ns() // 1_000_000 << _TIME_SHIFT) | secrets.randbits(_TIME_SHIFT))
        for step in steps:
            value += (step & _STEP) + 1
            found.append(value)
        _last = value
    return [_text(value & ((1 << _BITS) - 1)) for value in found]


def _text(value: int) -> str:
    return (
        f"{_PAIRS[value >> 70]}{_PAIRS[value >> 60 & 1023]}{_PAIRS[value >> 50 & 1023]}{_PAIRS[value >> 40 & 1023]}"
        f"{_PAIRS[value >> 30 & 1023]}{_PAIRS[value >> 20 & 1023]}{_PAIRS[value >> 10 & 1023]}{_PAIRS[value & 1023]}"
    )
