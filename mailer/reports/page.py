"""A list's growth as one HTML page: no script, nothing loaded, readable without seeing the pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from mailer.reports.axis import date_places
from mailer.reports.calendar import day_label, label
from mailer.reports.growth import Growth, Point, gathered
from mailer.reports.page_style import STYLE
from mailer.reports.scale import floor_of, number, short, signed, ticks
from mailer.reports.svg import AREA, NARROW, WIDE, Drawing, bars_svg, line_svg
from mailer.reports.words import by_source

# More bars than this are no wider than a hair: neighbours are added up.
MOST_BARS = {WIDE: 300, NARROW: 100}
DATES = {WIDE: 9, NARROW: 4}


@dataclass(frozen=True, slots=True)
class ListPage:
    """What the page tells. `states` are all subscriptions of now, `mailable` those an issue would reach."""

    title: str
    growth: Growth
    states: Mapping[str, int]
    mailable: int

    def html(self) -> str:
        """The whole page."""
        digest = b64encode(sha256(STYLE.encode()).digest()).decode()
        return _PAGE.format(
            title=escape(self.title),
            digest=digest,
            style=STYLE,
            span=escape(_span(self.growth)),
            body="\n".join(self._sections()),
        )

    def _sections(self) -> Iterator[str]:
        yield _figures(self)
        if self.growth.is_empty:
            yield "<section><h2>No growth yet</h2><p>Nobody was ever confirmed on this list.</p></section>"
        else:
            if len(self.growth.points) > 1:
                yield _running(self.growth)
            yield _moves(self.growth)
        yield '<div class="splits">'
        yield _split("All subscriptions now", self.states, "confirmed")
        yield _split("How people joined", by_source(self.growth.joined_by), "joined")
        yield _split("How people left", by_source(self.growth.left_by), "left")
        yield "</div>"
        if not self.growth.is_empty:
            yield _numbers(self.growth)


def _span(growth: Growth) -> str:
    return f"{day_label(growth.since)} to {day_label(growth.until)}, {growth.by.adjective}; days begin at midnight UTC"


def _figures(page: ListPage) -> str:
    growth = page.growth
    figures = (
        ("Confirmed now", number(growth.confirmed), ""),
        ("Can be mailed", number(page.mailable), ""),
        ("Joined", signed(growth.joined), "joined"),
        ("Left", signed(-growth.left), "left"),
    )
    cells = (f'<div><dt>{name}</dt><dd class="{kind}">{value}</dd></div>' for name, value, kind in figures)
    return f"<section><dl>{''.join(cells)}</dl></section>"


def _running(growth: Growth) -> str:
    values = [point.confirmed for point in growth.points]
    marks = ticks(floor_of(values), max(values))
    text = (
        f"Line: confirmed people went from {number(growth.before)} before {day_label(growth.since)} "
        f"to {number(growth.confirmed)}. The numbers are in the table below."
    )
    note = "" if marks[0] <= 0 else f"<p>The axis begins at {number(marks[0])}, not at 0.</p>"
    series = {AREA: values, "confirmed": values} if marks[0] == 0 else {"confirmed": values}
    heights = {mark: short(mark) for mark in marks}

    def drawn(size: tuple[int, int]) -> str:
        return line_svg(Drawing(series, heights, _dates(growth.points, growth, size), text, {}), size)

    return f"<section><h2>Confirmed people</h2>{note}{_both(drawn(WIDE), drawn(NARROW))}</section>"


def _moves(growth: Growth) -> str:
    text = (
        f"Bars: {number(growth.joined)} people joined and {number(growth.left)} left, net {signed(growth.net)}. "
        "The numbers are in the table below."
    )

    def drawn(size: tuple[int, int]) -> str:
        each, points = gathered(growth.points, MOST_BARS[size])
        note = f"<figcaption>A bar is {each} {growth.by.value}s.</figcaption>" if each > 1 else ""
        joined, left = [point.joined for point in points], [-point.left for point in points]
        heights = {mark: short(abs(mark)) for mark in ticks(min(left), max(joined))}
        titles = _titles(points, growth, each)
        places = _dates(points, growth, size)
        return bars_svg(Drawing({"joined": joined, "left": left}, heights, places, text, titles), size) + note

    key = _KEY.format(joined=number(growth.joined), left=number(growth.left), net=signed(growth.net))
    return f"<section><h2>Joined and left</h2>{key}{_both(drawn(WIDE), drawn(NARROW))}</section>"


def _titles(points: Sequence[Point], growth: Growth, each: int) -> dict[str, list[str]]:
    names = [label(point.start, growth.by) + (f" and {each - 1} more" if each > 1 else "") for point in points]
    return {
        "joined": [f"{name}: {number(point.joined)} joined" for name, point in zip(names, points, strict=True)],
        "left": [f"{name}: {number(point.left)} left" for name, point in zip(names, points, strict=True)],
    }


def _dates(points: Sequence[Point], growth: Growth, size: tuple[int, int]) -> dict[int, str]:
    return date_places([point.start for point in points], growth.by, DATES[size])


def _both(wide: str, narrow: str) -> str:
    """The picture for a desk and the one for a phone; the style shows one of them."""
    return f'<figure class="wide">{wide}</figure><figure class="narrow">{narrow}</figure>'


def _split(title: str, counts: Mapping[str, int], kind: str) -> str:
    total = sum(counts.values())
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{number(count)}</td><td>{_percent(count, total)}</td>'
        f'<td class="bar">{_share(count, total, kind)}</td></tr>\n'
        for name, count in counts.items()
    )
    table = f'<table class="split">{rows}</table>' if total else "<p>Nobody.</p>"
    return f"<section><h2>{title}</h2>{table}</section>"


def _percent(count: int, total: int) -> str:
    share = 100 * count / max(total, 1)
    return f"{share:.0f}%" if not 0 < share < 1 else "&lt;1%"


def _share(count: int, total: int, kind: str) -> str:
    width = max(100 * count / total, 1) if count else 0
    return (
        f'<svg class="share {kind}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width:.2f}" height="10" /></svg>'
    )


def _numbers(growth: Growth) -> str:
    rows = "".join(
        f'<tr><th scope="row">{label(point.start, growth.by)}</th><td>{number(point.joined)}</td>'
        f"<td>{number(point.left)}</td><td>{signed(point.net)}</td><td>{number(point.confirmed)}</td></tr>\n"
        for point in reversed(growth.points)
    )
    return _TABLE.format(rows=rows, step=growth.by.value.capitalize())


_KEY = (
    '<p class="keys"><span class="key joined"></span><span>{joined} joined</span>'
    '<span class="key left"></span><span>{left} left</span><span class="net">net {net}</span></p>'
)

_TABLE = """<section><details><summary>The numbers</summary>
<table>
<caption>Newest first. Confirmed is the number at the end.</caption>
<thead><tr><th scope="col">{step}</th><th scope="col">Joined</th><th scope="col">Left</th><th scope="col">Net</th>
<th scope="col">Confirmed</th></tr></thead>
<tbody>
{rows}</tbody>
</table></details></section>"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'; \
base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{title} - growth</title>
<style>{style}</style>
</head>
<body>
<header>
<h1><bdi>{title}</bdi></h1>
<p>{span}</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""
