"""Whole mails to look at: awkward ones, made for it, and those of the shipped templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mailer.config import Theme
from mailer.model import Article, ArticleChoice, Issue, IssueKind
from mailer.render.fields import clean_fields
from mailer.render.issue import RenderedIssue, RenderInput, render_issue
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText
from mailer.services.confirmation_mail import PREHEADER, SUBJECT
from mailer.workspace import template_sources

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TEMPLATES = {name: TemplateText(text, f"templates/{name}") for name, text in template_sources().items()}
ORGANISATION = {
    "name": "Rivers United",
    "postal_address": "1 Quay Street\nOslo",
    "contact": "office@rivers.example",
    "website": "https://rivers.example",
}
LINKS = {
    "unsubscribe": "https://news.rivers.example/u/AaQB",
    "preferences": "https://news.rivers.example/p/AaQB",
    "view": "https://news.rivers.example/a/AaQB",
    "confirm": "https://news.rivers.example/c/AaQB",
    "token": "AaQB",
}
READER = {"first_name": "Alex", "email": "alex@rivers.example", "id": "x7", "list": "Weekly"}

WORDS: Mapping[str, tuple[str, str, str, str]] = {
    "en": (
        "A good week on the river",
        "What the river carried, and where we meet when the water is low again",
        "Nine kilometres of bank were cleaned, and 412 tyres came out of the water.",
        "Volunteers clean the last bend",
    ),
    "de": (
        "Eine gute Woche am Fluss",
        "Was der Fluss trug, und wo wir uns treffen, wenn das Wasser wieder niedrig ist",
        "Neun Kilometer Ufer sind sauber, und 412 Reifen kamen aus dem Wasser.",
        "Freiwillige säubern die letzte Biegung",
    ),
    "ar": (
        "أسبوع جيد على النهر",
        "ما حمله النهر وأين نلتقي عندما ينخفض منسوب المياه مرة أخرى",
        "تم تنظيف تسعة كيلومترات من الضفة، وخرج من الماء 412 إطارا.",
        "المتطوعون ينظفون آخر منعطف",
    ),
    "ur": (
        "دریا پر ایک اچھا ہفتہ",
        "دریا کیا لایا، اور جب پانی کم ہو تو ہم کہاں ملتے ہیں",
        "کنارے کے نو کلومیٹر صاف کیے گئے، اور پانی سے 412 ٹائر نکلے۔",
        "رضاکار آخری موڑ صاف کرتے ہیں",
    ),
}
"""Subject, preheader, sentence and title in some languages."""

BODY = """\
{sentence} {sentence} [{title}](https://rivers.example/one)

## {title}

- {sentence}
- **{title}**

> {sentence}

| {title} | 412 |
|---|---|
| {sentence} | `9 km` |

### {title}

---

[articles]

{sentence}
"""


def articles(language: str, count: int, *, pictures: bool) -> list[Article]:
    _, _, sentence, title = WORDS[language]
    return [
        Article(
            key=f"key{number}",
            source="site",
            title=f"{title} {number + 1}",
            excerpt=sentence,
            first_seen_at=NOW,
            url=f"https://rivers.example/news/{number}",
            published_at=NOW,
            author="Mira Holt",
            image_url=f"https://rivers.example/pictures/{number}.jpg" if pictures else None,
            image_alt=f"{title}: {number}" if pictures else "",
        )
        for number in range(count)
    ]


def rendered(
    kind: str, language: str, found: Sequence[Article], theme: Mapping[str, Any] | None = None
) -> RenderedIssue:
    subject, preheader, sentence, title = WORDS[language]
    issue = Issue(
        name="2026-11-22-rivers",
        kind=IssueKind(kind),
        subject=subject,
        lists=("weekly",),
        body=BODY.format(sentence=sentence, title=title),
        preheader=preheader,
        language=language,
        articles=tuple(ArticleChoice(each.key) for each in found),
    )
    look = {**Theme().model_dump(), **(theme or {})}
    return render_issue(RenderInput(issue, found, ORGANISATION, look, TEMPLATES, "issues/a.md", "s4lt", NOW))


def asked(language: str, template: str = "confirm") -> RenderedIssue:
    """The mail that asks to confirm, or says that nothing is to be confirmed."""
    issue = Issue("confirm", IssueKind.BULLETIN, SUBJECT, ("weekly",), "", PREHEADER, template, language=language)
    about = {
        "title": "Weekly",
        "description": WORDS[language][2],
        "consent": WORDS[language][1],
        "by_mail": False,
        "mailbox": "office@rivers.example",
    }
    look = Theme().model_dump()
    return render_issue(
        RenderInput(issue, (), ORGANISATION, look, TEMPLATES, "subscribers/a.toml", "s4lt", NOW, {"list": about})
    )


def html_of(issue: RenderedIssue) -> str:
    return PersonalPart(issue.html).render(clean_fields(READER), LINKS)


FAINT = {"colours": {**Theme().colours.model_dump(), "muted": "#a8b0b2", "link": "#8ed1ce", "dark_text": "#4a5a5c"}}
"""A theme that nobody can read."""


def shipped_mails() -> dict[str, str]:
    return {
        "bulletin": html_of(rendered("bulletin", "en", articles("en", 2, pictures=True))),
        "bulletin from right to left": html_of(rendered("bulletin", "ur", articles("ur", 1, pictures=True))),
        "bulletin in faint colours": html_of(rendered("bulletin", "en", articles("en", 1, pictures=False), FAINT)),
        "alert": html_of(rendered("alert", "ar", articles("ar", 1, pictures=True))),
        "confirm": html_of(asked("de")),
    }


def page(body: str, css: str = "", head: str = "") -> str:
    return (
        f'<!doctype html><html lang="en"><head><title>Rivers</title>{head}<style>{css}</style></head>'
        f"<body>{body}</body></html>"
    )


MADE = {
    "specificity": page(
        '<p class="a" id="b">One</p><p class="a">Two</p><p>Three</p><div class="c"><p>Four</p></div><p class="d">F</p>',
        "#b { color: #123456 } .a { color: #654321 } p { color: #abcdef } div.c > p { color: #00ff00 }"
        "p.d { color: red } .d { color: blue } p:not(.a) { font-weight: 600 } p:first-child { font-size: 1.3em }"
        "P.A { color: lime } p + p { font-size: 15px } [class=a] { font-size: 20px } :is(h1, p.d) { font-size: 21px }",
    ),
    "importance": page(
        '<p style="color:#111">One</p><p style="color:#222 !important" class="x">Two</p>'
        '<p style="font-size:12px;font-size:oops;color:#333;color:nope">Three</p>',
        "p { color: #444 !important; color: #555; font-size: 18px } .x { color: #666 !important }",
    ),
    "inheritance": page(
        '<div style="color:#333;font-size:20px;font-weight:bold;line-height:1.5;text-align:justify"><p>One <b>two</b> '
        '<span style="font-weight:normal">three</span> <small>four <small>five</small></small> <big>six</big></p>'
        '<h2>Seven</h2><h4 style="font:italic 14px/2 Arial">Eight</h4><table><tr><th>Nine</th><td>Ten</td></tr></table>'
        '<p style="color:inherit;line-height:200%"><a href="#">Eleven <i style="color:initial">12</i></a></p>'
        '<p style="font-size:150%"><span style="font-size:.5em;font-weight:bolder">13</span>'
        '<span style="font-weight:lighter">14</span></p></div>',
    ),
    "old attributes": page(
        '<table bgcolor="#003366"><tr><td bgcolor="eeeeee" align="justify">One <font color="navy" size="1">two</font>'
        '<font size="+2">three</font></td><td><font color="#ffffff" size="5">Four</font></td></tr>'
        '<tr bgcolor="black"><td>Five</td><th align="left"><font color="bogus">Six</font></th></tr></table>'
        '<center>Seven</center><p hidden>Eight</p><p align="justify">Nine</p>',
        "td { font-size: 14px }",
    ).replace("<body>", '<body bgcolor="#ffffee" text="#330000" link="#005500"><a href="#">Link</a>'),
    "layers": page(
        '<div style="background:rgba(0,0,0,.5);padding:9px">One<div style="background:rgba(255,255,255,.25)">Two'
        '<p style="opacity:.5;color:#fff">Three <b style="background:#00f">four</b></p></div></div>'
        '<div style="background:#036;opacity:.8"><p style="color:rgba(255,255,255,.6)">Five</p></div>'
        '<p style="background:hsl(120,50%,90%);color:hsl(120 50% 20% / .9)">Six</p>',
        "body { background: #fafad2 }",
    ),
    "hidden": page(
        '<div style="display:none">One</div>'
        '<div style="visibility:hidden">Two <b style="visibility:visible">3</b></div>'
        '<div style="opacity:0">Four</div><div style="max-height:0;overflow:hidden">Five <p>Six</p></div>'
        '<div class="phone">Seven</div><div class="desktop">Eight</div><template>Nine</template>'
        '<div style="height:0;overflow:hidden;display:block"><span>Ten</span></div><noscript>Eleven</noscript>',
        ".phone { display: none } @media (max-width: 480px) { .phone { display: block !important }"
        ".desktop { display: none !important } }",
    ),
    "media": page(
        "<p>One</p><h1>Two</h1><div>Three</div><ul><li>Four</li></ul>",
        "@media screen and (min-width:480px) { p { color: #300; font-size: 22px } }"
        "@media only screen and (max-width:479px) and (orientation: portrait) { p { color: #030 } }"
        "@media print { p { color: #fff } } @media not print { h1 { color: #336 } }"
        "@media (prefers-color-scheme: dark) { body { background: #111 } h1 { color: #9cf }"
        "@media (max-width: 30em) { h1 { color: #fc9 } } }"
        "@media (400px <= width < 1000px) { div { font-size: 19px } } @media (width > 375px) { li { color: #707 } }"
        "@media speech, (prefers-color-scheme: light) { li { font-weight: bold } }"
        "@supports (display: grid) { div { color: #246 } } @supports not (display: grid) { div { color: red } }",
    ),
    "dark by itself": page(
        '<p>One <a href="#">two</a></p><p style="color:#222">Three</p><p style="background:#fff;color:#222">Four</p>',
        head='<meta name="color-scheme" content="light dark">',
    ),
    "dark by its root": page(
        '<p>One <a href="#">two</a></p><mark>Three</mark><pre>Four <b>five</b></pre><code>Six</code>'
        '<p style="font-size:18px"><code>Seven</code></p><p style="font:12px monospace">Eight</p>',
        ":root { color-scheme: light dark } @media (prefers-color-scheme: dark) { p { color: #777 } }",
    ),
    "sheets": page(
        "<p>One</p><h1>Two</h1>",
        "<!-- p { color: #123 } --> @import url(x.css); @font-face { font-family: x; src: url(y) } h1 {",
        '<style type="text/plain">p { color: red }</style><style media="print">p { color: red }</style>'
        '<style media="screen and (prefers-color-scheme: dark)">p { color: #eee } body { background: #222 }</style>',
    ),
    "units": page(
        '<p style="font-size:12pt">One</p><p style="font-size:large">Two</p><p style="font-size:1.25rem">Three</p>'
        '<div style="font-size:10px"><p style="font-size:larger">Four</p><p style="font-size:x-small">Five</p>'
        '<h1 style="line-height:24pt">Six</h1><h3 style="line-height:1.5em">7</h3><p style="line-height:150%">8'
        "<span style='font-size:30px'>9</span></p></div>",
    ),
    "pictures": page(
        '<div style="background:#036 url(sky.jpg);color:#fff">One <p style="background:#fff;color:#000">Two</p></div>'
        '<table><tr><td background="sky.jpg">Three</td></tr></table>'
        '<p style="background-image:linear-gradient(#fff,#000)">Four</p><p style="background:none">Five</p>'
        '<div style="background:#036"><p style="background:inherit;color:#fff">Six</p></div>',
    ),
}
"""Mails that ask one thing each of whoever reckons what they look like."""
