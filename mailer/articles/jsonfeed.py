"""JSON Feed 1.0 and 1.1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mailer.articles.entry import Entry, collect
from mailer.articles.images import Image
from mailer.articles.source import Parsed, SourceSpec
from mailer.errors import ParseError

_VERSION = "jsonfeed.org/version/1"


def parse(data: bytes, *, source: SourceSpec, now: datetime, content_type: str = "") -> Parsed:
    """The articles of a JSON Feed, which is UTF-8 whatever its content type says (RFC 8259)."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        reason = f"line {exc.lineno}: {exc.msg}" if isinstance(exc, json.JSONDecodeError) else type(exc).__name__
        raise ParseError(f"{source.name}: not JSON ({reason})") from exc
    if not isinstance(document, dict) or _VERSION not in str(document.get("version")):
        raise ParseError(f"{source.name}: JSON, but no JSON Feed", hint=f"its version must be https://{_VERSION}.1")
    items = document.get("items")
    if not isinstance(items, list):
        raise ParseError(f"{source.name}: the JSON Feed has no list of items")
    authors = _names(document)
    entries = (_entry(item, authors) for item in items if isinstance(item, dict))
    return collect(entries, source=source, now=now)


def _entry(item: Mapping[str, Any], feed_authors: str) -> Entry:
    identifier = item.get("id")
    return Entry(
        title=_text(item, "title"),
        summary=_text(item, "summary"),
        content=_text(item, "content_html") or _text(item, "content_text"),
        guid=str(identifier) if isinstance(identifier, str | int | float) else None,
        link=_text(item, "url") or _text(item, "external_url") or None,
        author=_names(item) or feed_authors,
        dates=tuple(text for name in ("date_published", "date_modified") if (text := _text(item, name))),
        tags=tuple(tag for tag in _list(item, "tags") if isinstance(tag, str)),
        images=tuple(_images(item)),
    )


def _images(item: Mapping[str, Any]) -> Iterable[Image]:
    for name in ("image", "banner_image"):
        if url := _text(item, name):
            yield Image(url)
    for part in _list(item, "attachments"):
        if isinstance(part, dict) and _text(part, "mime_type").startswith("image/"):
            yield Image(_text(part, "url"), _text(part, "title"))


def _names(owner: Mapping[str, Any]) -> str:
    """`authors` of version 1.1, else `author` of 1.0."""
    people = _list(owner, "authors") or [owner.get("author")]
    names = (_text(person, "name") for person in people if isinstance(person, dict))
    return ", ".join(name for name in names if name and "@" not in name)


def _text(owner: Mapping[str, Any], name: str) -> str:
    value = owner.get(name)
    return value if isinstance(value, str) else ""


def _list(owner: Mapping[str, Any], name: str) -> list[Any]:
    value = owner.get(name)
    return value if isinstance(value, list) else []
