"""RSS 0.9x, 1.0, 2.0 and Atom, by feedparser, whose faults measured here are put right.

feedparser is only ever given a BytesIO: a string or bytes that look like an address or a path would be fetched
or opened. Its own sanitiser is off, because it leaves titles alone; every field goes through `clean` instead.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.message import Message
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from mailer.articles.entry import Entry, collect
from mailer.articles.images import Image, pixels
from mailer.articles.source import Parsed, SourceSpec
from mailer.errors import ParseError

# feedparser fills `summary` with whichever of description and media:description comes first.
_RENAMED = tuple(
    (before.encode(encoding), after.encode(encoding))
    for encoding in ("ascii", "utf-16-le", "utf-16-be")
    for before, after in (
        ("<media:description", "<media:caption"),
        ("</media:description", "</media:caption"),
    )
)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_HTML_PAGE = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_ALTERNATE = re.compile(r"<link\b[^>]{0,500}application/(?:rss|atom)\+xml[^>]{0,500}>", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf)\b", re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY(?!\s+\w+\s+[\"']&#\w{1,8};[\"']\s*>)", re.IGNORECASE)
# feedparser needs 30 to 85 microseconds an element; honest feeds of 5 MB have a few ten thousand.
_MAX_ELEMENTS = 100_000
_ADDRESS = re.compile(r"[(<\[]?[^\s(<\[]*@\S*")
# Python decodes much more (UTF-7, EBCDIC, escapes), in which a declaration hides from every check on bytes.
_ENCODINGS = re.compile(
    r"utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|cp866|cp874|cp932|cp949|cp950|koi8-[ru]|mac-(roman|cyrillic)"
    r"|shift_jis\w*|euc_\w+|iso2022_jp\w*|gb2312|gbk|gb18030|big5\w*"
)


def parse(data: bytes, *, source: SourceSpec, now: datetime, content_type: str = "") -> Parsed:
    """The articles of a feed. Raises ParseError for what is no feed; broken XML is read as far as it goes."""
    import feedparser

    _refuse_hostile(data, content_type, source)
    for before, after in _RENAMED:
        data = data.replace(before, after)
    # Without a base it resolves against xml:base alone; `collect` resolves the rest against the source, so that a
    # guid such as "12" stays what it is.
    headers = {"content-type": _content_type(data, content_type)}
    try:
        result = feedparser.parse(
            BytesIO(data), response_headers=headers, resolve_relative_uris=True, sanitize_html=False
        )
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError, AssertionError) as exc:
        # feedparser's loose parser raises these on hostile markup; none of them is about our own code.
        raise ParseError(f"{source.name}: the feed cannot be read ({type(exc).__name__})") from exc
    if not result.entries and not _is_feed(result):
        raise _no_feed(data, source)
    return collect((_entry(item) for item in result.entries), source=source, now=now)


def _refuse_hostile(data: bytes, content_type: str, source: SourceSpec) -> None:
    plain = data.replace(b"\x00", b"")
    elements = sum(1 for _ in re.finditer(rb"<[^/!?]", _without_cdata(plain)))
    if elements > _MAX_ELEMENTS:
        raise ParseError(f"{source.name}: {elements:,} elements are too many for a feed")
    root = _ROOT.search(plain)
    if _ENTITY.search(plain[: root.start() if root else None]):
        raise ParseError(f"{source.name}: it declares entities, which no feed needs")
    for name in (_charset(content_type), _declared(plain)):
        if name and not _is_web_encoding(name):
            raise ParseError(f"{source.name}: the encoding {name[:40]!r} is not one that feeds are written in")


def _without_cdata(data: bytes) -> bytes:
    # By hand: a regular expression looks for the end again from every beginning that has none.
    kept, position = [], 0
    while (start := data.find(b"<![CDATA[", position)) >= 0 and (end := data.find(b"]]>", start)) >= 0:
        kept.append(data[position:start])
        position = end + 3
    return b"".join([*kept, data[position:]])


def _content_type(data: bytes, given: str) -> str:
    """A content type that makes feedparser choose the right encoding.

    Without one it takes Latin-1, and text/xml without charset means ASCII to it. Servers that say Latin-1 of
    everything are common: bytes that are valid UTF-8, and do not themselves say otherwise, are UTF-8.
    """
    charset = _charset(given)
    if _declared(data) in ("", "utf-8", "utf8") and b"\x00" not in data[:64] and _is_utf8(data):
        charset = "utf-8"
    return f"application/xml; charset={charset}" if charset else "application/xml"


def _charset(content_type: str) -> str:
    header = Message()
    header["content-type"] = " ".join(content_type.split()) or "application/xml"
    return str(header.get_param("charset") or "").strip().lower()


def _declared(data: bytes) -> str:
    found = _XML_ENCODING.search(data[:300])
    return found[1].decode("ascii").lower() if found else ""


def _is_web_encoding(name: str) -> bool:
    """Also true for a name that Python does not know, which feedparser passes over."""
    try:
        return _ENCODINGS.fullmatch(codecs.lookup(name).name) is not None
    except LookupError:
        return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_feed(result: Any) -> bool:
    return bool(result.get("version")) or bool(result.feed.get("title"))


def _no_feed(data: bytes, source: SourceSpec) -> ParseError:
    if not data.strip():
        return ParseError(f"{source.name}: the answer is empty")
    if not _HTML_PAGE.search(data[:2000]):
        return ParseError(f"{source.name}: this is no feed", hint="kinds of sources: feed, jsonfeed, folder, listing")
    link = _ALTERNATE.search(data[:200_000].decode("utf-8", "replace"))
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
