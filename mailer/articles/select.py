"""Which articles go into an issue, in which order, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.articles.identity import canonical_url
from mailer.articles.tags import TagMatcher
from mailer.errors import UsageError
from mailer.model import Article

_SPAN = re.compile(r"(\d{1,5})\s*([hdw])", re.IGNORECASE | re.ASCII)
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


@dataclass(frozen=True, slots=True)
class Selection:
    """What an editor asks for. `pin`, `skip` and `order` are keys; `exclude` holds the keys already sent.

    A pinned article is in whatever its tags and date are; `skip` and `exclude` win over `pin`.
    """

    tags: tuple[str, ...] = ()
    every: bool = False
    since: datetime | None = None
    until: datetime | None = None
    pin: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    limit: int | None = None
    at_least: int = 0
    exclude: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selected:
    """The articles in the order of the issue, those left out with the reason, and pins that are unknown."""

    articles: tuple[Article, ...]
    left_out: tuple[tuple[Article, str], ...] = ()
    unknown: tuple[str, ...] = ()
    at_least: int = 0

    @property
    def enough(self) -> bool:
        return len(self.articles) >= self.at_least


def select(articles: Iterable[Article], selection: Selection, matcher: TagMatcher) -> Selected:
    """Those that match, newest first; pinned ones before them, and those in `order` before all."""
    known = list({article.key: article for article in articles}.values())
    left_out: list[tuple[Article, str]] = []
    taken: list[Article] = []
    for article in known:
        if reason := _reason(article, selection, matcher):
            left_out.append((article, reason))
        else:
            taken.append(article)
    settled = [article for article in known if article.key in selection.exclude or article.key in selection.skip]
    chosen, twins = _without_twins(_ordered(taken, selection), settled)
    limit = len(chosen) if selection.limit is None else max(selection.limit, 0)
    left_out += twins
    left_out += [(article, f"more than {limit}") for article in chosen[limit:]]
    keys = {article.key for article in known}
    unknown = tuple(key for key in dict.fromkeys((*selection.pin, *selection.order)) if key not in keys)
    return Selected(tuple(chosen[:limit]), tuple(left_out), unknown, selection.at_least)


def _reason(article: Article, selection: Selection, matcher: TagMatcher) -> str | None:
    """Why the article is left out; None when it is in."""
    if article.key in selection.skip:
        return "skipped"
    if article.key in selection.exclude:
        return "already sent"
    if article.key in selection.pin:
        return None
    if not matcher.matches(article.tags, selection.tags, every=selection.every):
        return "other tags"
    if selection.since and article.when < selection.since:
        return f"before {selection.since:%Y-%m-%d %H:%M}"
    if selection.until and article.when > selection.until:
        return f"after {selection.until:%Y-%m-%d %H:%M}"
    return None


def _ordered(articles: Sequence[Article], selection: Selection) -> list[Article]:
    first = list(dict.fromkeys((*selection.order, *selection.pin)))
    places = {key: place for place, key in enumerate(first)}

    def place(article: Article) -> tuple[int, float, int, str]:
        # The key last: two articles of one minute must not change places between plan and send.
        newest = -article.when.timestamp()
        return places.get(article.key, len(first)), newest, article.position, article.key

    return sorted(articles, key=place)


def _without_twins(
    articles: Iterable[Article], settled: Iterable[Article]
) -> tuple[list[Article], list[tuple[Article, str]]]:
    """Two sources may carry one article under different guids; the link tells.

    `settled` are those already sent or skipped, whose twins must not come in by the other door.
    """
    kept: list[Article] = []
    twins: list[tuple[Article, str]] = []
    links = {_link(article): article for article in settled}
    for article in articles:
        if first := links.get(_link(article)):
            twins.append((article, f"the same as {first.key}"))
        else:
            links[_link(article)] = article
            kept.append(article)
    return kept, twins


def _link(article: Article) -> str:
    return canonical_url(article.url) if article.url else article.key


def parse_since(text: str, now: datetime) -> datetime:
    """The moment that `7d`, `24h`, `2w`, a date or an ISO time names. Raises UsageError for anything else."""
    cleaned = text.strip()
    try:
        if match := _SPAN.fullmatch(cleaned):
            return now - timedelta(hours=int(match[1]) * _HOURS[match[2].lower()])
        moment = datetime.fromisoformat(cleaned)
    except (ValueError, OverflowError) as exc:
        raise UsageError(
            f"{cleaned[:40]!r} names no time", hint="write 7d, 24h, 2w, 2026-11-01 or 2026-11-01T18:00"
        ) from exc
    since = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    if since > now:
        raise UsageError(f"{cleaned!r} lies in the future")
    return since
