"""Folders as Hugo, Jekyll and Zola keep them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailer.articles import markdown
from mailer.articles.frontmatter import FrontMatterError, split
from mailer.articles.source import Parsed, SourceSpec
from mailer.model import Article

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FOLDER = SourceSpec("site")
SITE = SourceSpec("site", url="https://paper.example/", zone="Europe/Oslo")

HUGO = """---
title: "The weir & the river"
date: 2026-11-01T10:00:00+01:00
draft: false
Tags: [Clean Rivers, "#town"]
categories:
  - News
description: A summary that somebody wrote by hand for it.
cover:
  image: /img/weir.jpg
  alt: The old weir
authors: [Ada Brandt, Tom]
slug: weir
---
{{< figure src="x.jpg" >}}
The old weir **leaks**.
"""
HUGO_TOML = """+++
title = "The weir & the river"
date = 2026-11-01T10:00:00+01:00
draft = false
tags = ["Clean Rivers", "#town"]
categories = ["News"]
description = "A summary that somebody wrote by hand for it."
authors = ["Ada Brandt", "Tom"]
slug = "weir"
[cover]
image = "/img/weir.jpg"
alt = "The old weir"
+++
The old weir **leaks**.
"""
ZOLA = """+++
title = "The weir & the river"
date = 2026-11-01
[taxonomies]
tags = ["Clean Rivers"]
campaigns = ["town"]
[extra]
image = "/img/weir.jpg"
author = "Ada Brandt"
+++
The old weir leaks.

<!-- more -->

The rest of the story, which is long.
"""
JEKYLL = """---
layout: post
title: The weir & the river
categories: news
tags: rivers town
permalink: /:year/:title/
author: {name: Ada Brandt, email: ada@paper.example}
---
# A heading

![The old weir](/img/weir.jpg)

