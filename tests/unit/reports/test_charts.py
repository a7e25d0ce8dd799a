"""Charts: whole, readable and harmless, from nobody to ten years of a million people, in a terminal and on a page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.reports.axis import date_places
from mailer.reports.bars import bar, hanging, rising, shared_rows
from mailer.reports.calendar import Step, starts
from mailer.reports.growth import Growth, Movement, gathered, grow
from mailer.reports.page import ListPage
from mailer.reports.scale import number, short, signed, ticks
from mailer.reports.terminal import NARROWEST, Look, growth_lines, split_lines
from tests.thoroughness import examples

TODAY = date(2026, 11, 22)
HOSTILE = """<script>alert("1")</script> & 'Änne' </title><img src=http://evil.example/x onerror=x>\u202e"""
STATES = {"pending": 3, "confirmed": 40, "unsubscribed": 7}


def moves(days: int, joined: int = 12, left: int = 3) -> list[Movement]:
    """Somebody joins on each of the last days, and somebody else leaves."""
    first = TODAY - timedelta(days=days - 1)
    return [
        Movement(first + timedelta(days=day), how, *both)
        for day in range(days)
        for how, both in (("confirm_link", (joined + day % 7, 0)), ("one_click", (0, left)))
    ]


def series(days: int, by: Step | None = None, joined: int = 12) -> Growth:
    return grow(moves(days, joined), TODAY, by=by)


SERIES = {
    "empty": grow([], TODAY),
    "one day": series(1),
    "all left": grow([Movement(TODAY, "import", 5), Movement(TODAY, "forgotten", 0, 5)], TODAY),
    "a month": series(30),
    "a year": series(365),
    "ten years of weeks": series(3650, Step.WEEK, 300),
    "ten years of days": series(3650, Step.DAY, 300),
    "a million": grow([Movement(TODAY - timedelta(days=90), "import", 1_000_000), *moves(60)], TODAY),
}
every_series = pytest.mark.parametrize("growth", SERIES.values(), ids=SERIES)


# --- the page ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The page as a browser reads it: its tags with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def html(growth: Growth, title: str = "Weekly bulletin", states: dict[str, int] | None = None) -> str:
    return ListPage(title, growth, STATES if states is None else states, 38).html()


@every_series
def test_the_page_is_whole_and_loads_nothing(growth: Growth) -> None:
    text = html(growth, HOSTILE, dict.fromkeys(STATES, 0) if growth.is_empty else None)
    page = Page(text)
    assert (page.faults, page.open) == ([], [])
    used = {name for name, _ in page.tags}
    assert not used & {"script", "link", "iframe", "img", "image", "use", "object", "a", "form", "foreignobject"}
    for _, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("style", "src", "href", "id")}
    assert not re.search(r"url\(|@import|javascript:|data:", text)
    # The title is text and nothing but text; its address is the only one that stands anywhere.
    assert re.findall(r"https?:", text.replace("http://evil.example", "")) == []
    assert "".join(page.words).count(HOSTILE) == 2


def test_the_policy_of_the_page_allows_its_own_style_and_nothing_else() -> None:
    text = html(SERIES["a year"])
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@every_series
def test_who_does_not_see_the_pictures_reads_the_numbers(growth: Growth) -> None:
    page = Page(html(growth))
    assert page.named("html") == [{"lang": "en"}]
    for svg in page.named("svg"):
        assert svg.get("aria-hidden") == "true" or (svg["role"] == "img" and svg["aria-label"])
    text = " ".join("".join(page.words).split())
    if growth.is_empty:
        assert "Nobody was ever confirmed" in text
        return
    first, last = growth.points[0], growth.points[-1]
    assert number(last.confirmed) in text
    rows = [cells for tag, cells in page.tags if tag == "tr"]
    assert len(rows) >= len(growth.points)
    assert f"{number(growth.joined)} joined" in text
    assert number(first.joined) in text


def test_the_page_of_a_phone_and_of_a_desk_show_the_same_bars() -> None:
    text = html(SERIES["a month"])
    wide, narrow = re.findall(r'<figure class="(?:wide|narrow)"><svg.*?</svg>', text[text.index("Joined and left") :])
    for picture in (wide, narrow):
        assert picture.count("<rect x=") == 2 * 30 + 2  # and two backgrounds
        assert "22 Nov 2026: 13 joined" in picture
    assert 'viewBox="0 0 960 300"' in wide and 'viewBox="0 0 360 240"' in narrow


def test_a_picture_is_the_same_when_it_is_drawn_again() -> None:
    assert html(SERIES["a year"]) == html(SERIES["a year"])


def test_an_axis_that_does_not_begin_at_nought_says_so() -> None:
    growth = grow([Movement(date(2026, 1, 1), "import", 100_000), *moves(60)], TODAY, date(2026, 9, 23))
    assert "not at 0" in html(growth)
    assert "series area" not in html(growth)
    assert "not at 0" not in html(SERIES["a year"])


# --- the terminal -----------------------------------------------------------------------------------------------------


