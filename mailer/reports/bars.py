"""Bars made of letters: to the right for a share, up and down for what came and went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

_RIGHT: tuple[str, ...] = ("", *"▏▎▍▌▋▊▉")
_UP: tuple[str, ...] = (" ", *"▁▂▃▄▅▆▇█")
# Hanging from a line there are only these: nothing, half of a cell, all of it.
_DOWN = (" ", "▀", "█")


def bar(share: float, room: int, blocks: bool) -> str:
    """A bar to the right, drawn to the eighth of a cell. Anything above nought is seen."""
    if not blocks:
        return "#" * (max(1, round(share * room)) if share else 0)
    eighths = max(1, round(share * room * 8)) if share else 0
    return "█" * (eighths // 8) + _RIGHT[eighths % 8]


def rising(values: Sequence[int], unit: float, rows: int, cells: int, blocks: bool) -> Iterator[str]:
    """Bars that stand on a line, the top row first; a row is worth `unit`."""
    steps = _UP if blocks else (" ", "#")
    heights = [_height(value, unit, rows, len(steps) - 1) for value in values]
    for row in reversed(range(rows)):
        yield _row(heights, row, steps, cells)


def hanging(values: Sequence[int], unit: float, rows: int, cells: int, blocks: bool) -> Iterator[str]:
    """Bars that hang from a line, the top row first."""
    steps = _DOWN if blocks else (" ", ".")
    heights = [_height(value, unit, rows, len(steps) - 1) for value in values]
    for row in range(rows):
        yield _row(heights, row, steps, cells)


def _height(value: int, unit: float, rows: int, parts: int) -> int:
    return min(max(1, round(value / unit * parts)), rows * parts) if value > 0 else 0


def _row(heights: Sequence[int], row: int, steps: Sequence[str], cells: int) -> str:
    parts = len(steps) - 1
    wide, gap = (cells, 0) if cells == 1 else (cells - 1, 1)
    return "".join(steps[min(max(height - row * parts, 0), parts)] * wide + " " * gap for height in heights)


def shared_rows(up: int, down: int, rows: int) -> tuple[int, int, float]:
    """How many of `rows` are above the line and below it, and what a row is worth, on one scale for both."""
    if not down:
        return rows, 0, max(up, 1) / rows
    below = min(max(1, ceil(rows * down / (up + down))), rows - 1)
    above = rows - below
    return above, below, max(up / above, down / below)
