"""Which texts were there before: a set of a million in 24 MB, exact but for 64 bits of hash.

A table of bits says which texts are new for certain: nearly all. Of the others the hashes are looked up, in sorted
arrays, one of each time that `repeated` was asked. That two different texts have the same hash happens once in ten
million sets of a million; one of them is then believed to have been there.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence

_WHOLE = (1 << 64) - 1
# Bytes of the table, which grows until a million texts take one bit of 134.
_SMALL, _LARGE = 1 << 13, 1 << 24
# While there are so many bits for each text, a new one seldom meets a taken one.
_ROOM = 64


class Seen:
    """A set that only grows."""

    def __init__(self) -> None:
        self._marks = bytearray(_SMALL)
        self._runs: list[array[int]] = []
        self._number = 0

    def repeated(self, texts: Sequence[str]) -> list[int]:
        """Put texts in; the places of those that were there, or came earlier among these."""
        hashes = [value & _WHOLE for value in map(hash, texts)]
        self._make_room(len(hashes))
        marks, mask = self._marks, len(self._marks) - 1
        again = [
            at
            for at, value in enumerate(hashes)
            if marks[value >> 3 & mask] & (1 << (value & 7)) and self._holds(value)
        ]
        if len(set(hashes)) < len(hashes):
            again = sorted({*again, *_later(hashes)})
        for value in hashes:
            marks[value >> 3 & mask] |= 1 << (value & 7)
        self._runs.append(array("Q", sorted(hashes)))
        self._number += len(hashes)
        return again

    def _holds(self, value: int) -> bool:
        for run in self._runs:
            at = bisect_left(run, value)
            if at < len(run) and run[at] == value:
                return True
        return False

    def _make_room(self, number: int) -> None:
        size = len(self._marks)
        while size < _LARGE and (self._number + number) * _ROOM > size * 8:
            size *= 4
        if size > len(self._marks):
            self._marks = marks = bytearray(min(size, _LARGE))
            mask = len(marks) - 1
            for run in self._runs:
                for value in run:
                    marks[value >> 3 & mask] |= 1 << (value & 7)


def _later(hashes: Sequence[int]) -> list[int]:
    """The places of those that came earlier in the same sequence."""
    there: set[int] = set()
    found = []
    for at, value in enumerate(hashes):
        if value in there:
            found.append(at)
        there.add(value)
    return found
