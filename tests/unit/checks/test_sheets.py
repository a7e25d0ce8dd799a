"""Which rules of its style sheets mean which elements of a mail. What Chromium makes of whole mails is asked in
tests/web/test_check_browser.py."""

from __future__ import annotations

import pytest

from mailer.checks.cascade import looks
from mailer.checks.document import Document
from mailer.checks.screen import DESKTOP
from mailer.checks.sheets import DEPTH
from tests.unit.checks.mails import page

BLUE = "p { color: #0000ff }"
TWO = "<p>x</p><p>x</p>"


def coloured(body: str, css: str = "", head: str = "") -> str:
    """A letter for each paragraph: b where it is blue."""
    document = Document(page(body, css, head))
    known = looks(document, DESKTOP)
    seen = [known[number].seen for number, each in enumerate(document.elements) if each.tag == "p"]
    return "".join("b" if each and each[0].code == "#0000ff" else "-" for each in seen)


def nested(rule: str, times: int) -> str:
    return f"@{rule} {{ " * times + BLUE + " }" * times


@pytest.mark.parametrize(
    ("css", "expected"),
    [
        (BLUE, "b"),
        (f"@media screen {{ {BLUE} }}", "b"),
        (f"@media print {{ {BLUE} }}", "-"),
        (f"@media print {{ @media screen {{ {BLUE} }} }}", "-"),
        (f"@media screen {{ @media print {{ {BLUE} }} }}", "-"),
        (f"@supports (display: grid) {{ {BLUE} }}", "b"),
        (f"@supports not (display: grid) {{ {BLUE} }}", "-"),
        (f"@supports  NOT (display: grid) {{ {BLUE} }}", "-"),
        (f"@media print {{ @supports (display: grid) {{ {BLUE} }} }}", "-"),
        (f"@layer a {{ {BLUE} }}", "-"),
        (f"@import url(a.css); @media; @supports (display: grid); {BLUE}", "b"),
        (f"p {{ }} {BLUE}", "b"),
        ("p::before { color: #0000ff }", "-"),
        ("p, p:oops(1) { color: #0000ff }", "-"),
        (f"@media screen {{ /* a word */ {BLUE} }}", "b"),
        *((nested(rule, DEPTH), "b") for rule in ("media screen", "supports (display: grid)")),
        *((nested(rule, DEPTH + 1), "-") for rule in ("media screen", "supports (display: grid)")),
    ],
)
def test_rules_are_read_within_the_conditions_that_a_screen_meets(css: str, expected: str) -> None:
    assert coloured("<p>x</p>", css) == expected


def test_conditions_are_read_twenty_deep() -> None:
    assert DEPTH == 20


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", "b"), ('type=" Text/CSS "', "b"), ('type=""', "b"), ('type="text/plain"', "-"), ('media=" "', "b"),
        ('media="screen"', "b"), ('media="print"', "-"),
    ],
)  # fmt: skip
def test_a_style_element_counts_by_its_type_and_medium(attributes: str, expected: str) -> None:
    assert coloured("<p>x</p>", head=f"<style {attributes}>{BLUE}</style><style></style>") == expected


@pytest.mark.parametrize(
    ("selector", "body", "expected"),
    [
        ("p + p", TWO, "-b"),
        ("p ~ p", TWO, "-b"),
        ("p:first-child", TWO, "b-"),
        ("P:LAST-CHILD", TWO, "-b"),
        (".b p", '<div class="a"><p>x</p></div><div class="b"><p>x</p></div>', "-b"),
        (".b", '<p class="a">x</p><p class="b">x</p>', "-b"),
        ("div p", "<p>x</p><div><p>x</p></div><div><p>x</p></div>", "-bb"),
        ("p:hover, div", TWO, "--"),
        ("p:link, :root p", TWO, "bb"),
    ],
)
def test_elements_that_are_called_the_same_are_told_apart_where_a_rule_asks_for_more(
    selector: str, body: str, expected: str
) -> None:
    css = f"{selector} {{ color: #0000ff }}"
    assert coloured(body, css) == expected
    assert coloured(body, css, "<style>p { font-size: 15px }</style>") == expected
    assert coloured(body, "p { font-size: 15px }", f"<style>{css}</style>") == expected
