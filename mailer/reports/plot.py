"""A line in a terminal, drawn by plotext, which has dots of a quarter of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ASCII = str.maketrans("┌┐└┘─│┤├┬┴┼", "++++-|+++++")


@dataclass(frozen=True, slots=True)
class Line:
    """`heights` are the marks of the upright axis with their names, `places` those of the lying one."""

    values: Sequence[int]
    heights: Mapping[int, str]
    places: Mapping[int, str]
    width: int
    rows: int
    blocks: bool = True


def plotted(line: Line) -> list[tuple[str, str]]:
    """The rows of the chart, each in two pieces: the axis at its left, and what is drawn."""
    import plotext

    figure = plotext.figure
    figure.clear()
    last = len(line.values) - 1
    signal = figure.signal(list(range(last + 1)), list(line.values), marker="hd" if line.blocks else "*")
    signal.lines(True)
    figure.draw(signal)
    figure.ruler("x").lim(0, last)
    figure.ruler("y").lim(min(line.heights), max(line.heights))
    figure.ruler("y").ticks(list(line.heights), list(line.heights.values()))
    figure.ruler("x").ticks(list(line.places), list(line.places.values()))
    figure.plot_size(line.width, line.rows)
    text = figure.build().string(colorless=True)
    figure.clear()
    gutter = max(map(len, line.heights.values())) + 1
    return [_pieces(row if line.blocks else row.translate(_ASCII), gutter) for row in _open(text.splitlines())]


def _open(rows: list[str]) -> list[str]:
    """Without the frame at the top and at the right, which holds nothing."""
    body, axis, dates = rows[1:-2], rows[-2], rows[-1]
    return [*(row.rstrip()[:-1] for row in (*body, axis)), dates]


def _pieces(row: str, gutter: int) -> tuple[str, str]:
    return row[:gutter], row[gutter:].rstrip()
