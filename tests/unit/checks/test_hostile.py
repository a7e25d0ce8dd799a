"""Mails that were made to break whoever reads them. What is tried in the square of its length would take minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mailer.checks.bounds import DEEPEST, bounded, is_deep
from mailer.checks.domain.received import judge_message
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Finding, Level
from mailer.checks.rule import Family, Rule
from mailer.checks.run import check
from mailer.checks.wire import addresses
from tests.unit.checks.making import GOOD, NOW, html

MANY = 300_000


def style(css: str) -> Facts:
    return html("", f"<style>{css}</style>")


LONG: dict[str, Callable[[], Facts]] = {
    "dots without an end of a sentence": lambda: html(f"<p>{'.' * MANY}</p>"),
    "conditional comments never closed": lambda: html(f"<p><!--{'<!--[if ' * (MANY // 8)}</p>"),
    "tables in a comment never closed": lambda: html(f"<!--{'<td ' * (MANY // 4)}-->"),
    "fonts never closed": lambda: style("@font-face{" * 40_000),
    "an import of nothing": lambda: style(f"@import{' ' * 40_000}"),
    "schemes of no colour": lambda: style("color-scheme:" * (MANY // 13)),
    "a window without settings": lambda: html("", f'<meta name="viewport" content="{"a" * MANY}">'),
    "pictures from everywhere": lambda: html(
        "".join(f'<img src="https://s{number}.example{number}.org/x.png" alt="x">' for number in range(8000))
    ),
    "a text of one word": lambda: replace(GOOD, mails=(replace(GOOD.mails[0], text="a" * MANY),)),
}


@pytest.mark.parametrize("name", LONG)
def test_what_is_long_is_read_in_one_pass(name: str) -> None:
    assert broken_off(check(LONG[name]())) == []


@pytest.mark.parametrize(
    "facts",
    [
        style("{" * 5000),
        style("p{color:" + "rgb(" * 5000),
        style("@media screen{" * 3000),
        style(f"p{{width:{'9' * 5000}px}}"),
        html(f'<p style="font-size:{"9" * 5000}px">x</p>'),
        html(f'<font size="{"9" * 5000}">x</font><td width="{"9" * 5000}">x</td><img src="x" width="{"9" * 5000}">'),
        html(f'<p style="max-width:{"9" * 5000}px">x</p><font size="²">x</font><img src="x" width="²" alt="">'),
        html("<div>" * 10_000),
        replace(GOOD, mails=(Mail("file", html="\0" * 50),)),
        replace(GOOD, mails=(Mail("file", html='<?xml version="1.0" encoding="utf-16"?><frameset>'),)),
        html('<a href="https://[::1">a</a><a href="http://x:²/">b</a><img src="http://[" alt="x">'),
    ],
)
def test_no_rule_breaks_off_on_what_no_author_writes(facts: Facts) -> None:
    assert broken_off(check(facts)) == []


def broken_off(found: tuple[Finding, ...]) -> list[str]:
    return [f"{each.rule}: {each.message}" for each in found if "broke off" in each.message]


def test_a_rule_that_breaks_off_hides_nothing_and_stops_what_it_would_have_stopped() -> None:
    def breaks(facts: Facts) -> Iterator[Fault]:
        yield Fault("seen before")
        raise KeyError("somebody@example.org")

    def sees(facts: Facts) -> Iterator[Fault]:
        yield Fault("seen by another")

    rules = [
        Rule("breaks", Family.BULK, Level.ERROR, "Why.", "do", breaks, firm=True),
        Rule("sees", Family.BULK, Level.NOTE, "Why.", "do", sees),
    ]
    found = check(Facts(NOW), {"breaks": "off"}, rules)
    assert [(each.rule, each.level.value, each.message) for each in found] == [
        ("breaks", "error", "seen before"),
        ("breaks", "error", "this rule broke off (KeyError): what it looks for is not known"),
        ("sees", "note", "seen by another"),
    ]
    assert found[1].stops


def test_css_is_left_alone_as_far_as_anybody_writes_it() -> None:
    css = "@media screen{p{width:calc(1px + (2 * 3px));color:rgb(1,2,3)}} a[href]{top:0.33333333333333333px}"
    assert bounded(css) == css
    assert not is_deep("(" * DEEPEST)
    assert is_deep("(" * (DEEPEST + 1))
    assert not is_deep("()" * 500)
    assert not is_deep(")" * 500 + "(" * DEEPEST)
    assert bounded("{" * 100) == ""
    assert bounded(f"p{{width:{'9' * 21}px}}") == f"p{{width:{'9' * 20}px}}"


def test_addresses_are_found_beside_what_looks_like_them() -> None:
    assert addresses('"a, b@c" <d@e.example>, f@g.example; (h@i.example)') == [
        "d@e.example",
        "f@g.example",
        "(h@i.example)",
    ]
    assert addresses("(" * MANY) == []
    assert addresses('"\\' * MANY) == []


@pytest.mark.parametrize(
    "mail",
    [
        b"From: " + b"(" * 50_000 + b"\r\n\r\nx",
        b"DKIM-Signature: d=x.example; s=y; h=from; bh=AA; b=AA; a=rsa-sha256; l=" + b"9" * 5000 + b"\r\n"
        b"From: a@b.example\r\n\r\nx",
        b"DKIM-Signature: d=x.example; s=y; h=from; bh=AA; b=AA; a=rsa-sha256; x=\xb2\r\nFrom: a@b.example\r\n\r\nx",
        b"DKIM-Signature: d=x.example; s=y; h=from; bh=AA; b=AA; a=rsa-sha256\r\nFrom: a@b.example\r\n\r\n"
        + b"\r\n" * MANY
        + b"x",
    ],
)
def test_a_mail_that_arrived_is_judged_whatever_is_in_it(mail: bytes) -> None:
    assert judge_message(mail, None, 1_800_000_000)
