"""What feedparser and we make of feeds together: 200 real-looking entries, and one small feed for each fault."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.articles import feed
from mailer.articles.source import Parsed, SourceSpec
from mailer.articles.tags import TagMatcher
from mailer.errors import ParseError
from mailer.model import Article
from tests.data.articles import make_feed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOURCE = SourceSpec("paper", url="https://morgenblatt.example/feed/")
DATA = Path(__file__).parents[2] / "data/articles"
HEAD = (
    '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<channel><title>Morgenblatt</title>"
)


def parse(data: str | bytes, source: SourceSpec = SOURCE, content_type: str = "") -> Parsed:
    raw = data if isinstance(data, bytes) else data.encode()
    return feed.parse(raw, source=source, now=NOW, content_type=content_type)


def rss(*items: str) -> str:
    return HEAD + "".join(f"<item>{item}</item>" for item in items) + "</channel></rss>"


def one(item: str, source: SourceSpec = SOURCE) -> Article:
    (article,) = parse(rss(item), source).articles
    return article


# -- the feed of 200 entries


def as_windows_1252() -> bytes:
    text = make_feed.build().replace('encoding="utf-8"', 'encoding="windows-1252"')
    return text.encode("cp1252", "xmlcharrefreplace")


def as_utf_16() -> bytes:
    return make_feed.build().replace('encoding="utf-8"', 'encoding="utf-16"').encode("utf-16")


@pytest.fixture(scope="module")
def campaign_feed() -> Parsed:
    return parse((DATA / "campaign-feed.xml").read_bytes())


def test_the_committed_feed_is_what_its_script_writes() -> None:
    assert (DATA / "campaign-feed.xml").read_text("utf-8") == make_feed.build()


def test_every_entry_of_the_feed_comes_out(campaign_feed: Parsed) -> None:
    found = [
        make_feed.Expected(a.title, a.url or "", a.tags, a.published_at, a.author, a.image_url)
        for a in campaign_feed.articles
    ]
    assert len(found) == 200
    assert found == make_feed.ENTRIES
    assert len({article.key for article in campaign_feed.articles}) == 200


def test_excerpts_of_the_feed_are_its_texts(campaign_feed: Parsed) -> None:
    for article in campaign_feed.articles:
        assert 100 < len(article.excerpt) <= 400
        assert article.excerpt.endswith((".", "…"))
        assert not {"picture of the day", "Continue reading"} & {article.excerpt}


def test_entries_whose_date_is_unclear_are_named_and_stay_in_their_place(campaign_feed: Parsed) -> None:
    unclear = [a for a in campaign_feed.articles if a.published_at is None]
    assert len(unclear) == len(campaign_feed.warnings) == 40
    assert sum("future" in warning for warning in campaign_feed.warnings) == 10
    order = sorted(campaign_feed.articles, key=lambda a: (-a.when.timestamp(), a.position))
    for article in unclear:
        assert abs(order.index(article) - article.position) <= 4


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (as_windows_1252(), ""),
        (as_windows_1252(), "text/xml"),
        (as_utf_16(), ""),
        (as_utf_16(), "application/rss+xml"),
        (make_feed.build().encode("utf-8-sig"), ""),
        (make_feed.build().encode(), "text/xml"),
        (make_feed.build().encode(), "application/rss+xml; charset=ISO-8859-1"),
        (make_feed.build().split("\n", 1)[1].encode(), "text/plain"),
    ],
    ids=["cp1252", "cp1252-text-xml", "utf-16", "utf-16-typed", "bom", "text-xml", "wrong-charset", "undeclared"],
)
def test_the_feed_reads_the_same_in_every_encoding(campaign_feed: Parsed, data: bytes, content_type: str) -> None:
    assert parse(data, content_type=content_type) == campaign_feed


@pytest.mark.parametrize(
    ("tag", "count"),
    [("#CleanRivers", 43), ("library hours", 53), ("NIGHT_BUSES", 52), ("School-Meals", 52), ("4003", 1)],
)
def test_campaigns_are_found_in_every_spelling(campaign_feed: Parsed, tag: str, count: int) -> None:
    matcher = TagMatcher()
    assert sum(matcher.matches(a.tags, [tag]) for a in campaign_feed.articles) == count


# -- one fault each

SMALL = '<media:thumbnail url="https://e.org/s.jpg" width="150"/>'
LARGE = '<media:content url="https://e.org/l.jpg" type="image/jpeg" width="900"/>'
FILM = '<media:content url="https://e.org/v.mp4" type="video/mp4"/>'
PICTURE = '<enclosure url="https://e.org/b.png" type="image/png"/>'
SOUND = '<enclosure url="https://e.org/a.mp3" type="audio/mpeg"/>'
IMG = "<content:encoded><![CDATA[{}]]></content:encoded>"
PHOTO = "<media:description>Photo</media:description>"
REAL = "<description>The real text.</description>"


@pytest.mark.parametrize(
    ("item", "summary"),
    [
        (PHOTO + REAL, "The real text."),
        (REAL + PHOTO, "The real text."),
        (
            f"<media:group>{PHOTO}</media:group>{REAL}",
            "The real text.",
        ),
        (
            "<description>Short</description>" + IMG.format("<p>The whole text of it.</p>"),
            "The whole text of it.",
        ),
        (
            "<description>A summary that somebody wrote by hand for it.</description>" + IMG.format("Other."),
            "A summary that somebody wrote by hand for it.",
        ),
        ("<description>Short</description>", "Short"),
    ],
)
def test_which_text_is_the_excerpt(item: str, summary: str) -> None:
    assert one("<title>T</title>" + item).excerpt == summary


def test_a_caption_becomes_the_alternative_text() -> None:
    article = one(
        '<title>T</title><media:content url="/a.jpg" medium="image"/><media:description>A weir</media:description>'
    )
    assert (article.image_url, article.image_alt) == ("https://morgenblatt.example/a.jpg", "A weir")


@pytest.mark.parametrize(
    ("item", "image"),
    [
        (
            SMALL + LARGE,
            "https://e.org/l.jpg",
        ),
        (
            FILM + SMALL,
            "https://e.org/s.jpg",
        ),
        (
            SOUND + PICTURE,
            "https://e.org/b.png",
        ),
        (
            IMG.format('<img src="https://e.org/t.gif" width="1" height="1"><img src="https://e.org/b.png">'),
            "https://e.org/b.png",
        ),
        (
            IMG.format('<img class="wp-smiley emoji" src="https://e.org/e.png"><img src="/b.png" alt="x">'),
            "https://morgenblatt.example/b.png",
        ),
        (IMG.format('<img src="https://secure.gravatar.com/avatar/1">'), None),
        (
            IMG.format('<img src="data:image/gif;base64,R0" data-src="https://e.org/lazy.jpg">'),
            "https://e.org/lazy.jpg",
        ),
        (IMG.format('<img src="https://e.org/logo.svg"><img src="https://e.org/b.png">'), "https://e.org/b.png"),
        (IMG.format('<noscript><img src="https://e.org/b.png"></noscript>'), "https://e.org/b.png"),
        (
            '<media:content url="javascript:alert(1)" medium="image"/>' + PICTURE,
            "https://e.org/b.png",
        ),
        ("", None),
    ],
)
def test_which_picture_is_chosen(item: str, image: str | None) -> None:
    assert one("<title>T</title>" + item).image_url == image


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ("<link>/a?x=1&amp;y=2</link>", "https://morgenblatt.example/a?x=1&y=2"),
        ("<link>/a?x=1&y=2</link>", "https://morgenblatt.example/a?x=1&y=2"),
        ("<guid>https://e.org/1</guid>", "https://e.org/1"),
        ("<guid>12</guid>", None),
        ('<guid isPermaLink="false">https://e.org/1</guid>', None),
        ('<guid isPermaLink="false">12</guid><link>https://e.org/2</link>', "https://e.org/2"),
        ('<atom:link rel="alternate" href="https://e.org/3"/>', "https://e.org/3"),
    ],
)
def test_which_link_is_the_article(item: str, url: str | None) -> None:
    assert one("<title>T</title>" + item).url == url


def test_relative_links_of_atom_start_at_their_base() -> None:
    data = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://e.org/news/"><title>t</title><entry><title>T</title>'
        '<id>tag:e.org,2026:1</id><link href="a"/><content type="html">&lt;img src="i.png"&gt;</content></entry></feed>'
    )
    (article,) = parse(data).articles
    assert (article.url, article.image_url) == ("https://e.org/news/a", "https://e.org/news/i.png")


@pytest.mark.parametrize(
    ("item", "author"),
    [
        ("<author>ada@news.example (Ada Brandt)</author>", "Ada Brandt"),
        ("<author>Ada Brandt &lt;ada@news.example&gt;</author>", "Ada Brandt"),
        ("<author>ada@news.london</author>", None),
        ("<dc:creator>Ada Brandt</dc:creator>", "Ada Brandt"),
        ("<atom:author><atom:name>Ada</atom:name><atom:email>ada@news.community</atom:email></atom:author>", "Ada"),
    ],
)
def test_an_author_is_a_name_and_never_an_address(item: str, author: str | None) -> None:
    assert one("<title>T</title>" + item).author == author


@pytest.mark.parametrize(
    ("item", "moment"),
    [
        ("<pubDate>03/07/2026</pubDate><dc:date>2026-07-03T10:00:00Z</dc:date>", datetime(2026, 7, 3, 10, tzinfo=UTC)),
        ("<pubDate>Fri, 03 Jul 2026 10:00:00</pubDate>", datetime(2026, 7, 3, 8, tzinfo=UTC)),
        ("<pubDate>Fri, 03 Jul 2026 10:00:00 CEST</pubDate>", datetime(2026, 7, 3, 8, tzinfo=UTC)),
        ("<pubDate>Fri, 03 Jul 2026 10:00:00 GMT</pubDate>", datetime(2026, 7, 3, 10, tzinfo=UTC)),
    ],
)
def test_dates_in_the_zone_of_the_source(item: str, moment: datetime) -> None:
    source = SourceSpec("paper", zone="Europe/Oslo")
    assert one("<title>T</title>" + item, source).published_at == moment


def test_a_future_date_gives_way_to_the_other_date() -> None:
    parsed = parse(
        rss(
            "<title>T</title><pubDate>Mon, 01 Jan 2035 10:00:00 GMT</pubDate>"
            "<atom:updated>2026-11-01T08:00:00Z</atom:updated>"
        )
    )
    assert parsed.articles[0].published_at == datetime(2026, 11, 1, 8, tzinfo=UTC)
    assert "2035-01-01" in parsed.warnings[0]


def test_tags_of_the_source_are_added_and_lists_split_when_asked() -> None:
    item = "<title>T</title><category>Night Buses, rivers; town</category>"
    assert one(item).tags == ("Night Buses, rivers; town",)
    split = SourceSpec("paper", tags=("#Town", "Paper"), split_tags=True)
    assert one(item, split).tags == ("Town", "Paper", "Night Buses", "rivers")


def test_an_entry_without_a_title_is_called_by_its_first_words() -> None:
    article = one("<description>The ferry is back. It runs every hour, until the ice comes.</description>")
    assert article.title == "The ferry is back. It runs every hour, until the ice comes."


def test_what_is_no_article_is_named() -> None:
    parsed = parse(rss("<guid>1</guid>", "<title>A</title><guid>2</guid>", "<title>A again</title><guid>2</guid>"))
    assert [article.title for article in parsed.articles] == ["A"]
    assert [warning.split(": ", 1)[1] for warning in parsed.warnings] == [
        "entry 1: no title and no text, left out",
        "entry 3 (A again): the same as an entry above, left out",
    ]


@pytest.mark.parametrize(
    "data",
    [
        rss("<title>A</title>").replace("</channel></rss>", ""),
        "<br /><b>Warning</b>: PHP in line 3<br />" + rss("<title>A</title>"),
        rss("<title>A</title>", "<title>B & C</title>").replace("B & C", "A & caf&eacute;"),
    ],
    ids=["truncated", "warning before", "bare ampersand"],
)
def test_a_broken_feed_is_read_as_far_as_it_goes(data: str) -> None:
    assert parse(data).articles[0].title == "A"


def test_an_old_feed_with_an_entity_for_a_letter_is_read() -> None:
    data = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY eacute "&#233;">]>' + rss("<title>caf&eacute;</title>")
    assert parse(data).articles[0].title == "café"


def test_rss_1_0_and_0_91() -> None:
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<channel rdf:about="https://e.org/"><title>t</title></channel>'
        '<item rdf:about="https://e.org/a"><title>A</title><link>https://e.org/a</link></item></rdf:RDF>'
    )
    old = (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel><title>t</title>'
        "<item><title>A</title><link>https://e.org/a</link></item></channel></rss>"
    )
    for data in (rdf, old):
        assert [(a.title, a.url) for a in parse(data).articles] == [("A", "https://e.org/a")]


def test_an_empty_feed_is_a_feed() -> None:
    assert parse(rss()) == Parsed(())


def test_a_web_page_is_told_from_a_feed_and_its_feed_is_named() -> None:
    page = '<!DOCTYPE html><html><head><link rel="alternate" type="application/rss+xml" href="/rss.xml"></head></html>'
    with pytest.raises(ParseError, match="a web page, not a feed") as caught:
        parse(page)
    assert caught.value.hint == "its feed is https://morgenblatt.example/rss.xml"
