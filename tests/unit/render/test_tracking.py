"""Which links count, and what stands in their place."""

from __future__ import annotations

import re
from html import escape, unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.render.flat import Choice, Flat, Place, Print, Repeat, Segment
from mailer.render.personal import PersonalPart
from mailer.render.tracking import MOST, countable, counting

OWN = "https://news.example.org"
AT = Place("a template", 1)
BASE = f"{OWN}/l/TOKEN"


def part(*segments: Segment, html: bool = True) -> Flat:
    return Flat(segments, {}, html)


def link(url: str, words: str = "Read on") -> str:
    return f'<p><a class="x" href="{escape(url)}" style="color:#000">{words}</a></p>'


def short(*segments: Segment, urls: tuple[str, ...] | None = None) -> str:
    """An HTML part for somebody called Ann, with short links to what may be counted in it."""
    whole = part(*segments)
    found, _ = counting(whole, part(html=False), countable(whole, OWN) if urls is None else urls, BASE)
    return PersonalPart(found).render({"name": "Ann"}, {})


def short_text(*segments: Segment, urls: tuple[str, ...]) -> str:
    _, found = counting(part(), part(*segments, html=False), urls, BASE)
    return PersonalPart(found).render({"name": "Ann"}, {})


def test_each_address_is_counted_once_and_by_its_number() -> None:
    a, b = "https://example.org/a?x=1&y=2#part", "http://example.org/b"
    whole = part(link(a) + link(b) + link(a, '<img src="https://example.org/a.png">'))
    assert countable(whole, OWN) == (a, b)
    html = short(link(a) + link(b) + link(a, '<img src="https://example.org/a.png">'))
    assert re.findall(r'<a [^>]*href="([^"]*)"', html) == [f"{BASE}/1", f"{BASE}/2", f"{BASE}/1"]
    assert 'src="https://example.org/a.png"' in html, "a picture is no link"


@pytest.mark.parametrize(
    "url",
    [
        f"{OWN}/subscribe/weekly",
        OWN,
        f"{OWN}/",
        f"{OWN}?x",
        "HTTPS://NEWS.example.org/u/abc",
        "mailto:office@example.org",
        "tel:+4712345678",
        "javascript:alert(1)",
        "//evil.example/",
        "/archive",
        "ftp://example.org/x",
        "https://",
        "https://user:secret@example.org/",
        "https://[::1/",
        "https://grønn.example/",
        "https://example.org\\@evil.example/",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_what_is_no_web_address_or_leads_to_a_page_of_ours_is_left_alone(url: str) -> None:
    assert countable(part(link(url)), OWN) == ()
    assert f'href="{escape(url)}"' in short(link(url))


def test_another_site_whose_name_begins_like_ours_is_another_site() -> None:
    assert countable(part(link(f"{OWN}.example.net/")), OWN) == (f"{OWN}.example.net/",)


def test_what_holds_recipient_data_is_left_alone() -> None:
    """Else it would be known who followed it, and the address would be written down."""
    name = Print("subscriber.name", AT)
    torn = ('<a href="https://example.org/?n=', name, '">me</a>')
    assert countable(part(*torn), OWN) == ()
    assert '<a href="https://example.org/?n=Ann">' in short(*torn)
    # An attribute before it holds something personal: the tag is not whole, and the link is left as well.
    assert 'href="https://example.org/"' in short('<a title="', name, '" href="https://example.org/">x</a>')


@pytest.mark.parametrize("words", ["https://example.org/", " \n <b>www.example.org</b>", "HTTP://EXAMPLE.ORG/a"])
def test_a_link_that_shows_its_address_leads_there_directly(words: str) -> None:
    """An address that leads to another one is what frauds write, and mail programs warn of it."""
    assert countable(part(link("https://example.org/", words)), OWN) == ()


def test_links_inside_conditions_and_loops_count_too() -> None:
    a, b, c = (f"https://example.org/{name}" for name in "abc")
    segments: tuple[Segment, ...] = (
        Choice((("subscriber.name == 'Ann'", (link(a),)),), (link(b),), AT),
        Repeat("t", "[1, 2]", None, (link(c),), (), AT),
    )
    assert countable(part(*segments), OWN) == (a, b, c)
    html = short(*segments)
    assert [html.count(f"{BASE}/{number}") for number in (1, 2, 3)] == [1, 0, 2]


def test_the_picture_stands_once_at_the_end_of_the_body() -> None:
    name = Print("subscriber.name", AT)
    html = short("<html><body>", name, " reads about &lt;/body&gt;</body></html>", name)
    assert html.count("<img") == 1
    assert f'<img src="{BASE}/0" width="1" height="1" alt=""' in html
    assert html.endswith('border:0"></body></html>Ann')
    assert short("no body").startswith("no body<img")


def test_what_was_not_written_down_is_not_replaced() -> None:
    """The numbers are those that were frozen, whatever a later program would choose."""
    html = short(link("https://example.org/a") + link("https://example.org/b"), urls=("https://example.org/b",))
    assert 'href="https://example.org/a"' in html
    assert f'href="{BASE}/1"' in html


def test_there_are_not_endlessly_many() -> None:
    assert len(countable(part("".join(link(f"https://example.org/{n}") for n in range(MOST + 5))), OWN)) == MOST


A, LONGER = "https://example.org/a", "https://example.org/a/b"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"Read {A}.", f"Read {BASE}/1."),
        (f"({A}), and {A}\n{A}", f"({BASE}/1), and {BASE}/1\n{BASE}/1"),
        (f"<{A}>", f"<{BASE}/1>"),
        (f"{LONGER} and {A}?x=1 and x{A}", f"{LONGER} and {A}?x=1 and x{A}"),
        ("https://example.org/other", "https://example.org/other"),
    ],
)
def test_addresses_in_the_text_part(before: str, after: str) -> None:
    assert short_text(before, urls=(A,)) == after


def test_an_address_in_the_text_that_goes_on_in_recipient_data_is_left_alone() -> None:
    name = Print("subscriber.name", AT)
    assert short_text(f"{A}", name, urls=(A,)) == f"{A}Ann"
    assert short_text(f"{A}.", name, urls=(A,)) == f"{A}.Ann"
    assert short_text(name, f"{A}", urls=(A,)) == f"Ann{A}"
    assert short_text(f"{A} ", name, f" {A}", urls=(A,)) == f"{BASE}/1 Ann {BASE}/1"
    inside = Choice((("subscriber.name", (A,)),), (), AT)
    assert short_text(inside, "x", urls=(A,)) == f"{A}x"


def test_what_is_each_readers_own_stands_in_each_link() -> None:
    own = Print("links.counted", AT)
    html, _ = counting(part(link(A)), part(html=False), (A,), own)
    found = PersonalPart(html).render({}, {"counted": "https://news.example.org/l/ANN"})
    assert 'href="https://news.example.org/l/ANN/1"' in found
    assert 'src="https://news.example.org/l/ANN/0"' in found


URLS = st.text(alphabet="abc/?&=#;.%-_~:@ '\"<>\\|\u00e9\n", max_size=20).map(lambda rest: f"https://e.org/{rest}")


@given(st.lists(URLS, max_size=5), st.text(max_size=20))
def test_short_links_lead_exactly_where_the_links_led(urls: list[str], words: str) -> None:
    html = "".join(link(url, escape(f"to {words}")) for url in urls)
    whole = part(html)
    frozen = countable(whole, OWN)
    mail = short(html).partition('<img src="')[0]
    back = re.sub(rf"{BASE}/(\d+)", lambda found: escape(frozen[int(found[1]) - 1]), mail)
    assert unescape(back) == unescape(html)
