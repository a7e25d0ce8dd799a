"""Colours, media queries and the cascade by numbers that are written down. What Chromium makes of whole mails is asked
in tests/web/test_check_browser.py."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from mailer.checks import accessibility
from mailer.checks.cascade import Look, cascade_of, looks
from mailer.checks.colour import BLACK, WHITE, Colour, contrast, css_colour, old_colour
from mailer.checks.document import Document
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Finding, Level
from mailer.checks.run import check
from mailer.checks.screen import DARK, DARK_DESKTOP, DARK_PHONE, DESKTOP, LIGHT, PHONE, applies
from tests.unit.checks.mails import page
from tests.unit.checks.making import GOOD, LINK, html


def look_of(body: str, css: str = "", tag: str = "p", head: str = "", dark: bool = False) -> Look:
    document = Document(page(body, css, head))
    number = next(number for number, each in enumerate(document.elements) if each.tag == tag)
    return looks(document, DARK_DESKTOP if dark else DESKTOP)[number]


# WCAG 2.1: the ends of the scale, and greys that everybody who tests pages knows.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#fff", 21.0), ("#fff", "#fff", 1.0), ("#777", "#fff", 4.48), ("#767676", "#fff", 4.54),
     ("#f00", "#fff", 4.0), ("#0000ee", "#fff", 9.4), ("#949494", "#fff", 3.03), ("#ff0", "#00f", 8.0)],
)  # fmt: skip
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    left, right = css_colour(one), css_colour(other)
    assert isinstance(left, Colour) and isinstance(right, Colour)
    assert contrast(left, right) == contrast(right, left) == pytest.approx(ratio, abs=0.01)


# HTML, "rules for parsing a legacy color value"; the names are those that browsers are famous for.
@pytest.mark.parametrize(
    ("text", "code"),
    [("red", "#ff0000"), ("#f00", "#ff0000"), ("336699", "#336699"), ("#336699", "#336699"), (" Navy ", "#000080"),
     ("chucknorris", "#c00000"), ("crap", "#c0a000"), ("f00", "#0f0000"), ("#zqbttv", "#00b000"), ("6", "#060000"),
     ("#123456789", "#124578"), ("x" * 200, "#000000"), ("#ab", "#0a0b00"), ("#abcd", "#abcd00"), ("12", "#010200"),
     ("1234", "#123400"), ("910000000" * 3, "#101010"), ("001002003", "#010203"), ("001100003", "#001000"),
     ("1" * 128 + "f" * 200, "#111111"), ("0" * 127 + "f", "#0000f0"), ("0" * 128 + "f", "#000000"),
     ("#" + "0" * 126 + "f0", "#0000f0"), ("#" + "0" * 127 + "f", "#000000"), ("rgb(9,9,9)", "#009090")],
)  # fmt: skip
def test_colours_of_attributes_are_guessed_as_browsers_do(text: str, code: str) -> None:
    found = old_colour(text)
    assert found is not None and found.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("hsl(0 100% 50%)", "#ff0000"), ("hwb(240 0% 0%)", "#0000ff"), ("rgb(300 -9 255)", "#ff00ff"),
    ("#f00c", "#ff0000"),
     ("navy", "#000080"), ("transparent", "#000000")],
)  # fmt: skip
def test_colours_of_css_are_brought_to_bytes(text: str, code: str) -> None:
    found = css_colour(text)
    assert isinstance(found, Colour) and found.code == code


def test_colours_of_css_that_cannot_be_worked_out() -> None:
    assert [css_colour(text) for text in ("lab(50% 5 5)", "oklch(.5 .1 20)", "nope", "")] == [None] * 4
    assert str(css_colour("currentColor")).lower() == "currentcolor"


def test_dark_colours_are_told_apart_as_closely_as_wcag_does() -> None:
    almost = css_colour("#0a0a0a")
    assert isinstance(almost, Colour)
    assert contrast(almost, BLACK) == pytest.approx(1 + 10 / 255 / 12.92 / 0.05)


@pytest.mark.parametrize("text", ["", " ", "transparent", "Transparent "])
def test_attributes_that_are_no_colour(text: str) -> None:
    assert old_colour(text) is None


SCREENS = (PHONE, DESKTOP, DARK_PHONE)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "yyy"), ("all", "yyy"), ("screen", "yyy"), ("print", "nnn"), ("tv, screen", "yyy"), ("bogus", "nnn"),
        ("screen and (max-width:479px)", "yny"), ("(max-width:375px)", "yny"), ("(max-width:374px)", "nnn"),
        ("(min-width:800px)", "nyn"), ("(min-width:801px)", "nnn"), ("(width:375px)", "yny"), ("(min-width:0)", "yyy"),
        ("(prefers-color-scheme: dark)", "nny"), ("(prefers-color-scheme: light)", "yyn"),
        ("not all and (min-width:500px)", "yny"), ("not (prefers-color-scheme: dark)", "yyn"), ("not print", "yyy"),
        ("only screen and (min-width:30em)", "nyn"), ("(min-width:600pt)", "nyn"), ("(min-width:601pt)", "nnn"),
        ("(400px <= width < 900px)", "nyn"), ("(width>=800px)", "nyn"), ("(width>800px)", "nnn"),
        ("(375px < width)", "nyn"), ("(width=375px)", "yny"), ("(width <= 375px <= 2)", "nnn"),
        ("(hover)", "yyy"), ("(hover: hover)", "nyn"),
        ("(orientation:portrait)", "yny"), ("(min-device-width : 375px) and (max-device-width : 380px)", "yny"),
        ("((min-width:1px) and (max-width:400px)) or (hover:hover)", "yyy"), ("(min-height: 700px)", "yny"),
        ("screen and (-webkit-min-device-pixel-ratio:0)", "yyy"), ("(-webkit-min-device-pixel-ratio:2)", "nnn"),
        ("(prefers-reduced-motion: reduce)", "nnn"), ("(unheard-of)", "nnn"), ("()", "nnn"), ("(min-width)", "nnn"),
        ("(min-width: big)", "nnn"), ("(width: 3 5)", "nnn"),
        (" ", "yyy"), ("only", "nnn"), ("screen)", "nnn"), ("screen / tv", "nnn"), ("(3:5)", "nnn"), ("(3)", "nnn"),
        ("(min-width:)", "nnn"), ("(min-width:/* a */0)", "yyy"), ("(min-width:800)", "nnn"),
        ("(mid-width:800px)", "nnn"),
        ("(width:50em)", "nyn"), ("(width:50rem)", "nyn"), ("(min-width:8.33in)", "nyn"), ("(min-width:8.34in)", "nnn"),
        ("(min-width:21.16cm)", "nyn"), ("(min-width:21.17cm)", "nnn"), ("(min-width:211.6mm)", "nyn"),
        ("(min-width:211.7mm)", "nnn"), ("(height:812px)", "yny"), ("(height:600px)", "nyn"),
        ("(min-depth:8px)", "nnn"),
        ("(width)", "yyy"), ("(height)", "yyy"), ("(color)", "yyy"), ("(pointer)", "yyy"),
        ("(prefers-color-scheme)", "yyy"),
        ("(pointer:coarse)", "yny"), ("(pointer:fine)", "nyn"), ("(prefers-reduced-motion:no-preference)", "yyy"),
        ("(prefers-contrast:no-preference)", "yyy"), ("(forced-colors:none)", "yyy"), ("(forced-colors:active)", "nnn"),
        ("(min-resolution:1dppx)", "yyy"), ("(min-resolution:2dppx)", "nnn"), ("(min-resolution:high)", "nnn"),
        ("(max-resolution:1dppx)", "yyy"), ("(max-resolution:96dpi)", "yyy"), ("(min-resolution:97dpi)", "nnn"),
        ("(min-resolution:37dpcm)", "yyy"), ("(min-resolution:38dpcm)", "nnn"), ("(resolution:1x)", "yyy"),
        ("(-webkit-max-device-pixel-ratio:1.5)", "yyy"), ("(min--moz-device-pixel-ratio:1)", "yyy"),
        ("(-webkit-device-pixel-ratio:2)", "nnn"), ("(min-resolution:1px)", "nnn"), ("(min-aspect-ratio:1)", "nnn"),
        ("(max-resolution:.5dppx)", "nnn"), ("(800px > width)", "yny"), ("(width > 375px)", "nyn"),
        ("(width <= 375px)", "yny"), ("(depth < 800px)", "nnn"), ("(375px <= width <=)", "nnn"),
        ("(width ! 375px)", "nnn"),
    ],
)  # fmt: skip
def test_media_queries(query: str, wanted: str) -> None:
    assert "".join("y" if applies(query, screen) else "n" for screen in SCREENS) == wanted


def test_what_likes_it_dark_is_as_large_as_what_does_not() -> None:
    assert [replace(each, dark=False) for each in DARK] == list(LIGHT)
    assert all(each.dark for each in DARK)


def test_half_clear_colours_are_laid_over_one_another() -> None:
    look = look_of(
        '<div style="background:rgba(0,0,0,.5)"><div style="opacity:.5;background:#fff">'
        '<p style="color:rgba(255,0,0,.5)">x</p></div></div>'
    )
    assert look.seen is not None
    text, ground = look.seen
    assert ground.code == "#bfbfbf"  # white, half of it over a grey of 127.5
    assert text.code == "#bf8080"  # half red on white is #ff8080, and half of that over the grey


def test_what_is_not_known_is_not_judged() -> None:
    for style in ("background-image:url(a)", "color:oklch(.5 .1 20)", "background:var(--x)", "position:fixed"):
        assert look_of(f'<p style="{style}">x</p>').seen is None
    assert look_of('<p style="background:#fff;position:fixed">x</p>').seen == (BLACK, WHITE)


def test_a_page_that_can_be_dark_has_the_browsers_dark_colours() -> None:
    meta = '<meta name="color-scheme" content="light dark">'
    for css, head, dark in product(("", ":root { color-scheme: dark light }"), ("", meta), (True, False)):
        colours = ("#ffffff", "#121212") if dark and (css or head) else ("#000000", "#ffffff")
        seen = look_of("<p>x</p>", css, head=head, dark=dark).seen
        assert seen is not None and (seen[0].code, seen[1].code) == colours


def test_mails_that_differ_in_words_and_addresses_are_looked_at_once() -> None:
    one, other = (Document(page(f'<p class="a"><a href="{name}">{name}</a></p>', "p { color: red }")) for name in "ab")
    assert cascade_of(one) is cascade_of(other)


@pytest.mark.parametrize(
    ("one", "other", "css"),
    [
        ('<p class="a">x</p>', '<p class="b">x</p>', ""),
        ("<p><b>x</b></p>", "<p></p><b>x</b>", ""),
        ('<a href="a">x</a>', '<a href="b">x</a>', '[href="a"] { color: red }'),
        ('<img alt="a">', '<img alt="b">', "[ALT ^= a] { color: red }"),
    ],
)
def test_mails_that_may_look_otherwise_are_looked_at_each(one: str, other: str, css: str) -> None:
    assert cascade_of(Document(page(one, css))) is not cascade_of(Document(page(other, css)))


def leaving(style: str, inner: str = "Leave", unsubscribe: str = LINK) -> list[Finding]:
    facts = html(f'<a href="{LINK}" style="{style}">{inner}</a><p style="color:#ccc">Faint</p>')
    facts = replace(facts, mails=(replace(facts.mails[0], unsubscribe=unsubscribe),))
    return [each for each in check(facts, rules=accessibility.RULES) if each.rule == "contrast"]


def test_a_link_to_unsubscribe_that_hardly_shows_stops_a_send() -> None:
    errors = [each for each in leaving("color:#ccc") if each.level is Level.ERROR]
    assert [each.place.excerpt for each in errors if each.place] == ["Leave"]
    assert [each.level for each in leaving("color:#ccc", '<b style="color:#ddd">x</b>')][:1] == [Level.ERROR]
    assert {each.level for each in leaving("color:#999")} == {Level.WARNING}
    assert {each.level for each in leaving("color:#ccc", unsubscribe="")} == {Level.WARNING}


def test_the_same_colours_are_said_once() -> None:
    facts = html('<p style="color:#999">One</p><p style="color:#999">Two</p><p style="color:#888">Three</p>')
    found = [each for each in check(facts, rules=accessibility.RULES) if each.rule == "contrast"]
    assert [each.place.excerpt for each in found if each.place] == ["One", "Three"]


def test_small_text_weighs_by_its_size() -> None:
    facts = html(
        '<p style="font-size:11px">One</p><p style="font-size:12px">Two</p><p style="font-size:11px">Three</p>'
    )
    found = [each for each in check(facts, rules=accessibility.RULES) if each.rule == "small-text"]
    assert [(each.level, each.message) for each in found] == [
        (Level.WARNING, "text of 11 pixels is small"),
        (Level.NOTE, "text of 12 pixels is small"),
    ]


def test_facts_in_order_have_a_look_at_every_screen() -> None:
    assert check(GOOD, rules=accessibility.RULES) == ()


def said(facts: Facts, rule: str) -> list[tuple[Level, str]]:
    return [(each.level, each.message) for each in check(facts, rules=accessibility.RULES) if each.rule == rule]


def bare(body: str, root: str = 'lang="en" dir="ltr"') -> Facts:
    """A mail that is a file, of which nothing else is known."""
    return Facts(GOOD.now, (Mail("file", html=f"<!doctype html><html {root}><body>{body}</body></html>"),))


def test_a_direction_that_is_missing_weighs_more_from_right_to_left() -> None:
    whole = "the html element says no direction"
    inner = "the first element of the body says no direction"
    assert said(bare("<p>x</p>", 'lang="en"'), "direction") == [(Level.NOTE, whole), (Level.NOTE, inner)]
    assert said(bare("<p>x</p>", 'lang="ar"'), "direction") == [(Level.WARNING, whole), (Level.WARNING, inner)]


def test_a_mail_is_long_from_six_hundred_letters_on() -> None:
    assert said(bare(f"<p>{'x' * 599}</p>"), "headings") == []
    assert said(bare(f"<p>{'x' * 600}</p>"), "headings") == [(Level.NOTE, "a long mail without a heading")]


def test_a_paragraph_and_a_mail_begin_at_so_many_letters() -> None:
    for style, rule in (("line-height:1", "tight-lines"), ("text-align:justify", "justified")):
        assert said(bare(f'<p style="{style}">{"x" * 119}</p>'), rule) == []
        assert len(said(bare(f'<p style="{style}">{"x" * 120}</p>'), rule)) == 1
    picture = '<img src="a.jpg" alt="A weir" width="600">'
    assert len(said(bare(f"{picture}<p>{'x' * 79}</p>"), "only-pictures")) == 1
    assert said(bare(f"{picture}<p>{'x' * 80}</p>"), "only-pictures") == []
