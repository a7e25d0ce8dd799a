"""An article that several sources carry is one article: the first source owns it, the others add their tags.

Without this rule two feeds of one site would overwrite each other at every sync, in the order in which they
happened to answer, and a campaign tag that only one of them is configured with would come and go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy.engine import Connection

from mailer.articles.tags import distinct, tag_key
from mailer.model import Article
from mailer.store import articles as stored


def merge_known(connection: Connection, articles: Iterable[Article], foreign_tags: Iterable[str]) -> list[Article]:
    """The articles as they are to be saved. `foreign_tags` are those that other sources are configured to add."""
    found = list(articles)
    known = stored.by_keys(connection, [article.key for article in found])
    foreign = {tag_key(tag) for tag in foreign_tags}
    return [merged(article, known.get(article.key), foreign) for article in found]


def merged(article: Article, known: Article | None, foreign: set[str]) -> Article:
    if known is None:
        return article
    if known.source != article.source:
        return replace(known, tags=distinct((*known.tags, *article.tags)))
    kept = (tag for tag in known.tags if tag_key(tag) in foreign)
    return replace(article, tags=distinct((*article.tags, *kept)))
