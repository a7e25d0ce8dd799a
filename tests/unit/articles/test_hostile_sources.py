"""What a hostile or broken source may try, each refused or made harmless."""

from __future__ import annotations

import builtins
import json
import re
import socket
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from mailer.articles import markdown
from mailer.articles.kinds import PARSERS
from mailer.articles.source import Parsed, SourceSpec
from mailer.errors import ParseError
from mailer.model import Article

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOURCE = SourceSpec("wild", url="https://wild.example/feed/")


def feed(data: str | bytes) -> Parsed:
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    return PARSERS["feed"](raw, source=SOURCE, now=NOW)


def rss(*items: str, prolog: str = "") -> str:
    return (
        prolog
        + '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>t</title>'
        + "".join(f"<item>{item}</item>" for item in items)
        + "</channel></rss>"
    )


def is_harmless(article: Article) -> bool:
    """Every field is one line of text without tags or controls, and every link is a web link."""
    texts = [article.title, article.excerpt, article.image_alt, article.author or "", *article.tags]
    clean = all(
        not re.search(r"<[a-zA-Z/!?]", text)
        and not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)
        and not set(text) & {"\u202e", "\u2066", "\u2028"}
        for text in texts
    )
    links = [link for link in (article.url, article.image_url) if link]
    return clean and all(re.match(r"https?://[^@\s]+$", link) for link in links)


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Any file or connection that parsing opens is noted."""
    opened: list[str] = []
    real_open = builtins.open

    def noted(file: object, *args: object, **more: object) -> object:
        opened.append(str(file))
        return real_open(file, *args, **more)  # type: ignore[call-overload]

    def refused(self: socket.socket, address: object) -> None:
        opened.append(str(address))
        raise OSError("no network here")

    monkeypatch.setattr(builtins, "open", noted)
    monkeypatch.setattr(socket.socket, "connect", refused)
    return opened


@pytest.mark.parametrize(
    "body",
    [
        b"/etc/passwd",
        b"file:///etc/passwd",
        b"http://127.0.0.1/",
        b"http://169.254.169.254/latest/meta-data/",
        b"feed://e.org/",
    ],
)
def test_a_body_that_is_a_path_or_an_address_opens_nothing(body: bytes, no_way_out: list[str]) -> None:
    with pytest.raises(ParseError, match="no feed"):
        feed(body)
    assert not [name for name in no_way_out if "passwd" in name or "1" in name]


XXE = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1/x.dtd"> %x;]>'
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE rss SYSTEM "http://127.0.0.1/x.dtd">'
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
BLOW_UP = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "{"x" * 50_000}">]>'


@pytest.mark.parametrize("prolog", [XXE, PARAMETER, LAUGHS, BLOW_UP], ids=["xxe", "parameter", "laughs", "blow-up"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declared_entities_are_refused(prolog: str, encoding: str, no_way_out: list[str]) -> None:
    data = rss("<title>&a;&x;&i;</title>", prolog=prolog).replace('"1.0"', f'"1.0" encoding="{encoding}"')
    with pytest.raises(ParseError, match="declares entities"):
        feed(data.encode(encoding))
    assert no_way_out == []


def test_an_external_dtd_is_not_fetched(no_way_out: list[str]) -> None:
    assert feed(rss("<title>A</title>", prolog=EXTERNAL)).articles[0].title == "A"
    assert no_way_out == []


@pytest.mark.parametrize("encoding", ["utf-7", "UTF7", "cp037", "unicode_escape", "punycode", "idna", "utf-32"])
def test_an_encoding_that_hides_markup_is_refused(encoding: str) -> None:
    with pytest.raises(ParseError, match="encoding"):
        feed(rss("<title>A</title>", prolog=f'<?xml version="1.0" encoding="{encoding}"?>'))
    with pytest.raises(ParseError, match="encoding"):
        PARSERS["feed"](
            rss("<title>A</title>").encode(), source=SOURCE, now=NOW, content_type=f"text/xml; charset={encoding}"
        )


SLOW = {
    "nested": b"<rss><channel><item>" + b"<a>" * 400_000,
    "items": b"<rss><channel>" + b"<item><title>x</title></item>" * 120_000,
    "cdata": b"<rss>" + b"<![CDATA[" * 500_000,
    "angles": b"<" * 4_000_000,
    "attributes": b"<rss" + b" a='1'" * 500_000 + b">",
    "ampersands": b"<rss><channel><item><title>" + b"&" * 400_000,
    "doctype": b"<!DOCTYPE " + b"[" * 400_000,
    "nul": b"\x00" * 5_000_000,
    "categories": b"<rss><channel><item>" + b"".join(b"<category>%d</category>" % n for n in range(20_000)),
    "keywords": b"<rss xmlns:i='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel><item><i:keywords>"
    + b",".join(b"%d" % n for n in range(200_000))
    + b"</i:keywords></item></channel></rss>",
    "author": rss("<title>A</title><author>" + "a." * 2_000_000 + "</author>").encode(),
    "author in entities": rss("<title>A</title><author>" + "&#97;" * 900_000 + "</author>").encode(),
    "blank date": rss("<title>A</title><pubDate>" + " " * 4_000_000 + "x</pubDate>").encode(),
    "long date": rss("<title>A</title><pubDate>" + "1" * 4_000_000 + "</pubDate>").encode(),
}


@pytest.mark.parametrize("data", SLOW.values(), ids=SLOW.keys())
def test_a_feed_that_is_made_to_take_hours_ends_soon(data: bytes) -> None:
    started = time.monotonic()
    with suppress(ParseError):
        assert all(is_harmless(article) for article in feed(data).articles)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("name", ["nested", "items"])
def test_a_feed_of_too_many_elements_is_not_even_begun(name: str) -> None:
    with pytest.raises(ParseError, match="too many for a feed"):
        feed(SLOW[name])


def test_markup_inside_of_cdata_does_not_count() -> None:
    article = feed(
        rss("<title>A</title><description><![CDATA[" + "<b>x </b>" * 110_000 + "]]></description>")
    ).articles[0]
    assert article.excerpt.startswith("x x x")


def test_a_deeply_nested_feed_below_the_bound() -> None:
    assert feed(rss("<title>A</title>" + "<b>" * 5_000 + "</b>" * 5_000)).articles[0].title == "A"


@pytest.mark.parametrize(
    "data",
    [
        rss("<title>A</title>").encode("utf-16")[:-1],
        b"\xff\xfe" + b"\x00\xd8" * 20,
        b'<?xml version="1.0" encoding="utf-16"?>' + rss("<title>A</title>").encode(),
        b"\xef\xbb\xbf\xff" + rss("<title>\xe9</title>").encode("latin-1"),
        bytes(range(256)) * 20,
    ],
    ids=["odd-utf-16", "lone surrogates", "mislabelled", "bom and latin-1", "all bytes"],
)
def test_bytes_in_no_encoding(data: bytes) -> None:
    try:
        assert all(is_harmless(article) for article in feed(data).articles)
    except ParseError as error:
        assert "\n" not in error.message


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        " &#9;javascript:alert(1)",
        "https://good@evil.example/",
        "file:///etc/passwd",
        "jAvAsCrIpT:alert(1)",
        "https://evil.example/&#x202e;gpj",
    ],
)
def test_an_article_with_a_link_that_is_none_is_left_out(link: str) -> None:
    parsed = feed(rss(f"<title>A</title><link>{link}</link>", "<title>B</title><link>/b</link>"))
    assert [article.title for article in parsed.articles] == ["B"]
    assert "not a web address" in parsed.warnings[0]


def test_a_link_without_a_scheme_gets_the_one_of_its_feed() -> None:
    assert feed(rss("<title>A</title><link>//evil.example/x</link>")).articles[0].url == "https://evil.example/x"


@pytest.mark.parametrize(
    "image",
    [
        "javascript:alert(1)",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "https://a@evil.example/i.png",
        "file:///etc/passwd",
        "https://wild.example/i.svg",
        "https://feeds.feedburner.com/~r/x/1",
    ],
)
def test_a_picture_that_is_none_is_left_out(image: str) -> None:
    media = f'<media:content url="{image}" medium="image"/><enclosure url="{image}" type="image/png"/>'
    content = (
        f"<description><![CDATA[<img src='{image}'><img src='https://e.org/1.gif' width=1 height=1>]]></description>"
    )
    article = feed(rss(f"<title>A</title>{media}{content}")).articles[0]
    assert article.image_url is None


TITLES: list[tuple[str, str]] = [
    ("<![CDATA[<script>alert(1)</script>A]]>", "A"),
    ("&lt;script&gt;alert(1)&lt;/script&gt;A", "A"),
    ("&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;A", "A"),
    ("A&#10;Bcc: victim@example.org", "A Bcc: victim@example.org"),
    ("A&#13;&#10;&#13;&#10;body", "A body"),
    ("A&#x202e;drawkcab", "Adrawkcab"),
    ("A&#x2028;B", "A B"),
    ("A&#x85;B", "A…B"),
    ("{{ 7*7 }}{% for x in y %}", "{{ 7*7 }}{% for x in y %}"),
    ("${7*7} #{7*7} *|FNAME|* %recipient%", "${7*7} #{7*7} *|FNAME|* %recipient%"),
    ("<![CDATA[</mj-text><mj-include path='/etc/passwd'/><mj-text>A]]>", "A"),
    ("<![CDATA[<mj-raw><script>alert(1)</script></mj-raw>A]]>", "A"),
    ("A ]]&gt; B", "A ]]> B"),
    ("<![CDATA[A<!--[if mso]>B<![endif]-->]]>", "A"),
    ("<![CDATA[A --> B]]>", "A --> B"),
    ("<![CDATA[<svg><p><style><img src=x onerror=alert(1)></style></p></svg>A]]>", "A"),
    ("<![CDATA[<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>]]>", "entry text"),
    ("<![CDATA[<noscript><p title='</noscript><img src=x onerror=alert(1)>'>A]]>", "entry text"),
    ("<![CDATA[<template><style></template><img src=x onerror=alert(1)>A]]>", "entry text"),
    ("<![CDATA[<a href='javascript:alert(1)'>A</a>]]>", "A"),
    ("<![CDATA[A<b onmouseover=alert(1)]]>", "A< b onmouseover=alert(1)"),
]


@pytest.mark.parametrize(("title", "text"), TITLES)
def test_a_title_that_wants_to_be_more_than_text(title: str, text: str) -> None:
    article = feed(rss(f"<title>{title}</title><description>entry text</description>")).articles[0]
    assert is_harmless(article)
    assert article.title == text


@pytest.mark.parametrize(("markup", "text"), TITLES)
def test_a_description_that_wants_to_be_more_than_text(markup: str, text: str) -> None:
    article = feed(rss(f"<title>T</title><description>{markup}</description><category>{markup}</category>")).articles[0]
    assert is_harmless(article)
    assert article.excerpt == (text if text != "entry text" else "")


def test_a_title_of_5_mb_is_cut() -> None:
    article = feed(rss(f"<title>{'x' * 4_900_000}</title>")).articles[0]
    assert len(article.title) == 300
    assert article.title.endswith("…")


def test_tens_of_thousands_of_tags_are_cut_and_named() -> None:
    parsed = feed(rss("<title>A</title>" + "".join(f"<category>tag {n}</category>" for n in range(20_000))))
    assert len(parsed.articles[0].tags) == 50
    assert all(len(tag) <= 100 for tag in parsed.articles[0].tags)
    assert "the first 50 are kept" in parsed.warnings[0]


def test_thousands_of_entries_are_cut_and_the_warnings_too() -> None:
    parsed = feed(rss(*(f"<title>A {n}</title><link>x:{n}</link>" for n in range(3_000))))
    assert parsed.articles == ()
    assert "3000 entries, the first 2000 are taken" in parsed.warnings[0]
    assert len(parsed.warnings) == 51
    assert parsed.warnings[-1] == "… and 1951 more warnings"


@pytest.mark.parametrize(
    "data",
    [
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"version": "https://jsonfeed.org/version/1.1", "items": ' + b"[" * 100_000,
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": ' + b"9" * 10_000 + b"}]}",
        b'{"version": "https://jsonfeed.org/version/1.1", "items": {"0": 1}}',
        b'{"version": "https://jsonfeed.org/version/1.1"}',
        b'{"a": 1}',
        b"{\xff}",
        b"{",
        b"",
    ],
)
def test_json_that_is_no_feed(data: bytes) -> None:
    with pytest.raises(ParseError):
        PARSERS["jsonfeed"](data, source=SOURCE, now=NOW)


def test_a_json_feed_of_wrong_types() -> None:
    wild = [None, 1, 1.5, True, "x", [], {}, ["x", 1, None, {"name": 1}], {"url": 1, "name": ["x"]}]
    names = [
        "id",
        "url",
        "title",
        "content_html",
        "content_text",
        "summary",
        "image",
        "authors",
        "author",
        "tags",
        "attachments",
        "date_published",
        "external_url",
    ]
    items = [*wild, *({"title": "A", name: value} for name in names for value in wild)]
    document = {"version": "https://jsonfeed.org/version/1.1", "authors": 5, "items": items}
    parsed = PARSERS["jsonfeed"](json.dumps(document).encode(), source=SOURCE, now=NOW)
    assert parsed.articles
    assert all(is_harmless(article) for article in parsed.articles)


def fenced(front: str, fence: str = "---") -> bytes:
    return f"{fence}\n{front}\n{fence}\nText.\n".encode()


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    ("path", "data", "says"),
    [
        ("a.md", fenced("title: !!python/object/apply:os.system ['id']"), "python/object"),
        ("a.md", fenced("title: !!python/name:os.system"), "python/name"),
        ("a.md", fenced(BOMB), "line 3: YAML aliases"),
        ("a.md", fenced("a: &a [*a]"), "aliases"),
        ("a.md", fenced("a: " + "[" * 30_000), "nested deeper"),
        ("a.md", fenced("a:\n" + "\n".join(" " * n + "- " for n in range(40))), ""),
        ("a.md", fenced("a = " + "[" * 30_000, "+++"), "cannot be read|broken"),
        ("a.md", fenced("title: x\ntitle: y"), "line 3"),
        ("a.md", fenced("title: [x"), "line"),
        ("a.md", fenced("title: 'x"), "line"),
        ("a.md", fenced("- a\n- b"), "no list of fields"),
        ("a.md", fenced("title = x", "+++"), "line 2"),
        ("a.md", b"---\ntitle: x\n", "no closing ---"),
        ("a.md", fenced("a: " + "x" * 70_000), "larger than 64 KB"),
        ("a.md", b"x" * 1_000_001, "larger than 1 MB"),
        ("a.md", b"---\ntitle: caf\xe9\n---\n", "line 2: this is not UTF-8"),
        ("../a.md", fenced("title: x"), "leads out of the folder"),
        ("b/../../a.md", fenced("title: x"), "leads out of the folder"),
        ("..\\a.md", fenced("title: x"), "leads out of the folder"),
        ("/etc/a.md", fenced("title: x"), "leads out of the folder"),
    ],
)
def test_a_document_that_is_refused(path: str, data: bytes, says: str, no_way_out: list[str]) -> None:
    good = ("good.md", b"---\ntitle: Good\n---\nText.")
    parsed = markdown.parse([(path, data), good], source=SOURCE, now=NOW)
    assert [article.title for article in parsed.articles] == ["Good"]
    assert re.search(says, parsed.warnings[0]), parsed.warnings
    assert path in parsed.warnings[0]
    assert "\n" not in parsed.warnings[0]


@pytest.mark.parametrize(("markup", "text"), [pair for pair in TITLES if "CDATA" not in pair[0]])
def test_a_document_whose_text_wants_to_be_more(markup: str, text: str) -> None:
    data = (
        f"---\ntitle: {json.dumps(markup)}\nsummary: {json.dumps(markup)}\ntags: [{json.dumps(markup)}]\n---\n{markup}"
    )
    (article,) = markdown.parse([("a.md", data.encode())], source=SOURCE, now=NOW).articles
    assert is_harmless(article)
    assert article.title == text


LISTING: list[Callable[[str], str]] = [
    lambda text: f"{text}\n\nA text.",
    lambda text: f"A title\n\n{text}",
    lambda text: f"A title\ntags: {text}\nauthor: {text}\n\nA text.",
]


@pytest.mark.parametrize("shape", LISTING, ids=["title", "excerpt", "fields"])
@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>x", "x\x00\x1b[31m", "\u202ex", "x<!--", "{{ 7*7 }}", "</mj-text><mj-raw>x"]
)
def test_a_listing_whose_text_wants_to_be_more(shape: Callable[[str], str], text: str) -> None:
    (article,) = PARSERS["listing"](shape(text).encode(), source=SOURCE, now=NOW).articles
    assert is_harmless(article)