@every_series
@pytest.mark.parametrize("blocks", [True, False], ids=["blocks", "ascii"])
@pytest.mark.parametrize("width", [20, 60, 80, 300])
def test_the_drawing_keeps_to_the_width_and_to_the_letters_of_the_terminal(
    growth: Growth, blocks: bool, width: int
) -> None:
    lines = list(growth_lines(growth, Look(width, blocks)))
    assert max(map(len, lines)) <= max(width, NARROWEST, len("16 Nov 2026  1,000,000  10,950  +1,000,000  1,000,000"))
    assert blocks or all(line.isascii() for line in lines)
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)


def test_the_drawing_in_a_terminal() -> None:
    growth = grow(
        [Movement(date(2026, 11, day), "import" if day % 2 else "form", day, day // 5) for day in range(13, 23)], TODAY
    )
    text = "\n".join(growth_lines(growth, Look(60)))
    assert "Confirmed people, daily, UTC" in text
    assert "█ joined, at most 22 in a day" in text
    assert "22 Nov 2026      22     4   +18        144" in text
    assert re.search(r"all shown +175 +31 +\+144 +144", text)
    assert "Joined by\n  form    90" in text


def test_only_what_is_drawn_is_painted_and_never_the_numbers() -> None:
    painted: list[tuple[str, str]] = []

    def paint(text: str, role: str) -> str:
        painted.append((text, role))
        return text

    plain = list(growth_lines(SERIES["a month"], Look(80)))
    assert list(growth_lines(SERIES["a month"], Look(80, paint=paint))) == plain
    assert {role for _, role in painted} == {"strong", "confirmed", "joined", "left"}


def test_more_steps_than_columns_are_added_up() -> None:
    text = "\n".join(growth_lines(SERIES["ten years of days"], Look(80)))
    assert re.search(r"joined, at most [\d,]+ in \d+ days", text)


def test_a_split_is_drawn_in_proportion() -> None:
    lines = list(split_lines({"a": 80, "bb": 40, "c": 0, "d": 1}, Look(40)))
    assert [line.count("█") for line in lines] == [30, 15, 0, 0]
    assert lines[3].endswith("▍") and lines[2] == "  c    0"


# --- their parts ------------------------------------------------------------------------------------------------------


@given(low=st.integers(-(10**7), 10**7), span=st.integers(0, 10**8), most=st.integers(2, 8))
def test_marks_of_an_axis_are_round_few_and_around_the_values(low: int, span: int, most: int) -> None:
    marks = ticks(low, low + span, most)
    assert marks[0] <= low and marks[-1] >= low + span
    assert 2 <= len(marks) <= most + 2
    steps = {after - before for before, after in pairwise(marks)}
    assert len(steps) == 1
    assert re.fullmatch(r"[125]0*", str(steps.pop()))


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (9_999, "9,999"), (10_000, "10k"), (12_500, "12.5k"), (1_000_000, "1M"), (-20_000, "-20k")],
)
def test_a_number_at_an_axis_is_short(value: int, text: str) -> None:
    assert short(value) == text


def test_numbers_in_a_table_have_separators_and_signs() -> None:
    assert (number(1234567), signed(1234), signed(-5), signed(0)) == ("1,234,567", "+1,234", "-5", "0")


@settings(max_examples=examples(50))
@given(
    joined=st.lists(st.integers(0, 10**6), min_size=1, max_size=40),
    left=st.integers(0, 10**6),
    cells=st.integers(1, 8),
    blocks=st.booleans(),
)
def test_every_bar_above_nought_is_seen_and_none_leaves_its_rows(
    joined: Sequence[int], left: int, cells: int, blocks: bool
) -> None:
    above, below, unit = shared_rows(max(joined), left, 6)
    assert above + below == 6
    rows = list(rising(joined, unit, above, cells, blocks))
    assert [len(row) for row in rows] == [len(joined) * cells] * above
    for place, value in enumerate(joined):
        column = [row[place * cells] for row in rows]
        assert (column[-1] != " ") == (value > 0)
    fallen = list(hanging([left], unit, below, cells, blocks))
    assert not below or (fallen[0][0] != " ") == (left > 0)


def test_a_bar_is_drawn_to_the_eighth() -> None:
    assert [bar(share, 4, True) for share in (0, 0.001, 0.5, 0.53125, 1)] == ["", "▏", "██", "██▏", "████"]
    assert [bar(share, 4, False) for share in (0, 0.001, 0.5, 1)] == ["", "#", "##", "####"]


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("days", [0, 1, 20, 90, 800, 4000])
@pytest.mark.parametrize("most", [1, 4, 9])
def test_dates_at_an_axis_are_few_and_none_stands_twice(step: Step, days: int, most: int) -> None:
    first_days = list(starts(TODAY - timedelta(days=days), TODAY, step))
    places = date_places(first_days, step, most)
    assert 1 <= len(places) <= most
    assert len(set(places.values())) == len(places)
    assert all(0 <= place < len(first_days) for place in places)


def test_neighbours_that_are_added_up_lose_nobody() -> None:
    growth = SERIES["a year"]
    each, points = gathered(growth.points, 10)
    assert each == 6 and len(points) <= 10
    assert sum(point.joined for point in points) == growth.joined
    assert points[-1].confirmed == growth.confirmed
