"""Articles in the store: importing them from a file, finding, counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailer.articles import kinds
from mailer.articles.select import Selected, Selection, parse_since, select
from mailer.articles.source import SourceSpec
from mailer.articles.tags import TagMatcher, checked_tags
from mailer.config import Settings
from mailer.model import Article
from mailer.services.merging import merge_known
from mailer.services.sources import spec_of
from mailer.services.sync import Outcome, outcome_of
from mailer.store import articles as stored
from mailer.store.database import Store


def matcher(settings: Settings) -> TagMatcher:
    return TagMatcher(settings.tags.aliases)


def import_spec(settings: Settings, name: str, tags: Sequence[str]) -> SourceSpec:
    """How to read a file for the source of that name: by its settings where mailer.toml knows it. Raises UsageError."""
    known, asked = settings.sources.get(name), checked_tags(tags)
    return spec_of(name, known, asked) if known else SourceSpec(name, tags=asked)


def kind_of(data: bytes) -> str:
    """What the bytes look like: a feed (RSS, Atom or JSON) or a plain listing."""
    start = data[:512].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    is_json = start[:1] == b"{" and start[1:].lstrip()[:1] in (b'"', b"}")
    return "feed" if start[:1] == b"<" or is_json else "listing"


def import_articles(store: Store, data: bytes, spec: SourceSpec, now: datetime) -> Outcome:
    """Saves the articles of a file. Raises ParseError."""
    parsed = kinds.PARSERS[kind_of(data)](data, source=spec, now=now)
    with store.write() as connection:
        articles = merge_known(connection, parsed.articles, ())
        return outcome_of(spec.name, parsed, stored.save(connection, articles, now))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which articles to list. `since` and `until` as a person writes them; `unsent` names a list."""

    tags: tuple[str, ...] = ()
    every: bool = False
    since: str | None = None
    until: str | None = None
    source: str | None = None
    unsent: str | None = None
    limit: int | None = None


def find_articles(store: Store, settings: Settings, wanted: Filter, now: datetime) -> Selected:
    """The articles, newest first, chosen as an issue would choose them. Raises UsageError."""
    tags = checked_tags(wanted.tags)
    since, until = (parse_since(text, now) if text else None for text in (wanted.since, wanted.until))
    with store.read() as connection:
        articles = stored.find(connection, stored.Query(source=wanted.source, since=since, until=until))
        sent = stored.sent_to(connection, [wanted.unsent]) if wanted.unsent else {}
    selection = Selection(
        tags=tags, every=wanted.every, since=since, until=until, limit=wanted.limit, exclude=frozenset(sent)
    )
    return select(articles, selection, matcher(settings))


@dataclass(frozen=True, slots=True)
class ArticleDetails:
    """An article and the lists that got it, each with the issue it was in."""

    article: Article
    sent: dict[str, str]


def get_article(store: Store, key: str, lists: tuple[str, ...]) -> ArticleDetails:
    """The article whose key starts so. Raises NotFoundError."""
    with store.read() as connection:
        article = stored.get(connection, key)
        sent = {name: stored.sent_to(connection, [name]).get(article.key) for name in lists}
    return ArticleDetails(article, {name: issue for name, issue in sent.items() if issue})


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag after aliases, under its most frequent spelling."""

    tag: str
    articles: int
    latest: datetime
    spellings: tuple[str, ...]


def count_tags(store: Store, settings: Settings) -> tuple[TagCount, ...]:
    """All tags, the most frequent first."""
    with store.read() as connection:
        articles = stored.find(connection, stored.Query())
    canonical = matcher(settings).canonical
    spellings: dict[str, Counter[str]] = {}
    carriers: dict[str, list[Article]] = {}
    for article in articles:
        for tag in article.tags:
            spellings.setdefault(canonical(tag), Counter())[tag] += 1
        for key in {canonical(tag) for tag in article.tags}:
            carriers.setdefault(key, []).append(article)
    counts = [tag_count(spellings[key], carried) for key, carried in carriers.items()]
    return tuple(sorted(counts, key=lambda count: (-count.articles, count.tag.casefold())))


def tag_count(spellings: Counter[str], carriers: list[Article]) -> TagCount:
    ranked = sorted(spellings, key=lambda spelling: (-spellings[spelling], spelling))
    return TagCount(ranked[0], len(carriers), max(article.when for article in carriers), tuple(ranked))
