"""What of caniemail's features is found in a mail."""

from __future__ import annotations

from collections import Counter

import pytest

from mailer.checks.caniemail.readers import known_clients, names_of, reached, shares_of
from mailer.checks.caniemail.table import NO, YES, table
from mailer.checks.clients import RULES
from mailer.checks.document import Document
from mailer.checks.facts import Facts, Mail
from mailer.checks.features import uses
from mailer.checks.finding import Level
from mailer.checks.losses import SERIOUS, SLIGHT, advice_on, level_of
from mailer.checks.run import check
from mailer.checks.support import listed, support
from mailer.config.checks import CLIENTS
from tests.unit.checks.making import NOW

UNSEEN = {
    "bimi",  # a record of the domain, not of the mail
    "css-comments",
    "html-doctype",  # libxml2 gives one to every document
    "css-selector-chaining",
    "css-selector-descendant",
}

# What a feature looks like where its name does not say it.
WRITTEN = {
    "amp": "<html amp4email>",
    "css-at-font-face": "<style>@font-face{font-family:A}</style>",
    "css-at-import": "<style>@import url(https://site.example/a.css);</style>",
    "css-at-keyframes": "<style>@keyframes a{from{color:red}}</style>",
    "css-at-media": "<style>@media print{p{color:red}}</style>",
    "css-at-media-device-pixel-ratio": "<style>@media (-webkit-min-device-pixel-ratio:2){p{color:red}}</style>",
    "css-at-supports": "<style>@supports (color:red){p{color:red}}</style>",
    "css-background-image": '<p style="background-image:url(a.png)">x</p>',
    "css-block-inline-size": '<p style="block-size:1px">x</p>',
    "css-border-inline-block": '<p style="border-inline:1px">x</p>',
    "css-border-inline-block-individual": '<p style="border-inline-start:1px">x</p>',
    "css-border-inline-block-longhand": '<p style="border-block-width:1px">x</p>',
    "css-border-radius-logical": '<p style="border-start-end-radius:1px">x</p>',
    "css-column-layout-properties": '<p style="column-fill:auto">x</p>',
    "css-display-flex": '<p style="display:flex">x</p>',
    "css-display-grid": '<p style="display:inline-grid">x</p>',
    "css-display-none": '<p style="display:none">x</p>',
    "css-important": '<p style="color:red!important">x</p>',
    "css-inert-attribute": "<p inert>x</p>",
    "css-intrinsic-size": '<p style="width:max-content">x</p>',
    "css-left-right-top-bottom": '<p style="left:1px">x</p>',
    "css-margin-block-start-end": '<p style="margin-block-end:1px">x</p>',
    "css-margin-inline-block": '<p style="margin-inline:1px">x</p>',
    "css-margin-inline-start-end": '<p style="margin-inline-start:1px">x</p>',
    "css-padding-block-start-end": '<p style="padding-block-end:1px">x</p>',
    "css-padding-inline-block": '<p style="padding-inline:1px">x</p>',
    "css-padding-inline-start-end": '<p style="padding-inline-start:1px">x</p>',
    "css-modern-color": '<p style="color:lch(1% 1 1)">x</p>',
    "css-nesting": "<style>p{color:red;& b{color:red}}</style><p>",
    "css-rgb": '<p style="color:rgb(1,2,3)">x</p>',
    "css-rgba": '<p style="color:rgba(1,2,3,.5)">x</p>',
    "css-position": '<p style="position:sticky">x</p>',
    "css-float": '<p style="float:right">x</p>',
    "css-scroll-snap": '<p style="scroll-snap-type:x">x</p>',
    "css-selector-adjacent-sibling": "<style>p + b{color:red}</style><p><b>",
    "css-selector-attribute": "<style>[dir]{color:red}</style>",
    "css-selector-child": "<style>p > b{color:red}</style><p><b>",
    "css-selector-class": '<style>.a{color:red}</style><p class="a">',
    "css-selector-general-sibling": "<style>p ~ b{color:red}</style><p><b>",
    "css-selector-grouping": "<style>p, b{color:red}</style><p>",
    "css-selector-id": '<style>#a{color:red}</style><p id="a">',
    "css-selector-type": "<style>p{color:red}</style><p>",
    "css-selector-universal": "<style>*{color:red}</style>",
    "css-sytem-ui": '<p style="font-family:system-ui">x</p>',
    "css-unit-calc": '<p style="width:calc(1px + 1px)">x</p>',
    "css-unit-initial": '<p style="color:initial">x</p>',
    "css-unit-percent": '<p style="width:50%">x</p>',
    "css-variables": '<p style="color:var(--a)">x</p>',
    "html-anchor-links": '<a href="#a">x</a>',
    "html-comments": "<p>x<!-- a --></p>",
    "html-h1-h6": "<h4>x</h4>",
    "html-image-maps": "<map></map>",
    "html-lists": "<ol></ol>",
    "html-loading-attribute": '<img loading="lazy">',
    "html-mailto-links": '<a href="MAILTO:a@site.example">x</a>',
    "html-meta-color-scheme": '<meta name="color-scheme" content="light dark">',
    "html-semantics": "<main>x</main>",
    "html-srcset": '<img srcset="a.png 2x">',
    "image-base64": '<img src="data:image/png;base64,AA">',
    "image-heif": '<img src="a.heic">',
}
FLEX = '<p style="display:flex">x</p>'
WIDE_ONLY = "<style>@media (min-width:480px){p{display:flex}}</style>"
BOTH = {"css-display-flex", "css-border-radius"}
ATTRIBUTES = (
    "align aria- background cellpadding cellspacing dir height hidden lang popover required role target valign width"
)


