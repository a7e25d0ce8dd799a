"""RSS 0.9x, 1.0, 2.0 and Atom, by feedparser, whose faults measured here are put right.

feedparser is only ever given a BytesIO: a string or bytes that look like an address or a path would be fetched
or opened. Its own sanitiser is off, because it leaves titles alone; every field goes through `clean` instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from mailer.articles.bounded import bounded_feedparser
from mailer.articles.encoding import EncodingError, xml_text
from mailer.articles.entry import Entry, collect
from mailer.articles.images import Image, pixels
from mailer.articles.source import Parsed, SourceSpec
from mailer.errors import ParseError

# feedparser fills `summary` with whichever of description and media:description comes first.
_HTML_PAGE = re.compile(r"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_ALTERNATE = re.compile(r"<link\b[^>]{0,500}application/(?:rss|atom)\+xml[^>]{0,500}>", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_ROOT = re.compile(r"<(?:\w{1,40}:)?(?:rss|feed|rdf)\b", re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY(?!\s{1,9}\w{1,40}\s{1,9}[\"']&#\w{1,8};[\"']\s{0,9}>)", re.IGNORECASE)
_ELEMENT = re.compile(r"<[^/!?]")
# feedparser needs 30 to 85 microseconds an element; honest feeds of 5 MB have a few ten thousand.
_MAX_ELEMENTS = 100_000
_ADDRESS = re.compile(r"[(<\[]?[^\s(<\[]*@\S*")


def parse(data: bytes, *, source: SourceSpec, now: datetime, content_type: str = "") -> Parsed:
    """The articles of a feed. Raises ParseError for what is no feed; broken XML is read as far as it goes."""
    try:
        text = xml_text(data, content_type)
    except EncodingError as exc:
        raise ParseError(f"{source.name}: {exc}") from exc
    _refuse_hostile(text, source)
    try:
        # Without a base it resolves against xml:base alone; `collect` resolves the rest against the source, so
        # that a guid such as "12" stays what it is.
        result = bounded_feedparser().parse(
            BytesIO(text.encode("utf-8")),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=True,
            sanitize_html=False,
        )
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError, AssertionError) as exc:
        # feedparser's loose parser raises these on hostile markup; none of them is about our own code.
        raise ParseError(f"{source.name}: the feed cannot be read ({type(exc).__name__})") from exc
    if not result.entries and not _is_feed(result):
        raise _no_feed(text, source)
    return collect((_entry(item) for item in result.entries), source=source, now=now)


def _refuse_hostile(text: str, source: SourceSpec) -> None:
    elements = sum(1 for _ in _ELEMENT.finditer(_without_cdata(text)))
    if elements > _MAX_ELEMENTS:
        raise ParseError(f"{source.name}: {elements:,} elements are too many for a feed")
    root = _ROOT.search(text)
    if _ENTITY.search(text, 0, root.start() if root else len(text)):
        raise ParseError(f"{source.name}: it declares entities, which no feed needs")


def _without_cdata(text: str) -> str:
    # By hand: a regular expression looks for the end again from every beginning that has none.
    kept, position = [], 0
    while (start := text.find("<![CDATA[", position)) >= 0 and (end := text.find("]]>", start)) >= 0:
        kept.append(text[position:start])
        position = end + 3
    return "".join([*kept, text[position:]])


def _is_feed(result: Any) -> bool:
    return bool(result.get("version")) or bool(result.feed.get("title"))


def _no_feed(text: str, source: SourceSpec) -> ParseError:
    if not text.strip():
        return ParseError(f"{source.name}: the answer is empty")
    if not _HTML_PAGE.search(text[:2000]):
        return ParseError(f"{source.name}: this is no feed", hint="kinds of sources: feed, jsonfeed, folder, listing")
    link = _ALTERNATE.search(text[:200_000])
    found = _HREF.search(link[0]) if link else None
    return ParseError(
        f"{source.name}: this is a web page, not a feed",
        hint=f"its feed is {urljoin(source.url or '', found[1])}" if found else "ask the site for its feed's address",
    )


def _entry(item: Mapping[str, Any]) -> Entry:
    content = max((part.get("value") or "" for part in item.get("content") or ()), key=len, default="")
    return Entry(
        title=item.get("title") or "",
        summary=item.get("summary") or "",
        content=content,
        guid=item.get("id"),
        link=_link(item),
        author=_author(item),
        # feedparser answers `published` for a missing `updated`, so both are asked by their own names.
        dates=tuple(dict.fromkeys(text for name in ("published", "updated", "created") if (text := _own(item, name)))),
        tags=tuple(_tags(item.get("tags") or ())),
        images=tuple(_images(item)),
    )


def _link(item: Mapping[str, Any]) -> str | None:
    # A guid is a link unless it says otherwise (RSS 2.0), but "12" as a link leads nowhere.
    if item.get("guidislink") and not item.get("links") and not re.match(r"\w+:|/", str(item.get("id"))):
        return None
    return item.get("feedburner_origlink") or item.get("link")


def _own(item: Mapping[str, Any], name: str) -> str | None:
    return item.get(name) if name in item.keys() else None  # noqa: SIM118 its `in` maps one date to the other


def _author(item: Mapping[str, Any]) -> str:
    """The name alone: RSS puts an address beside it, which does not belong in a newsletter.

    Not from feedparser's `author_detail`, which ends an address after four letters of its last label.
    """
    author = str(item.get("author") or "")[:300]
    return _ADDRESS.sub("", author).strip(" ()<>[],;") if "@" in author else author


def _tags(tags: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Label and term of each category: sites put the name into either."""
    for tag in tags:
        yield tag.get("label") or ""
        yield tag.get("term") or ""


def _images(item: Mapping[str, Any]) -> Iterable[Image]:
    caption = item.get("media_caption") or ""
    media = [part for part in item.get("media_content") or () if _shows_picture(part)]
    for part in sorted([*media, *(item.get("media_thumbnail") or ())], key=lambda part: -pixels(part.get("width"))):
        yield Image(part.get("url") or "", caption, pixels(part.get("width")), pixels(part.get("height")))
    for part in item.get("enclosures") or ():
        if str(part.get("type") or "").startswith("image/"):
            yield Image(part.get("href") or "", caption)


def _shows_picture(part: Mapping[str, Any]) -> bool:
    kind = str(part.get("type") or "")
    return part.get("medium") == "image" or kind.startswith("image/") or (not kind and not part.get("medium"))
