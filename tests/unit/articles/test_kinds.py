from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mailer.articles.kinds import KINDS, PARSERS
from mailer.articles.source import Parsed, SourceSpec
from mailer.errors import ParseError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOURCE = SourceSpec("paper", url="https://morgenblatt.example/feed.json", tags=("Town",))
RSS = b"<rss version='2.0'><channel><title>t</title><item><title>A</title><guid>1</guid></item></channel></rss>"


def jsonfeed(*items: dict[str, Any], **more: Any) -> bytes:
    document = {"version": "https://jsonfeed.org/version/1.1", "title": "Morgenblatt", "items": list(items), **more}
    return json.dumps(document).encode()


def parse(data: bytes, kind: str = "jsonfeed") -> Parsed:
    return PARSERS[kind](data, source=SOURCE, now=NOW)


def test_the_kinds_of_the_configuration() -> None:
    assert KINDS == ("feed", "jsonfeed", "listing", "folder")


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b" \r\n"])
def test_a_feed_may_be_either(before: bytes) -> None:
    assert parse(before + RSS, "feed").articles[0].title == "A"
    assert parse(before + jsonfeed({"id": "1", "title": "A"}), "feed").articles[0].title == "A"


def test_an_item_of_a_json_feed() -> None:
    (article,) = parse(
        jsonfeed(
            {
                "id": "https://morgenblatt.example/1",
                "url": "/1?utm_source=x",
                "title": "The weir &amp; the river",
                "content_html": "<p>The old weir leaks.</p><p>It was built in 1911.</p>",
                "image": "/i.jpg",
                "date_published": "2026-11-01T10:00:00+01:00",
                "authors": [{"name": "Ada Brandt"}, {"name": "tom@news.example"}, {"url": "https://e.org"}],
                "tags": ["#CleanRivers", 5, "Library Hours", "clean rivers"],
            }
        )
    ).articles
    assert article.title == "The weir & the river"
    assert article.excerpt == "The old weir leaks. It was built in 1911."
    assert article.url == "https://morgenblatt.example/1?utm_source=x"
    assert article.image_url == "https://morgenblatt.example/i.jpg"
    assert article.published_at == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert article.author == "Ada Brandt"
    assert article.tags == ("Town", "CleanRivers", "Library Hours")


def test_the_same_article_in_a_feed_and_a_json_feed_has_one_key() -> None:
    guid = b"<guid>https://e.org/?p=1</guid>"
    (first,) = parse(RSS.replace(b"<guid>1</guid>", guid), "feed").articles
    (second,) = parse(jsonfeed({"id": "https://e.org/?p=1", "title": "Other"})).articles
    assert first.key == second.key


@pytest.mark.parametrize(
    ("item", "field", "value"),
    [
        ({"id": 7, "title": "A"}, "title", "A"),
        ({"id": "1", "content_text": "1 < 2 & so on."}, "excerpt", "1 < 2 & so on."),
        ({"id": "1", "title": "A", "external_url": "https://e.org/x"}, "url", "https://e.org/x"),
        ({"id": "1", "title": "A", "banner_image": "https://e.org/b.png"}, "image_url", "https://e.org/b.png"),
        ({"id": "1", "title": "A", "author": {"name": "Ada"}}, "author", "Ada"),
        ({"id": "1", "title": "A"}, "author", "The desk"),
        (
            {"id": "1", "title": "A", "date_modified": "2026-11-01T08:00:00Z"},
            "published_at",
            datetime(2026, 11, 1, 8, tzinfo=UTC),
        ),
        (
            {"id": "1", "title": "A", "attachments": [{"url": "/a.png", "mime_type": "image/png", "title": "Map"}]},
            "image_alt",
            "Map",
        ),
    ],
)
def test_where_a_json_feed_may_keep_it(item: dict[str, Any], field: str, value: object) -> None:
    (article,) = parse(jsonfeed(item, authors=[{"name": "The desk"}])).articles
    assert getattr(article, field) == value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"version": 1,\n "items": [}', "line 2"),
        (b'{"items": []}', "no JSON Feed"),
        (b"[]", "no JSON Feed"),
        (jsonfeed(items=5), "no list of items"),
    ],
)
def test_what_is_no_json_feed_is_said_in_one_line(data: bytes, says: str) -> None:
    with pytest.raises(ParseError, match=says) as caught:
        parse(data)
    assert caught.value.message.startswith("paper: ")
    assert "\n" not in caught.value.message