def written(slug: str) -> str:
    """Some HTML with that feature."""
    group, _, name = slug.partition("-")
    if slug in WRITTEN:
        return WRITTEN[slug]
    if group == "image":
        return f'<img src="https://site.example/a.{name}?b=c">'
    if name.startswith(("input-", "button-")):
        tag, _, kind = name.partition("-")
        return f"<{tag} type={kind}></{tag}>"
    if group == "html":
        if name.startswith(tuple(ATTRIBUTES.split())):
            return f'<table {name}="1"><tr><td>x</td></tr></table>'
        return f"<{name}>x</{name}>"
    return written_css(name)


def written_css(name: str) -> str:
    if name.startswith("at-media-"):
        return f"<style>@media ({name[9:]}:dark){{p{{color:red}}}}</style>"
    if name.startswith("pseudo-class-"):
        return f"<style>p:{name[13:]}{{color:red}}</style><p>"
    if name.startswith("pseudo-element-"):
        return f"<style>p::{name[15:]}{{color:red}}</style><p>"
    if name.startswith("unit-"):
        return f'<p style="width:1{name[5:]}">x</p>'
    if name.startswith("function-") or name.endswith("-gradient"):
        return f'<p style="background:{name.removeprefix("function-")}(1px,2px)">x</p>'
    return f'<p style="{name}:auto">x</p>'


def test_every_feature_but_a_few_is_found_where_it_is() -> None:
    looked_for = set(table().features) - UNSEEN
    assert [each for each in looked_for if each not in {use.slug for use in uses(Document(written(each)))}] == []


def test_a_mail_without_features_has_none_but_its_elements() -> None:
    found = Counter(use.slug for use in uses(Document("<html><body><p>Words</p></body></html>")))
    assert found == {"html-body": 1, "html-p": 1}


def test_the_table_is_whole() -> None:
    known = table()
    assert len(known.features) == 307
    assert known.features["css-display-flex"].answers["outlook.windows"] == NO
    assert known.features["css-display-flex"].answers["apple-mail.ios"] == YES
    assert set(CLIENTS) <= known_clients()
    assert set(SERIOUS).isdisjoint(SLIGHT)
    assert set(SERIOUS) | set(SLIGHT) <= set(known.features)
    assert all(advice_on(slug) for slug in known.features if level_of(slug))


def test_a_family_is_divided_over_its_platforms_that_are_not_named() -> None:
    shares = shares_of({"gmail": 30.0, "gmail.ios": 5.0, "outlook.windows": 4.0, "yahoo": 0.0})
    assert shares["gmail.ios"] == 5
    assert shares["gmail.android"] == shares["gmail.desktop-webmail"] == 15
    assert "gmail.mobile-webmail" not in shares
    assert shares_of({"gmail.mobile-webmail": 2.0}) == {"gmail.mobile-webmail": 2}
    assert sum(shares.values()) == 39


def test_more_than_all_readers_are_brought_down_to_them() -> None:
    assert shares_of({"outlook.windows": 75.0, "thunderbird.windows": 75.0}) == {
        "outlook.windows": 50,
        "thunderbird.windows": 50,
    }
    assert shares_of({"outlook.windows": 60.0, "thunderbird.windows": 40.0})["outlook.windows"] == 60


def test_who_lacks_a_feature_and_who_has_it_in_part() -> None:
    readers = reached("css-display-flex", {"outlook.windows": 6.0, "gmail.ios": 10.0, "apple-mail.ios": 50.0})
    assert (readers.lacking, readers.lacking_in) == (6, ("Outlook on Windows",))
    assert (readers.partly, readers.partly_in) == (10, ("Gmail on iOS",))
    assert readers.whole == 84
    assert readers.notes == ("Not supported with non Google accounts.",)
    without = reached("css-display-flex", {"outlook.windows": 6.0}, frozenset({"outlook.windows"}))
    assert (without.lacking, without.lacking_in) == (0, ())


