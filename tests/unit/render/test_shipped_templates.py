"""The shipped designs, rendered by the real engine: what every one of them promises, in every language and shape."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from mailer.config import Theme
from mailer.model import Article, ArticleChoice, Issue, IssueKind
from mailer.render.fields import clean_fields
from mailer.render.issue import RenderedIssue, RenderInput, render_issue
from mailer.render.labels import LANGUAGES
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText
from mailer.workspace import template_sources

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TEMPLATES = {name: TemplateText(text, f"templates/{name}") for name, text in template_sources().items()}
ORGANISATION = {
    "name": "Riverside & Friends",
    "postal_address": "12 Mill Lane, Riverside",
    "contact": "office@example.org",
    "website": "https://example.org",
}
UNSUBSCRIBE = "https://news.example.org/u/AZsBBndl?a=1&b=2"
READER = {"first_name": "Ada <b>", "email": "ada@example.org", "id": "x7", "list": "Weekly & <more>"}
VOID = {"meta", "link", "img", "br", "hr", "input", "col", "area", "base", "wbr", "source"}


def article(number: int, **changes: Any) -> Article:
    values: dict[str, Any] = {
        "key": f"key{number}",
        "source": "site",
        "title": f"Title {number} & <script>alert(1)</script> {{{{ 7 * 7 }}}}",
        "excerpt": f"Excerpt {number} with \"quotes\" and 'more'.",
        "first_seen_at": NOW,
        "url": f"https://example.org/news/{number}?a=1&b=2",
        "published_at": NOW,
        "author": "Mira <i>Holt</i>",
        "tags": ("rivers",),
    }
    return Article(**(values | changes))


def rendered(
    kind: str, articles: Sequence[Article], *, language: str = "en", theme: Mapping[str, Any] | None = None
) -> RenderedIssue:
    issue = Issue(
        name="2026-11-22-rivers",
        kind=IssueKind(kind),
        subject="News for {{ subscriber.first_name | default('you') }} & <friends>",
        preheader="What the river carried & more",
        lists=("weekly",),
        body="Dear {{ subscriber.first_name | default('friend') }},\n\nhello.\n\n[articles]\n\nBye.\n",
        language=language,
        articles=tuple(ArticleChoice(each.key) for each in articles),
    )
    look = {**Theme().model_dump(), **(theme or {})}
    given = RenderInput(issue, articles, ORGANISATION, look, TEMPLATES, "issues/a.md", "s4lt", NOW)
    return render_issue(given)


def html_of(issue: RenderedIssue, reader: Mapping[str, Any] = READER) -> str:
    return PersonalPart(issue.html).render(clean_fields(reader), {"unsubscribe": UNSUBSCRIBE})


def text_of(issue: RenderedIssue, reader: Mapping[str, Any] = READER) -> str:
    return PersonalPart(issue.text).render(clean_fields(reader), {"unsubscribe": UNSUBSCRIBE})


class Page(HTMLParser):
    """Elements with their attributes, the text a reader sees, and whether tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(re.sub(r"<!--\[if.*?<!\[endif\]-->", "", html, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


SHAPES = {
    "no articles": [],
    "one": [article(0)],
    "eight": [article(number) for number in range(8)],
    "without links": [article(number, url=None) for number in range(3)],
    "with pictures": [article(0, image_url="https://example.org/a.png", image_alt="A \"weir\""),
                      article(1, image_url="https://example.org/b.png")],
    "bare": [article(0, url=None, excerpt="", author=None, published_at=None)],
}  # fmt: skip
EVERY = [(kind, shape) for kind in ("bulletin", "alert") for shape in SHAPES]


@pytest.mark.parametrize(("kind", "shape"), EVERY)
def test_what_every_design_promises(kind: str, shape: str) -> None:
    page = Page(html_of(rendered(kind, SHAPES[shape])))
    assert (page.faults, page.open) == ([], [])
    assert len(page.all("h1")) == 1
    assert all(image.get("alt") is not None and str(image.get("width")).isdigit() for image in page.all("img"))
    assert all(table.get("role") == "presentation" for table in page.all("table"))
    (root,) = page.all("html")
    assert (root["lang"], root["dir"]) == ("en", "ltr")
    links = {link.get("href") for link in page.all("a")}
    assert UNSUBSCRIBE in links
    assert "12 Mill Lane, Riverside" in page.text
    assert "What the river carried & more" in page.text
    assert "Weekly & <more>" in page.text
    schemes = {str(link).partition(":")[0] for link in links}
    assert schemes <= {"https", "mailto"}


@pytest.mark.parametrize(("kind", "shape"), EVERY)
def test_text_part_says_the_same(kind: str, shape: str) -> None:
    issue = rendered(kind, SHAPES[shape])
    text = text_of(issue)
    assert UNSUBSCRIBE in text.splitlines()
    assert "12 Mill Lane, Riverside" in text
    assert "Dear Ada <b>," in text
    assert "\n\n\n\n" not in text
    assert all(len(line) <= 78 or line.startswith("http") or "Title" in line for line in text.splitlines())
    shown = SHAPES[shape] if kind == "bulletin" else SHAPES[shape][:1]
    for each in shown:
        assert each.title in text
        assert (each.url in text.split()) if each.url else True


@pytest.mark.parametrize("kind", ["bulletin", "alert"])
def test_hostile_articles_stay_text(kind: str) -> None:
    html = html_of(rendered(kind, SHAPES["with pictures"]))
    page = Page(html)
    assert page.all("script") == []
    assert "Title 0 & <script>alert(1)</script> {{ 7 * 7 }}" in page.text
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_an_article_without_a_link_has_no_read_more() -> None:
    page = Page(html_of(rendered("bulletin", SHAPES["without links"])))
    assert "Read more" not in page.text
    assert "Read the full story" not in page.text
    assert "example.org/news" not in " ".join(str(link.get("href")) for link in page.all("a"))
    assert "Read more" in Page(html_of(rendered("bulletin", SHAPES["eight"]))).text


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", ["bulletin", "alert"])
def test_every_language_has_its_direction(kind: str, language: str) -> None:
    page = Page(html_of(rendered(kind, SHAPES["eight"], language=language)))
    (root,) = page.all("html")
    wanted = "rtl" if language in ("ar", "ur") else "ltr"
    assert (root["lang"], root["dir"]) == (language, wanted)
    first = next(attributes for tag, attributes in page.elements if tag == "div" and attributes.get("dir"))
    assert (first["lang"], first["dir"]) == (language, wanted)
    if language != "en":
        assert "You receive this email" not in page.text


def test_dark_mode_and_no_foreign_resources() -> None:
    html = html_of(rendered("bulletin", SHAPES["eight"]))
    metas = {meta["name"]: meta.get("content") for meta in Page(html).all("meta") if "name" in meta}
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert "prefers-color-scheme" in html and "[data-ogsc]" in html and "[data-ogsb]" in html
    assert "fonts.googleapis.com" not in html and "@import" not in html and "<link" not in html


def test_a_bulletin_of_eight_articles_is_far_from_being_clipped() -> None:
    assert len(html_of(rendered("bulletin", SHAPES["eight"])).encode()) < 60_000


def test_theme_reaches_the_mail() -> None:
    theme = {
        "logo_url": "https://example.org/logo.png",
        "logo_alt": 'River "R"',
        "footer": "A union of <volunteers>.",
        "social": ({"name": "Mastodon", "url": "https://social.example.org/@r"},),
    }
    page = Page(html_of(rendered("bulletin", SHAPES["one"], theme=theme)))
    (logo,) = page.all("img")
    assert (logo["src"], logo["alt"]) == ("https://example.org/logo.png", 'River "R"')
    assert "A union of <volunteers>." in page.text
    assert "https://social.example.org/@r" in {link.get("href") for link in page.all("a")}


def test_subject_is_text_in_the_header_and_in_the_heading() -> None:
    issue = rendered("bulletin", [])
    subject = PersonalPart(issue.subject, header=True).render(clean_fields(READER), {})
    assert subject == "News for Ada <b> & <friends>"
    assert subject in Page(html_of(issue)).text


def test_a_reader_without_a_name_is_greeted_all_the_same() -> None:
    reader = {key: value for key, value in READER.items() if key != "first_name"}
    issue = rendered("bulletin", [])
    assert "Dear friend," in text_of(issue, reader)
    assert "News for you & <friends>" in Page(html_of(issue, reader)).text


def test_editors_words_take_the_place_of_the_source() -> None:
    own = (ArticleChoice("key1", title="My title"), ArticleChoice("key0", excerpt="My words"))
    issue = Issue("a", IssueKind.BULLETIN, "s", ("weekly",), "[articles]", articles=own)
    articles = [article(1), article(0)]
    look = Theme().model_dump()
    text = text_of(render_issue(RenderInput(issue, articles, ORGANISATION, look, TEMPLATES, "i", "s4lt", NOW)))
    assert "My title" in text and "Title 1 &" not in text
    assert "My words" in text and "Excerpt 0" not in text
    assert text.index("My title") < text.index("Title 0")


def test_frozen_form_is_json_and_renders_the_same() -> None:
    import json

    issue = rendered("bulletin", SHAPES["eight"])
    kept = RenderedIssue.from_json(json.loads(json.dumps(issue.to_json())))
    assert kept == issue
    assert html_of(kept) == html_of(issue)
