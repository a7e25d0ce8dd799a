"""Colours that a reader may not tell apart, and mails that say nothing of the dark, at the edges of the cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer.checks import accessibility
from mailer.checks.facts import Facts
from mailer.checks.run import check
from tests.unit.checks.cases.accessibility import IN_TEXT, LOGO, PLAIN, css, dark, lit
from tests.unit.checks.making import GOOD, HTML, html

BODY = HTML[: HTML.index("</div>\n</body>")].count("\n") + 2
FAINT = '<p style="color:#777">Faint</p>'
SAME = f"<p>{IN_TEXT.format(f'<a href=x {PLAIN}>our page</a>')}</p>"
RIGHT_SIZE = '<img src="https://site.example/{}" width="100" alt="{}" class="{}" id="{}">'


def found(facts: Facts, rule: str) -> list[str]:
    """Message, line and excerpt of what the rule says."""
    every = [each for each in check(facts, rules=accessibility.RULES) if each.rule == rule]
    places = [each.place for each in every]
    return [
        f"{each.message} | {at.part} {at.line} {at.excerpt}" if at else each.message
        for each, at in zip(every, places, strict=True)
    ]


def both(one: Facts, other: Facts) -> Facts:
    return replace(GOOD, mails=(*one.mails, *other.mails))


def test_every_pair_of_colours_is_told_once_for_each_size_that_text_has() -> None:
    faint = "color:#949494"
    facts = html(
        f'<p style="position:fixed">Unknown</p><p style="{faint};background:#fffffe">One</p><p style="{faint}">Two</p>'
        f'<p style="{faint};font-size:30px;background:#eee">Three</p><p style="{faint};background:#eee">Four</p>'
    )
    assert [each.rpartition(" ")[2] for each in found(facts, "contrast")] == ["One", "Two", "Three", "Four"]


def test_only_a_mail_that_knows_the_dark_is_looked_at_in_it() -> None:
    assert found(lit(FAINT), "contrast-dark") == []
    assert len(found(lit(FAINT), "contrast")) == 1


@pytest.mark.parametrize(
    ("head", "knows"),
    [
        ("<style>p { color: red } :root { COLOR-SCHEME : only DARK }</style>", True),
        ("<style>@media (prefers-color-scheme : dark) { p { color: red } }</style>", True),
        ("<style media='print'></style><style media='(prefers-color-scheme:dark)'></style>", True),
        ('<meta name=" Color-Scheme " content="dark">', True),
        ("<style>:root { color-scheme:dark }</style>", True),
        ("<style>:root { color-scheme: light } .dark p { color: red }</style>", False),
        ("<style>:root { color-scheme: light; color: dark }</style>", False),
        ("<style>:root { color-scheme: --darkroom }</style>", False),
        ("<style>:root { color-scheme: undark }</style>", False),
        ('<meta name="color-scheme"><meta content="dark"><style></style>', False),
    ],
)
def test_a_mail_knows_the_dark_by_a_style_or_a_meta_element(head: str, knows: bool) -> None:
    assert found(lit("", head), "no-dark-mode") == ([] if knows else ["nothing in it is meant for dark mode | html 0 "])


@pytest.mark.parametrize(
    ("src", "alt", "kind", "number", "lost"),
    [
        ("icon.png", "", "", "", True),
        ("a.gif#x", "Our wordmark", "", "", True),
        ("a.webp?x", "", "signet", "", True),
        ("a.avif", "", "", "logo", True),
        ("a.svg", "", "LOGO", "", True),
        ("logo.pngx", "", "", "", False),
        ("a.png", "Weir", "b", "c", False),
    ],
)
def test_a_logo_is_known_by_its_name_and_what_it_is_called(
    src: str, alt: str, kind: str, number: str, lost: bool
) -> None:
    facts = html(f"<p>x</p>\n{RIGHT_SIZE.format(src, alt, kind, number)}")
    said = [f"a logo may be transparent and stands on a dark ground | html {BODY + 1} "]
    assert found(facts, "dark-logo") == (said if lost else [])


def test_a_logo_is_looked_for_in_every_mail_that_knows_the_dark() -> None:
    logo = LOGO.format("").replace(' alt="Rivers United"', "")
    assert found(lit(f'<div style="background:#000">{logo}</div>'), "dark-logo") == []
    assert len(found(both(lit(logo), html(logo)), "dark-logo")) == 1
    assert found(html(f'<div style="background:url(a.jpg)">{logo}</div>'), "dark-logo") == []


def test_the_first_link_by_colour_is_told_of_each_mail() -> None:
    said = "a link differs from the text around it by nothing but its colour"
    assert found(lit(f"<p>x</p>\n{SAME}{SAME}"), "link-by-colour") == [f"{said} | html {BODY + 1} our page"]
    assert len(found(both(lit(SAME), lit(f"<p>x</p>{SAME}")), "link-by-colour")) == 2


@pytest.mark.parametrize(
    ("rules", "link", "told"),
    [
        (
            f"a {{ text-decoration: none }} {dark('a { color: #fff !important }')}",
            "<a href=x style='color:#ccc'>us</a>",
            True,
        ),
        (
            "@media (min-width: 600px) { a { text-decoration: none !important } }",
            "<a href=x style='color:#000'>us</a>",
            True,
        ),
        (
            "@media (max-width: 600px) { a { text-decoration: none !important } }",
            "<a href=x style='color:#000'>us</a>",
            False,
        ),
        ("p { font-weight: bold }", f'<a href=x {PLAIN[:-1]};font-weight:normal">us</a>', False),
        ("p { font-weight: bold }", f'<a href=x {PLAIN[:-1]};font-weight:600">us</a>', True),
        ("a { display: none }", f"<a href=x {PLAIN}>us</a>", False),
    ],
)
def test_a_link_is_told_apart_on_every_wide_screen(rules: str, link: str, told: bool) -> None:
    assert bool(found(css(rules, f"<p>{IN_TEXT.format(link)}</p>"), "link-by-colour")) is told


def test_what_has_no_address_is_text_around_a_link() -> None:
    body = f"<p><a name=a style=color:#000>More about the river</a> <a href=x {PLAIN}>us</a></p>"
    assert len(found(lit(body), "link-by-colour")) == 1