@pytest.mark.parametrize(
    ("clients", "named"),
    [
        (["gmail.ios", "gmail.android"], ("Gmail",)),
        (["gmail.ios"], ("Gmail on iOS",)),
        (["outlook.outlook-com", "outlook.windows-mail"], ("Outlook.com", "Windows Mail")),
        (["samsung-email.android"], ("Samsung Email on Android",)),
        (["gmail.ios", "outlook.outlook-com"], ("Outlook.com", "Gmail on iOS")),
    ],
)
def test_programs_are_named_as_people_call_them(clients: list[str], named: tuple[str, ...]) -> None:
    shares = {
        "gmail.ios": 1.0,
        "gmail.android": 1.0,
        "outlook.outlook-com": 5.0,
        "outlook.windows-mail": 1.0,
        "outlook.ios": 1.0,
        "samsung-email.android": 1.0,
    }
    assert names_of(clients, shares) == named


def test_at_most_three_programs_are_listed() -> None:
    assert listed(("A",)) == "A"
    assert listed(("A", "B", "C")) == "A, B and C"
    assert listed(("A", "B", "C", "D")) == "A, B and 2 more"


def test_the_support_of_a_mail_begins_with_what_fewest_have() -> None:
    mail = Mail("x", html='<p style="border-radius:2px;display:flex;color:red">x</p>')
    found = support(mail, {"outlook.windows": 6.0, "gmail.ios": 10.0})
    assert [(each.slug, each.graceful, each.reached.whole) for each in found if each.slug in BOTH] == [
        ("css-display-flex", False, 84),
        ("css-border-radius", True, 94),
    ]
    assert [each.reached.whole for each in found] == sorted(each.reached.whole for each in found)
    assert all(each.reached.whole < 100 for each in found)
    assert "css-float" not in {each.slug for each in found}
    few = support(mail, {"outlook.windows": 0.5})
    assert [each.slug for each in few] == ["css-border-radius", "css-display", "css-display-flex"]


@pytest.mark.parametrize(
    ("html", "graceful"),
    [
        (FLEX, False),
        (f"{WIDE_ONLY}{FLEX}", False),
        (f"{FLEX}{WIDE_ONLY}", False),
        (f"{WIDE_ONLY}<p>x</p>", True),
    ],
)
def test_a_feature_is_missed_by_nobody_where_nothing_is_lost_without_it(html: str, graceful: bool) -> None:
    found = {each.slug: each.graceful for each in support(Mail("x", html=html), {"outlook.windows": 6.0})}
    assert (found["css-display-flex"], found["css-display"]) == (graceful, True)


def test_what_works_in_part_is_told_with_what_the_programs_do() -> None:
    (found,) = check(Facts(NOW, (Mail("x", html=FLEX),), clients={"gmail.ios": 10.0}), rules=RULES)
    assert found.advice == f"{advice_on('css-display-flex')}. Not supported with non Google accounts."


@pytest.mark.parametrize(
    ("css", "share", "level"),
    [
        ("display:flex", 3.0, Level.WARNING),
        ("display:flex", 2.9, Level.NOTE),
        ("display:flex", 1.0, Level.NOTE),
        ("display:flex", 0.9, None),
        ("transform:none", 90.0, Level.NOTE),
        ("border-radius:2px", 90.0, None),
    ],
)
def test_the_more_readers_lack_it_the_more_it_weighs(css: str, share: float, level: Level | None) -> None:
    facts = Facts(NOW, (Mail("x", html=f'<p style="{css}">x</p>'),), clients={"outlook.windows": share})
    assert [each.level for each in check(facts, rules=RULES)] == ([level] if level else [])


def test_the_first_place_of_each_feature_is_told_once() -> None:
    flex = '<p style="display:flex">x</p>'
    mails = (Mail("x", html=flex), Mail("y", html=f"<p>z</p>{flex}{flex}"))
    facts = Facts(NOW, mails, clients={"outlook.windows": 50.0})
    assert len(check(facts, rules=RULES)) == 1


PLACED = """<html>
<head><style>
p{color:red}
b{display:flex}
@font-face{font-family:A;
src:url(https://site.example/a.woff)}
</style></head>
<body><p>
<b style="float:left">x</b>
<!--[if mso]>
</body>
"""


@pytest.mark.parametrize(
    ("rule", "line", "excerpt"),
    [
        ("css-display-flex", 4, "display: flex"),
        ("css-float", 9, "float: left"),
        ("web-fonts", 6, "https://site.example/a.woff"),
        ("outlook-comments", 10, "<!--[if mso]>"),
    ],
)
def test_what_is_found_has_its_line(rule: str, line: int, excerpt: str) -> None:
    mail = Mail("x", html=PLACED)
    places = {use.slug: use.place for use in uses(mail.document)}
    found = check(Facts(NOW, (mail,), clients=CLIENTS), rules=RULES)
    places |= {finding.rule: finding.place for finding in found if finding.place}
    assert (places[rule].line, places[rule].excerpt) == (line, excerpt)
