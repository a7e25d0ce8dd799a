"""What every kind of source has in common: its entries become articles here, cleaned, dated and keyed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from mailer.articles.clean import EXCERPT_LIMIT, excerpt, plain_text, safe_url, without_tail
from mailer.articles.dates import parse_date
from mailer.articles.identity import article_key
from mailer.articles.images import Image, choose_image
from mailer.articles.source import Parsed, SourceSpec, short_of
from mailer.articles.tags import distinct
from mailer.model import Article

MAX_ENTRIES = 2_000
_MAX_TITLE = 300
_MAX_TAGS = 50
_MAX_TAG = 100
_MAX_AUTHOR = 120
# A site's own summary is better than the beginning of its text, if it is neither a label nor the whole text.
_SHORTEST_SUMMARY = 40
# Clocks differ; a date a few minutes ahead is now.
_CLOCK_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Entry:
    """One item as the source says it, nothing cleaned. `dates` are tried in order."""

    title: str = ""
    summary: str = ""
    content: str = ""
    guid: str | None = None
    link: str | None = None
    author: str | None = None
    dates: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()


def collect(entries: Iterable[Entry], *, source: SourceSpec, now: datetime) -> Parsed:
    """The articles of the entries, in their order. Entries that cannot be used are named in the warnings."""
    articles: dict[str, Article] = {}
    warnings: list[str] = []
    given = list(entries)
    if len(given) > MAX_ENTRIES:
        warnings.append(f"{source.name}: {len(given)} entries, the first {MAX_ENTRIES} are taken")
    for position, entry in enumerate(given[:MAX_ENTRIES]):
        article = article_of(entry, source=source, now=now, position=position, warnings=warnings)
        if article and article.key in articles:
            warnings.append(f"{source.name}: {_label(entry, position)}: the same as an entry above, left out")
        elif article:
            articles[article.key] = article
    return Parsed(placed(list(articles.values())), short_of(warnings))


def article_of(
    entry: Entry, *, source: SourceSpec, now: datetime, position: int, warnings: list[str]
) -> Article | None:
    """The article of one entry, or None; what is wrong with the entry is appended to `warnings`."""
    faults: list[str] = []
    article = _build(entry, source, now, position, faults)
    warnings += [f"{source.name}: {_label(entry, position)}: {fault}" for fault in faults]
    return article


def _build(entry: Entry, source: SourceSpec, now: datetime, position: int, faults: list[str]) -> Article | None:
    link = safe_url(entry.link, source.url)
    if entry.link and entry.link.strip() and link is None:
        faults.append("its link is not a web address, left out")
        return None
    text = _excerpt(entry)
    title = _cut(plain_text(entry.title), _MAX_TITLE) or excerpt(text, 80)
    if not title:
        faults.append("no title and no text, left out")
        return None
    published = _published(entry, source, now, faults)
    image_url, image_alt = choose_image(entry.images, entry.content or entry.summary, link or source.url)
    day = published.date() if published else None
    return Article(
        key=article_key(source.name, (entry.guid or "").strip() or None, link, title, day),
        source=source.name,
        title=title,
        excerpt=text,
        first_seen_at=now,
        url=link,
        image_url=image_url,
        image_alt=image_alt,
        author=_cut(plain_text(entry.author or ""), _MAX_AUTHOR) or None,
        published_at=published,
        tags=_tags(entry, source, faults),
        position=position,
    )


def _excerpt(entry: Entry) -> str:
    summary = without_tail(plain_text(entry.summary))
    if _SHORTEST_SUMMARY <= len(summary) <= EXCERPT_LIMIT:
        return summary
    return excerpt(entry.content) or excerpt(summary)


def _published(entry: Entry, source: SourceSpec, now: datetime, faults: list[str]) -> datetime | None:
    unread: str | None = None
    ahead: datetime | None = None
    for text in entry.dates:
        moment = parse_date(text, source.zone)
        if moment is None:
            unread = unread or plain_text(text)[:60] or None
        elif moment > now + _CLOCK_SKEW:
            ahead = ahead or moment
        else:
            if ahead:
                faults.append(f"dated {ahead:%Y-%m-%d %H:%M} UTC, which is in the future; its other date is taken")
            return moment
    if ahead:
        faults.append(f"dated {ahead:%Y-%m-%d %H:%M} UTC, which is in the future; placed by its neighbours")
    elif unread:
        faults.append(f"the date {unread!r} cannot be read with certainty; placed by its neighbours")
    return None


def placed(articles: Sequence[Article]) -> tuple[Article, ...]:
    """Articles without a usable date count as first seen when the next older dated article came out.

    Otherwise a typing error in a year, or a date in French, would put an old article on top of the bulletin.
    In a source without any dates the order of the source decides, so nothing changes there.
    """
    dates = [article.published_at for article in articles]
    older = reversed(list(accumulate(reversed(dates), _later_known)))
    newer = accumulate(dates, _later_known)
    return tuple(
        article if article.published_at else _seen_at(article, before or after)
        for article, before, after in zip(articles, older, newer, strict=True)
    )


def _later_known(known: datetime | None, current: datetime | None) -> datetime | None:
    return current or known


def _seen_at(article: Article, moment: datetime | None) -> Article:
    return replace(article, first_seen_at=min(moment, article.first_seen_at)) if moment else article


def _tags(entry: Entry, source: SourceSpec, faults: list[str]) -> tuple[str, ...]:
    given: Iterable[str] = entry.tags[: 10 * _MAX_TAGS]
    if source.split_tags:
        given = [part for tag in given for part in tag.replace(";", ",").split(",")]
    tags = distinct([*source.tags, *(_cut(plain_text(tag[:1000]), _MAX_TAG) for tag in given)])
    if len(tags) > _MAX_TAGS or len(entry.tags) > 10 * _MAX_TAGS:
        faults.append(f"{max(len(entry.tags), len(tags))} tags, the first {_MAX_TAGS} are kept")
    return tags[:_MAX_TAGS]


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _label(entry: Entry, position: int) -> str:
    title = plain_text(entry.title[:200])
    return f"entry {position + 1} ({_cut(title, 50)})" if title else f"entry {position + 1}"