The old weir leaks. {% include youtube.html id="1" %}
"""


def parse(*documents: tuple[str, str | bytes], source: SourceSpec = FOLDER) -> Parsed:
    pairs = [(path, data if isinstance(data, bytes) else data.encode()) for path, data in documents]
    return markdown.parse(pairs, source=source, now=NOW)


def one(path: str, text: str | bytes, source: SourceSpec = SITE) -> Article:
    parsed = parse((path, text), source=source)
    assert parsed.warnings == ()
    (article,) = parsed.articles
    return article


@pytest.mark.parametrize(
    "text", [HUGO, HUGO_TOML, HUGO.replace("\n", "\r\n"), "\ufeff" + HUGO], ids=["yaml", "toml", "crlf", "bom"]
)
def test_a_document_of_hugo(text: str) -> None:
    article = one("posts/2026/the-weir.md", text)
    assert article.title == "The weir & the river"
    assert article.excerpt == "A summary that somebody wrote by hand for it."
    assert article.published_at == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert article.tags == ("Clean Rivers", "town", "News")
    assert (article.image_url, article.image_alt) == ("https://paper.example/img/weir.jpg", "The old weir")
    assert article.author == "Ada Brandt, Tom"
    assert article.url == "https://paper.example/posts/2026/weir/"


def test_a_document_of_zola() -> None:
    article = one("blog/weir/index.md", ZOLA)
    assert article.excerpt == "The old weir leaks."
    assert article.published_at == datetime(2026, 10, 31, 23, tzinfo=UTC), "midnight in Oslo"
    assert article.tags == ("Clean Rivers", "town")
    assert (article.image_url, article.author) == ("https://paper.example/img/weir.jpg", "Ada Brandt")
    assert article.url == "https://paper.example/blog/weir/"


def test_a_document_of_jekyll() -> None:
    article = one("_posts/2026-11-01-the-weir.md", JEKYLL)
    assert article.published_at == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert article.tags == ("rivers", "town", "news")
    assert article.excerpt == "A heading The old weir leaks."
    assert (article.image_url, article.image_alt) == ("https://paper.example/img/weir.jpg", "The old weir")
    assert article.author == "Ada Brandt"
    assert article.url is None, "where the pages of dated names lie is a setting of the site"


@pytest.mark.parametrize(
    ("path", "text", "title"),
    [
        ("a.md", "# The river\n\nText.", "The river"),
        ("2026-11-01-the-river.md", "Text.", "The river"),
        ("the-river/index.md", "Text.", "The river"),
        ("a.markdown", "---\n---\n# The river #\nText.", "The river"),
        ("a.md", "---\ntitle: 2026\n---\nText.", "2026"),
    ],
)
def test_where_the_title_may_stand(path: str, text: str, title: str) -> None:
    article = one(path, text)
    assert (article.title, article.excerpt) == (title, "Text.")


@pytest.mark.parametrize(
    ("path", "front"),
    [
        ("a.md", "draft: true"),
        ("a.md", "draft: yes"),
        ("a.md", "Draft: 'true'"),
        ("a.md", "published: false"),
        ("a.md", "date: 2026-11-23"),
        ("a.md", "date: 2026-11-22T12:00:01Z"),
        ("a.md", "date: 2026-01-01\npublishDate: 2027-01-01"),
        ("a.md", "expiryDate: 2026-11-01"),
        ("2027-01-01-a.md", "layout: post"),
        ("_drafts/a.md", "layout: post"),
        ("posts/_index.md", "title: Posts"),
        ("README.md", "title: Readme"),
        ("a.html", "title: A"),
        ("a.txt", "title: A"),
    ],
)
def test_what_is_not_published_is_passed_over(path: str, front: str) -> None:
    parsed = parse((path, f"---\n{front}\n---\nText."), ("good.md", "---\ntitle: Good\n---\n"))
    assert [article.title for article in parsed.articles] == ["Good"]
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    "front",
    [
        "draft: false",
        "published: true",
        "date: 2026-11-22T12:00:00Z",
        "publishDate: 2026-11-22",
        "expiryDate: 2027-01-01",
    ],
)
def test_what_is_published_is_there(front: str) -> None:
    assert one("a.md", f"---\ntitle: A\n{front}\n---\n").title == "A"


def test_a_time_without_zone_is_in_the_zone_of_the_source_and_one_with_keeps_it() -> None:
    moments = {
        "2026-07-01 10:00:00": datetime(2026, 7, 1, 8, tzinfo=UTC),
        "2026-07-01T10:00:00Z": datetime(2026, 7, 1, 10, tzinfo=UTC),
        "2026-07-01 10:00:00 +0530": datetime(2026, 7, 1, 4, 30, tzinfo=UTC),
    }
    for text, moment in moments.items():
        assert one("a.md", f"---\ntitle: A\ndate: {text}\n---\n").published_at == moment
    for text, moment in list(moments.items())[:2]:
        assert one("a.md", f'+++\ntitle = "A"\ndate = {text}\n+++\n').published_at == moment


@pytest.mark.parametrize(
    ("path", "front", "url"),
    [
        ("posts/The River.md", "", "https://paper.example/posts/the-river/"),
        ("a.md", "url: /news/x/", "https://paper.example/news/x/"),
        ("a.md", "permalink: https://other.example/x", "https://other.example/x"),
        ("index.md", "", None),
    ],
)
def test_the_link_of_a_page(path: str, front: str, url: str | None) -> None:
    assert one(path, f"---\ntitle: A\n{front}\n---\n").url == url


def test_without_the_root_of_the_site_only_whole_links_count() -> None:
    assert one("a.md", "---\ntitle: A\nurl: /news/x/\n---\n", FOLDER).url is None
    assert one("a.md", "---\ntitle: A\nurl: https://e.org/x\n---\n", FOLDER).url == "https://e.org/x"


def test_a_better_title_does_not_make_it_another_article() -> None:
    assert one("a.md", "---\ntitle: A\n---\n", FOLDER).key == one("a.md", "---\ntitle: B\n---\n", FOLDER).key
    assert one("a.md", "---\ntitle: A\n---\n", FOLDER).key != one("b.md", "---\ntitle: A\n---\n", FOLDER).key


def test_the_newest_comes_first_and_what_has_no_date_last() -> None:
    parsed = parse(
        ("a.md", "---\ntitle: No date\n---\n"),
        ("b.md", "---\ntitle: Old\ndate: 2026-01-01\n---\n"),
        ("c.md", "---\ntitle: New\ndate: 2026-11-01\n---\n"),
        ("d.md", "---\ntitle: Unclear\ndate: 01/02/2026\n---\n"),
    )
    assert [article.title for article in parsed.articles] == ["New", "Old", "No date", "Unclear"]
    assert [article.position for article in parsed.articles] == [0, 1, 2, 3]
    assert {article.when for article in parsed.articles[1:]} == {datetime(2026, 1, 1, tzinfo=UTC)}
    assert "'01/02/2026' cannot be read" in parsed.warnings[0]


def test_a_day_that_does_not_exist_costs_the_date_and_not_the_document() -> None:
    parsed = parse(("a.md", "---\ntitle: A\ndate: 2026-02-30\n---\n"))
    assert [(article.title, article.published_at) for article in parsed.articles] == [("A", None)]
    assert "'2026-02-30' cannot be read" in parsed.warnings[0]


def test_yaml_is_1_2() -> None:
    fields, body = split("---\ncountry: NO\nnumber: 010\nswitch: off\nnothing: null\n---\nbody\n---\nmore")
    assert fields == {"country": "NO", "number": 10, "switch": "off", "nothing": None}
    assert body == "body\n---\nmore"


@pytest.mark.parametrize("text", ["", "no fence", "--- not a fence\n", "----\ntitle: x\n----\n"])
def test_a_document_without_front_matter(text: str) -> None:
    assert split(text) == ({}, text)


def test_a_merge_key_cannot_come_in_without_an_alias() -> None:
    with pytest.raises(FrontMatterError, match="line 4: YAML aliases"):
        split("---\na: &x\n  b: 1\nc: {<<: *x}\n---\n")
