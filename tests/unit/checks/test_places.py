"""Each finding has its level, and the part, the line and the words that it is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer.checks.facts import Facts
from mailer.checks.finding import Part
from mailer.checks.foreign import GMAIL_STYLES
from mailer.checks.run import check
from mailer.checks.table import BY_ID
from tests.unit.checks.cases.clients import ENDS, FLEX, NOT_WORD, PICTURE, WIDE
from tests.unit.checks.cases.links import HERE
from tests.unit.checks.cases.serialised import HEAD, TURNED, put
from tests.unit.checks.making import GOOD, HTML, RAW, TEXT, html, issue, mail

LONG = ("More of the rivers " * 10).strip()
CUT = f"{LONG[:117]}..."
TOP = HTML[: HTML.index("</head>")].count("\n") + 1
FIRST = HTML[: HTML.index("</div>\n</body>")].count("\n") + 2
LAST = TEXT.count("\n") + 1
NEXT = f"html {FIRST + 1}"
BODY = f"html {FIRST}"
REFRESH = '<meta http-equiv="refresh" content="0">'
PLACED = '<p style="position:fixed">x</p>'
HIDDEN = (NOT_WORD, ENDS)
FONT = "<style>@font-face {\nfont-family:A;src:url( 'https://site.example/a.woff')}</style>"
TWO = 'A <a href="/1">a</a>\n<a href="/2">b</a> <a href="/1">c</a>'


def several(*every: Facts) -> Facts:
    """An issue with the mails of all."""
    return replace(GOOD, mails=tuple(mail for facts in every for mail in facts.mails))


WHERE = [
    ("no-text", mail(text=" "), ["error text 0: "]),
    (
        "text-links",
        several(html('<a href="https://z.example">1</a>'), html('<a href="/b">1</a><a href="/c">2</a>')),
        ["warning text 0: /b"],
    ),
    ("text-links", html(f'<a href="{LONG}">1</a>'), [f"warning text 0: {CUT}"]),
    ("text-headings", html(f"<h2>{LONG}</h2><h3>Nets</h3>"), [f"warning text 0: {CUT}", "warning text 0: Nets"]),
    ("text-lines", mail(text=f"{TEXT}{'x' * 202}\n{'y' * 201}"), [f"note text {LAST}: "]),
    (
        "text-html",
        mail(text=f"{TEXT}<p a> b>\n<p title='{LONG}'>"),
        [f"warning text {LAST}: <p a>", f"warning text {LAST + 1}: <p title='{LONG[:107]}..."],
    ),
    ("day-over", html("<p>Nets</p>\n<p>News. Join us on 14 November</p>"), [f"warning {NEXT}: Join us on 14 November"]),
    (
        "template-marks",
        html("<p>Nets</p>\n<p>{{ a }} {{ a }} {{ b }}</p>"),
        [f"error {NEXT}: {{{{ a }}}}", f"error {NEXT}: {{{{ b }}}}"],
    ),
    ("foreign-marks", html('<p>Nets</p>\n<a href="/%%a%%">x</a>'), [f"error {NEXT}: %%a%%"]),
    (
        "placeholder",
        html("<p>Nets</p>\n<p>TK and TK</p><p>TBD TK</p>"),
        [f"warning {NEXT}: TK", f"warning {NEXT}: TBD"],
    ),
    ("long-paragraph", html(f"<p>Nets</p>\n<p>{LONG} {LONG} {LONG} {LONG}</p>"), [f"note {NEXT}: {CUT}"]),
    ("long-lines", put("NEWS", "x" * 999), ["error headers 0: "]),
    ("line-ends", put("NEWS\r\n", "NEWS\n"), ["error headers 0: "]),
    ("both-parts", mail(raw=HEAD + b"text/plain\r\n\r\nx"), ["warning html 0: "]),
    ("both-parts", mail(raw=HEAD + b"text/html\r\n\r\nx"), ["warning text 0: "]),
    ("both-parts", mail(raw=TURNED), ["warning html 0: "]),
    ("empty-subject", mail(subject=""), ["error subject 0: "]),
    ("repeated-subject", issue(subjects={"a": "Rivers", "b": "Rivers"}), ["warning subject 0: a"]),
    ("long-subject", mail(subject="x" * 71), ["note subject 0: "]),
    ("loud-subject", mail(subject="COME TO US"), ["warning subject 0: "]),
    ("loud-subject", mail(subject="Come!!"), ["warning subject 0: "]),
    ("loud-subject", mail(subject="the the river"), ["warning subject 0: "]),
    ("no-preheader", mail(preheader=""), ["warning preheader 0: "]),
    ("preheader-repeats", mail(preheader="Rivers"), ["warning preheader 0: "]),
    ("preheader-length", mail(preheader="x"), ["note preheader 0: "]),
    ("preheader-length", mail(preheader="x" * 131), ["note preheader 0: "]),
    ("one-click-headers", mail(raw=RAW.replace(b"=One-Click", b"")), ["error headers 0: "]),
    ("single-headers", mail(raw=RAW.replace(b"Date:", b"Dat:")), ["error headers 0: "]),
    ("sender-differs", mail(raw=RAW.replace(b"<news@", b"<new@")), ["error headers 0: "]),
    ("subject-controls", mail(subject="Rivers\0"), ["error subject 0: "]),
    ("subject-controls", mail(subject="é" * 500), ["error subject 0: "]),
    ("subject-controls", mail(subject="\ud800"), []),
    ("private-link", HERE, [f"warning {BODY}: http://localhost:8000/u"]),
    ("private-link", replace(HERE, sending=None), [f"error {BODY}: http://localhost:8000/u"]),
    ("link-nowhere", html('<p>Nets</p>\n<a href="#">More <b>nets</b></a>'), [f"error {NEXT}: More nets"]),
    ("relative-link", html(TWO), [f"error {BODY}: /1", f"error {NEXT}: /2"]),
    ("private-link", html('<p>Nets</p>\n<a href="http://intranet/a">x</a>'), [f"error {NEXT}: http://intranet/a"]),
    (
        "personal-link",
        html('<p>Nets</p>\n<a href="https://b.example/?m=reader@example.org">x</a>'),
        [f"warning {NEXT}: https://b.example"],
    ),
    ("outlook-comments", mail(html="\n<p>x</p><!--[if mso]>"), ["warning html 2: <!--[if mso]>"]),
    ("outlook-comments", html("<p>x</p>\n<![endif]-->"), [f"warning {NEXT}: <![endif]-->"]),
    ("outlook-comments", html(f"<p>x</p>\n<!--[if {LONG}>"), [f"warning {NEXT}: <!--[if {LONG[:109]}..."] * 2),
    ("outlook-comments", html("<!--[if a]>\n<!--[if b]><![endif]-->"), [f"warning {NEXT}: <!--[if b]>"]),
    (
        "outlook-image-width",
        html(f'<p>x</p>\n{PICTURE} style="width:9px">'),
        [f"warning {NEXT}: https://site.example/a.png"],
    ),
    (
        "outlook-image-width",
        html(f'<p>x</p>\n{PICTURE} style="max-width:9%">'),
        [f"note {NEXT}: https://site.example/a.png"],
    ),
    ("outlook-width", html(f"<p>x</p>\n{WIDE}{WIDE}"), [f"note {NEXT}: max-width:600px"]),
    (
        "active-content",
        html('<script>x()</script>\n<iframe src="x"></iframe><p id="a" onclick="x()">x</p>', REFRESH),
        [
            f"warning {BODY}: <script>",
            f"warning {NEXT}: <iframe>",
            f"warning {NEXT}: <p onclick>",
            f"warning html {TOP}: <meta refresh>",
        ],
    ),
    ("forms", html("<input>\n<form></form>"), [f"warning {NEXT}: <form>"]),
    ("forms", html("<p>x</p>\n<input><textarea></textarea>"), [f"warning {NEXT}: <input>"]),
    ("external-css", html("", '<link rel="Stylesheet" href="/a.css">'), [f"warning html {TOP}: /a.css"]),
    (
        "external-css",
        html("", "<style>\n@IMPORT URL( 'a.css' );\n@import b.css;</style>"),
        [f"warning html {TOP + 1}: a.css", f"warning html {TOP + 2}: b.css"],
    ),
    (
        "external-css",
        html("", f'<style>@import "{LONG.replace(" ", "/")}";@import url(a.css)screen;</style>'),
        [f"warning html {TOP}: {CUT.replace(' ', '/')}", f"warning html {TOP}: a.css"],
    ),
    (
        "web-fonts",
        html("", "<style>@font-face{src:url(http://a.example/a)}</style>"),
        [f"note html {TOP}: http://a.example/a"],
    ),
    (
        "web-fonts",
        html("", '<style>@font-face{src:url("http://a.example/a")}</style>'),
        [f"note html {TOP}: http://a.example/a"],
    ),
    ("web-fonts", html("", f"{FONT}\n{FONT}"), [f"note html {TOP + 1}: https://site.example/a.woff"]),
    ("style-size", html("", f"<style>{'x' * (GMAIL_STYLES + 1)}</style>"), [f"warning html {TOP}: "]),
    (
        "style-place",
        html("<style>p{color:red}</style>\n<style>@media print{p{color:red}} a:hover{color:red}</style>"),
        [f"warning {BODY}: ", f"note {NEXT}: "],
    ),
    ("style-place", html("<style>@import url(a.css);</style>"), [f"warning {BODY}: "]),
    (
        "style-place",
        html("<style>@media print{p{color:red}} b{color:red}</style>"),
        [f"warning {BODY}: "],
    ),
    ("amp", mail(raw=b"Content-Type: text/x-amp-html"), ["note html 0: "]),
    ("unsupported", html(f"<p>x</p>\n{FLEX}{FLEX}"), [f"warning {NEXT}: display: flex"]),
    (
        "unsupported",
        html(f"{PLACED.join(HIDDEN)}\n{PLACED}{FLEX}"),
        [f"warning {BODY}: position: fixed", f"warning {NEXT}: display: flex"],
    ),
    (
        "partly-supported",
        replace(html(f"{FLEX.join(HIDDEN)}{FLEX}"), clients={"gmail": 9.0}),
        [f"note {BODY}: display: flex"],
    ),
    ("unsupported", html(f'{FLEX}\n<b style="display:flex">x</b>'), [f"warning {BODY}: display: flex"]),
    ("unsupported", html('<svg></svg>\n<svg class="a"></svg>'), [f"warning {BODY}: <svg>"]),
    ("partly-supported", replace(html(f"<p>x</p>\n{FLEX}"), clients={"gmail": 9.0}), [f"note {NEXT}: display: flex"]),
]


@pytest.mark.parametrize(("rule", "facts", "expected"), WHERE)
def test_a_finding_stands_where_it_is(rule: str, facts: Facts, expected: list[str]) -> None:
    found = [(each.level, each.place) for each in check(facts, rules=[BY_ID[rule]])]
    assert [f"{level} {at.part} {at.line}: {at.excerpt}" if at else level for level, at in found] == expected


ABOUT_ALL = ("outlook-comments", "amp", "both-parts")
"""Rules about the HTML whose findings are in no element of it."""


@pytest.mark.parametrize(("rule", "facts"), [(rule, facts) for rule, facts, _ in WHERE if rule not in ABOUT_ALL])
def test_a_finding_in_the_html_has_its_element(rule: str, facts: Facts) -> None:
    elements = facts.mails[0].document.elements
    for place in (each.place for each in check(facts, rules=[BY_ID[rule]])):
        if place and place.part is Part.HTML:
            element = elements[place.element]
            first, last = element.sourceline, element.sourceline + (element.text or "").count("\n")
            assert place.element >= 0
            assert first <= place.line <= last
