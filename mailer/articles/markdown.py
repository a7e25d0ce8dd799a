"""A folder of Markdown documents with front matter, as Hugo, Jekyll and Zola keep them.

Reading the folder is somebody else's work; here a document is its path below the folder and its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urljoin

from markdown_it import MarkdownIt

from mailer.articles.dates import parse_date
from mailer.articles.entry import Entry, collect
from mailer.articles.frontmatter import FrontMatterError, split
from mailer.articles.images import Image, images_in
from mailer.articles.source import Parsed, SourceSpec, short_of

# Whoever reads the folder need not read more of a file than this.
MAX_DOCUMENT = 1_000_000
# The excerpt comes from the beginning; rendering the rest would be wasted.
_MAX_BODY = 50_000
_SUFFIXES = (".md", ".markdown", ".mdown")
# Of the site generators: section pages and unpublished folders. Of people: notes about the repository.
_NOT_ARTICLES = re.compile(r"(^|/)(_index|readme|contributing|changelog|license)(\.[\w-]+)?\.\w+$|(^|/)_drafts/", re.I)
_DATED_NAME = re.compile(r"(\d{4}-\d\d-\d\d)[-_](.+)")
_MORE = re.compile(r"<!--\s*more\s*-->", re.IGNORECASE)
_SHORTCODE = re.compile(r"\{\{[<%][^{}]{0,500}[>%]\}\}|\{%[^{}]{0,500}%\}")
_HEADING = re.compile(r"\s*#\s+(.{1,300}?)\s*#*\s*(?:\n|$)")

_DATES = ("publishdate", "date", "published_at", "pubdate", "published", "lastmod", "updated", "modified")
_SUMMARIES = ("summary", "description", "excerpt")
_LINKS = ("url", "permalink", "link", "canonical_url", "canonical", "external_url")
_IMAGES = ("image", "images", "cover", "featured_image", "feature_image", "thumbnail", "banner", "header")
_PICTURE = ("image", "src", "url", "path", "feature", "teaser")
_TAGS = ("tags", "tag", "categories", "category", "campaigns", "campaign")

Document = tuple[str, bytes]


def parse(documents: Iterable[Document], *, source: SourceSpec, now: datetime) -> Parsed:
    """The articles of the documents, newest first. A document that cannot be read is a warning, not the end."""
    found: list[tuple[datetime | None, str, Entry]] = []
    warnings: list[str] = []
    for path, data in documents:
        try:
            entry = parse_document(path, data, source=source, now=now)
        except FrontMatterError as exc:
            warnings.append(f"{source.name}: {path}: {exc}")
            continue
        if entry:
            found.append((_first_date(entry, source), path, entry))
    # What has no date comes last, so that an imprint does not open the bulletin.
    found.sort(key=lambda item: item[1])
    found.sort(key=lambda item: item[0].timestamp() if item[0] else 0.0, reverse=True)
    parsed = collect((entry for _, _, entry in found), source=source, now=now)
    return Parsed(parsed.articles, short_of([*warnings, *parsed.warnings]))


def parse_document(path: str, data: bytes, *, source: SourceSpec, now: datetime) -> Entry | None:
    """What a document says; None for drafts, for what is not due yet or over, and for pages that are no articles."""
    name = path.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/"):
        raise FrontMatterError("the path leads out of the folder")
    if not name.lower().endswith(_SUFFIXES) or _NOT_ARTICLES.search(name):
        return None
    fields, body = split(_decoded(data))
    entry = _entry(name, fields, body, source)
    return entry if _is_public(fields, entry, source, now) else None


def _decoded(data: bytes) -> str:
    if len(data) > MAX_DOCUMENT:
        raise FrontMatterError(f"larger than {MAX_DOCUMENT // 1_000_000} MB, left out")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = data[: exc.start].count(b"\n") + 1
        raise FrontMatterError(f"line {line}: this is not UTF-8 text") from exc


def _is_public(fields: Mapping[str, Any], entry: Entry, source: SourceSpec, now: datetime) -> bool:
    if _is(fields.get("draft"), True) or _is(fields.get("published"), False):
        return False
    expires = parse_date(_text(fields, ("expirydate",)), source.zone)
    if expires and expires <= now:
        return False
    due = _first_date(entry, source)
    return due is None or due <= now


def _is(value: object, wanted: bool) -> bool:
    """YAML 1.2 knows true and false alone; older sites wrote yes, no and strings."""
    words = ("true", "yes", "on") if wanted else ("false", "no", "off")
    return value is wanted or (isinstance(value, str) and value.casefold() in words)


def _entry(path: str, fields: Mapping[str, Any], body: str, source: SourceSpec) -> Entry:
    text = _SHORTCODE.sub("", body[:_MAX_BODY])
    title = _text(fields, ("title",))
    if not title and (heading := _HEADING.match(text)):
        title, text = heading[1], text[heading.end() :]
    extra = fields.get("extra")
    every = {**extra, **fields} if isinstance(extra, dict) else fields
    named = _DATED_NAME.match(_stem(path))
    rendered = _rendered(text)
    link = _link(path, every, source)
    return Entry(
        title=title or (named[2] if named else _stem(path)).replace("-", " ").strip().capitalize(),
        summary=_text(every, _SUMMARIES),
        # What stands above <!-- more --> is the author's own excerpt, however short.
        content=_MORE.split(rendered, 1)[0],
        # Without a link the path is what stays the same when somebody improves the title.
        guid=_text(fields, ("guid",)) or (None if link else path),
        link=link,
        author=", ".join(_names(every.get("author") or every.get("authors"))),
        dates=(*(date for name in _DATES if (date := _text(fields, (name,)))), *([named[1]] if named else [])),
        tags=tuple(_tags(fields, jekyll=bool(named))),
        images=(*_images(every), *images_in(rendered)),
    )


def _first_date(entry: Entry, source: SourceSpec) -> datetime | None:
    return next((moment for text in entry.dates if (moment := parse_date(text, source.zone))), None)


def _link(path: str, fields: Mapping[str, Any], source: SourceSpec) -> str | None:
    given = _text(fields, _LINKS)
    if given and not re.search(r"/:\w", given):  # Jekyll's /:year/:title/ is a pattern
        return urljoin(source.url or "", given) if source.url or "//" in given else None
    # Where the site's root is known, a page lies at its path; a date in the name is left in or out by a setting.
    if not source.url or _DATED_NAME.match(_stem(path)):
        return None
    parts = path.rpartition(".")[0].lower().replace(" ", "-").split("/")
    if parts[-1] == "index":
        parts.pop()
    if parts and (slug := _text(fields, ("slug",))):
        parts[-1] = slug
    return urljoin(source.url, quote("/".join(parts)) + "/") if parts else None


def _stem(path: str) -> str:
    """The document's name; that of its folder for a bundle (`2026-11-01-title/index.md`)."""
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0]
    return folders[-1] if folders and stem == "index" else stem


def _rendered(text: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).render(text))


def _text(fields: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def _tags(fields: Mapping[str, Any], *, jekyll: bool) -> Iterable[str]:
    taxonomies = fields.get("taxonomies")
    values = [fields.get(name) for name in _TAGS]
    values += taxonomies.values() if isinstance(taxonomies, dict) else []
    for value in values:
        if isinstance(value, str):
            # Jekyll separates by spaces where the others have one tag.
            yield from value.split(",") if "," in value else value.split() if jekyll else [value]
        elif isinstance(value, list):
            yield from (str(tag) for tag in value if isinstance(tag, str | int))


def _names(value: object) -> list[str]:
    if isinstance(value, list):
        return [name for part in value[:10] for name in _names(part)]
    if isinstance(value, dict):
        value = value.get("name")
    return [value] if isinstance(value, str) and "@" not in value else []


def _images(fields: Mapping[str, Any]) -> Iterable[Image]:
    alt = _text(fields, ("image_alt", "imagealt", "alt"))
    for name in _IMAGES:
        value = fields.get(name)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict):
            yield Image(_text(first, _PICTURE), _text(first, ("alt", "caption")) or alt)
        elif isinstance(first, str):
            yield Image(first, alt)
