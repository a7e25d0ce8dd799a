"""Which texts were there before: a set of a million in 16 MB, where one of Python's own takes a hundred.

It keeps 64 bits of each text. That two different ones have the same happens once in ten million sets of a million;
one of them is then believed to have been there.
"""

from __future__ import annotations

from array import array

_WHOLE = (1 << 64) - 1


class Seen:
    """A set that only grows. Open addressing in one array; 0 is an empty place."""

    def __init__(self, size: int = 1 << 12) -> None:
        self._places = array("Q", bytes(8 * size))
        self._mask = size - 1
        self._room = size // 2

    def add(self, text: str) -> bool:
        """Put it in; False when it was there."""
        value = (hash(text) & _WHOLE) or 1
        places, mask = self._places, self._mask
        at = value & mask
        while found := places[at]:
            if found == value:
                return False
            at = (at + 1) & mask
        places[at] = value
        self._room -= 1
        if not self._room:
            self._grow()
        return True

    def _grow(self) -> None:
        old, size = self._places, 2 * len(self._places)
        self._places, self._mask = array("Q", bytes(8 * size)), size - 1
        places, mask = self._places, self._mask
        for value in old:
            if value:
                at = value & mask
                while places[at]:
                    at = (at + 1) & mask
                places[at] = value
        self._room = size // 2 - len(old) // 2
