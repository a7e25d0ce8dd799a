"""Issues as an Atom feed (RFC 4287)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

ATOM = "http://www.w3.org/2005/Atom"

# What XML 1.0 cannot hold, however it is written.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An issue. `url` is where it is read, and its name for ever."""

    title: str
    summary: str
    language: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """The newest issues first. `own`: where the feed is; `url`: the page it belongs to."""

    title: str
    author: str
    own: str
    url: str
    began: datetime
    entries: Sequence[FeedEntry]


def atom(feed: Feed) -> bytes:
    """The feed as bytes in UTF-8."""
    ElementTree.register_namespace("", ATOM)
    root = ElementTree.Element(_name("feed"))
    _add(root, "id", feed.own)
    _add(root, "title", feed.title)
    _add(root, "updated", _moment(max((entry.at for entry in feed.entries), default=feed.began)))
    _add(_add(root, "author"), "name", feed.author)
    _add(root, "link", rel="self", href=feed.own, type="application/atom+xml")
    _add(root, "link", rel="alternate", href=feed.url, type="text/html")
    for entry in feed.entries:
        _entry(root, entry)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _entry(root: ElementTree.Element, entry: FeedEntry) -> None:
    item = _add(root, "entry")
    item.set("{http://www.w3.org/XML/1998/namespace}lang", entry.language)
    _add(item, "id", entry.url)
    _add(item, "title", entry.title)
    _add(item, "published", _moment(entry.at))
    _add(item, "updated", _moment(entry.at))
    _add(item, "link", rel="alternate", href=entry.url, type="text/html")
    if entry.summary:
        _add(item, "summary", entry.summary)


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
    found = ElementTree.SubElement(parent, _name(name), {key: _clean(value) for key, value in attributes.items()})
    if text:
        found.text = _clean(text)
    return found


def _name(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _moment(when: datetime) -> str:
    """RFC 3339, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
