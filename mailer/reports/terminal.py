"""A list's growth in a terminal: text of a width, with or without colours, blocks or plain ASCII."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailer.reports.axis import date_places
from mailer.reports.bars import bar, hanging, rising, shared_rows
from mailer.reports.calendar import label
from mailer.reports.growth import Growth, Point, gathered
from mailer.reports.plot import Line, plotted
from mailer.reports.scale import floor_of, number, short, signed, ticks
from mailer.reports.words import by_source

# What a piece of text is; the terminal's side knows its colour.
JOINED, LEFT, CONFIRMED, STRONG, SOFT = "joined", "left", "confirmed", "strong", "soft"
NARROWEST, WIDEST = 40, 110
NARROWEST_BAR = 5
LINE_ROWS, BAR_ROWS, TABLE_ROWS = 11, 6, 6
# A date such as "Nov 2026" and a gap.
DATE_CELLS = 11


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show. `paint(text, role)` colours a text, or gives it back."""

    width: int = 80
    blocks: bool = True
    paint: Callable[[str, str], str] = lambda text, role: text

    @property
    def room(self) -> int:
        return max(NARROWEST, min(self.width, WIDEST))


def growth_lines(growth: Growth, look: Look) -> Iterator[str]:
    """The running number as a line, joined and left as bars beneath it, the last steps in numbers, and the sources."""
    if growth.is_empty:
        yield "Nobody was ever confirmed on this list."
        return
    yield look.paint(f"Confirmed people, {growth.by.adjective}, UTC", STRONG)
    yield from _pictures(growth, look)
    yield ""
    yield from _table(growth, look)
    for title, counts, role in (("Joined by", growth.joined_by, JOINED), ("Left by", growth.left_by, LEFT)):
        if counts:
            yield ""
            yield look.paint(title, STRONG)
            yield from split_lines(by_source(counts), look, role)


def split_lines(counts: Mapping[str, int], look: Look, role: str = CONFIRMED) -> Iterator[str]:
    """A line for each count: its name, the number, and a bar as long as its share of the largest."""
    names = max((len(name) for name in counts), default=0)
    digits = max((len(number(count)) for count in counts.values()), default=0)
    room = max(0, min(look.room - names - digits - 6, 40))
    most = max(counts.values(), default=0)
    for name, count in counts.items():
        drawn = bar(count / most if most else 0, room, look.blocks) if room >= NARROWEST_BAR else ""
        text = f"  {name.ljust(names)}  {number(count).rjust(digits)}"
        yield f"{text}  {look.paint(drawn, role)}" if drawn else text


def _pictures(growth: Growth, look: Look) -> Iterator[str]:
    values = [point.confirmed for point in growth.points]
    heights = {mark: short(mark) for mark in ticks(floor_of(values), max(values), 4)}
    gutter = max(map(len, heights.values())) + 1
    each, points = gathered(growth.points, look.room - gutter)
    cells = max(1, min((look.room - gutter) // len(points), 8))
    canvas = cells * len(points)
    dates = date_places([point.start for point in growth.points], growth.by, max(1, canvas // DATE_CELLS))
    if len(values) > 1:
        width = gutter + canvas + 1
        *rows, axis, names = plotted(Line(values, heights, dates, width, LINE_ROWS, look.blocks))
        for edge, drawn in rows:
            yield edge + (look.paint(drawn, CONFIRMED) if drawn.strip() else "")
        yield from map("".join, (axis, names))
    yield from _bars(points, each, growth, (gutter, cells), look)


def _bars(points: Sequence[Point], each: int, growth: Growth, place: tuple[int, int], look: Look) -> Iterator[str]:
    gutter, cells = place
    joined, left = [point.joined for point in points], [point.left for point in points]
    above, below, unit = shared_rows(max(joined), max(left), BAR_ROWS)
    indent = " " * gutter
    up, down = ("█", "▀") if look.blocks else ("#", ".")
    time = f"a {growth.by.value}" if each == 1 else f"{each} {growth.by.value}s"
    yield ""
    yield indent + look.paint(f"{up} joined, at most {number(max(joined))} in {time}", JOINED)
    for row in rising(joined, unit, above, cells, look.blocks):
        yield (indent + look.paint(row.rstrip(), JOINED)).rstrip()
    yield indent + ("─" if look.blocks else "-") * (cells * len(points))
    for row in hanging(left, unit, below, cells, look.blocks):
        if row.strip():
            yield indent + look.paint(row.rstrip(), LEFT)
    if below:
        yield indent + look.paint(f"{down} left, at most {number(max(left))} in {time}", LEFT)


def _table(growth: Growth, look: Look) -> Iterator[str]:
    rows = [
        (label(point.start, growth.by), point.joined, point.left, point.net, point.confirmed)
        for point in reversed(growth.points[-TABLE_ROWS:])
    ]
    rows.append(("all shown", growth.joined, growth.left, growth.net, growth.confirmed))
    texts = [("", "JOINED", "LEFT", "NET", "CONFIRMED")]
    texts += [(name, number(joined), number(left), signed(net), number(now)) for name, joined, left, net, now in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(5)]
    for place, (name, *figures) in enumerate(texts):
        cells = [name.ljust(widths[0]), *(text.rjust(room) for text, room in zip(figures, widths[1:], strict=True))]
        line = "  ".join(cells).rstrip()
        yield look.paint(line, STRONG) if place == 0 else line
