"""Articles as sources gave them, and which list was sent which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailer.errors import NotFoundError
from mailer.model import Article, BatchState, IssueState
from mailer.store.tables import articles, batches, issue_articles, issue_lists, issues, lists

# Below the number of parameters every SQLite takes (999 before 3.32).
CHUNK = 500

FIELDS = (
    "key", "source", "title", "excerpt", "first_seen_at", "url", "image_url", "image_alt", "author",
    "published_at", "tags", "position",
)  # fmt: skip
COLUMNS = tuple(articles.c[name] for name in FIELDS)
# A known article keeps these: when and where it was first seen is not a source's to change.
KEPT = frozenset({"key", "first_seen_at", "position"})


@dataclass(frozen=True, slots=True)
class Saved:
    """What saving did, in articles."""

    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """Which articles to find: `since` and `until` bound `Article.when` (the end is not included)."""

    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    limit: int | None = None


def save(connection: Connection, found: Iterable[Article], now: datetime) -> Saved:
    """Add what is new and follow what changed. `now` is when a new article was first seen."""
    new = changed = same = 0
    # One key twice in a source: the first is the newer one, as sources list newest first.
    unique = {article.key: article for article in reversed(list(found))}
    rest = iter(reversed(unique.values()))
    while chunk := list(islice(rest, CHUNK)):
        known = by_keys(connection, [article.key for article in chunk])
        # A parser may say that something undated is older than now, so that it does not lead the bulletin.
        additions = [_values(new, min(new.first_seen_at, now)) for new in chunk if new.key not in known]
        changes = [
            _values(article, known[article.key].first_seen_at)
            for article in chunk
            if article.key in known and _differs(article, known[article.key])
        ]
        if additions:
            connection.execute(sa.insert(articles), additions)
        _update(connection, changes)
        new, changed = new + len(additions), changed + len(changes)
        same += len(chunk) - len(additions) - len(changes)
    return Saved(new, changed, same)


def find(connection: Connection, query: Query) -> list[Article]:
    """Articles of the store, newest first, those of one moment as their source listed them."""
    statement = sa.select(*COLUMNS).order_by(articles.c.moment.desc(), articles.c.position, articles.c.id)
    if query.source is not None:
        statement = statement.where(articles.c.source == query.source)
    if query.since is not None:
        statement = statement.where(articles.c.moment >= query.since)
    if query.until is not None:
        statement = statement.where(articles.c.moment < query.until)
    if query.text:
        statement = statement.where(articles.c.search_text.contains(query.text.casefold(), autoescape=True))
    return [_article(row) for row in connection.execute(statement.limit(query.limit))]


def get(connection: Connection, key_prefix: str) -> Article:
    """The one article whose key begins so."""
    starts = articles.c.key.startswith(key_prefix, autoescape=True)
    rows = connection.execute(sa.select(*COLUMNS).where(starts).order_by(articles.c.key).limit(2)).all()
    if len(rows) == 1 or (rows and rows[0].key == key_prefix):
        return _article(rows[0])
    if not rows:
        raise NotFoundError(f'article "{key_prefix}" is unknown', hint="See the keys with: mailer articles list")
    raise NotFoundError(
        f'"{key_prefix}" is the beginning of more than one article\'s key', hint="Write more of the key."
    )


def by_keys(connection: Connection, keys: Sequence[str]) -> dict[str, Article]:
    """The articles with these keys; unknown ones are missing."""
    found: dict[str, Article] = {}
    for start in range(0, len(keys), CHUNK):
        query = sa.select(*COLUMNS).where(articles.c.key.in_(keys[start : start + CHUNK]))
        found.update((row.key, _article(row)) for row in connection.execute(query))
    return found


def sent_to(connection: Connection, list_names: Sequence[str]) -> dict[str, str]:
    """The articles that any of these lists already got, each with the last issue that brought it.

    An issue counts from its freeze on. A cancelled one counts only when something of it had left by then.
    """
    left = {BatchState.SUBMITTING, BatchState.ACCEPTED, BatchState.DOUBTFUL}
    something_left = sa.exists().where(batches.c.issue_id == issues.c.id, batches.c.state.in_(left))
    query = (
        sa.select(issue_articles.c.article_key, issues.c.name)
        .join(issues, issues.c.id == issue_articles.c.issue_id)
        .join(issue_lists, issue_lists.c.issue_id == issues.c.id)
        .join(lists, lists.c.id == issue_lists.c.list_id)
        .where(lists.c.name.in_(list_names))
        .where(sa.or_(issues.c.state != IssueState.CANCELLED, something_left))
        .order_by(issues.c.frozen_at, issues.c.id)
    )
    return dict(connection.execute(query).all())


def _differs(article: Article, known: Article) -> bool:
    return any(getattr(article, name) != getattr(known, name) for name in FIELDS if name not in KEPT)


def _update(connection: Connection, changes: list[dict[str, Any]]) -> None:
    if not changes:
        return
    names = [name for name in changes[0] if name not in KEPT]
    statement = (
        sa.update(articles)
        .where(articles.c.key == sa.bindparam("its_key"))
        .values({name: sa.bindparam(f"new_{name}", type_=articles.c[name].type) for name in names})
    )
    connection.execute(
        statement,
        [{"its_key": row["key"], **{f"new_{name}": row[name] for name in names}} for row in changes],
    )


def _values(article: Article, first_seen_at: datetime) -> dict[str, Any]:
    values = {name: getattr(article, name) for name in FIELDS}
    return values | {
        "tags": list(article.tags),
        "first_seen_at": first_seen_at,
        "moment": article.published_at or first_seen_at,
        "search_text": f"{article.title}\n{article.excerpt}".casefold(),
    }


def _article(row: Row[Any]) -> Article:
    values = dict(row._mapping)
    return Article(**values | {"tags": tuple(values["tags"])})
