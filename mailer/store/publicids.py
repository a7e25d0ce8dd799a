"""The opaque ids of people, as links carry them: 16 letters and digits.

The first half is the time and the second one is random, 40 bits; links are signed besides. So the ids of a million new
people touch the end of an index and not all of it.
"""

from __future__ import annotations

import secrets
import threading
import time

# In the order of their codes, so that later ids sort behind earlier ones.
_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_HALF = 8
# Five bits of each random byte choose a digit.
_CHOOSE = bytes(ord(_DIGITS[byte & 31]) for byte in range(256))
# Four milliseconds: the first half lasts until the year 2109.
_TICK = 4_000_000

_lock = threading.Lock()
_last = 0


def public_ids(number: int) -> list[str]:
    """New ids in growing order."""
    first = _time()
    found: set[str] = set()
    while len(found) < number:
        missing = number - len(found)
        text = secrets.token_bytes(_HALF * missing).translate(_CHOOSE).decode("ascii")
        found.update(text[at : at + _HALF] for at in range(0, len(text), _HALF))
    return [first + second for second in sorted(found)]


def _time() -> str:
    """The first half: never the same twice in a process, even where the clock is set back."""
    global _last
    with _lock:
        _last = value = max(_last + 1, time.time_ns() // _TICK)
    return "".join(_DIGITS[value >> shift & 31] for shift in range(35, -1, -5))
