"""The kinds of sources. A new kind of bytes is a module with `parse` and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from mailer.articles import feed, jsonfeed, listing
from mailer.articles.source import Parsed, SourceSpec


class Parser(Protocol):
    """Bytes to articles. Raises ParseError when the bytes are not of this kind."""

    def __call__(self, data: bytes, *, source: SourceSpec, now: datetime, content_type: str = "") -> Parsed: ...


def parse_feed(data: bytes, *, source: SourceSpec, now: datetime, content_type: str = "") -> Parsed:
    """A feed of any kind: JSON Feed when the bytes begin like JSON, else RSS or Atom."""
    parse = jsonfeed.parse if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else feed.parse
    return parse(data, source=source, now=now, content_type=content_type)


PARSERS: Mapping[str, Parser] = {
    "feed": parse_feed,
    "jsonfeed": jsonfeed.parse,
    "listing": listing.parse,
}

# A folder holds many documents, which `markdown.parse` takes as pairs of path and bytes.
FOLDER = "folder"
KINDS = (*PARSERS, FOLDER)
