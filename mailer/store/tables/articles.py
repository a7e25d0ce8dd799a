"""Articles, and the sources they come from."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from mailer.store.columns import BigId, Json, UtcDateTime
from mailer.store.tables.naming import metadata

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("fetched_at", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("gone", Boolean, nullable=False),
    Column("error", Text),
)

articles = Table(
    "articles",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("url", Text),
    Column("image_url", Text),
    Column("image_alt", Text, nullable=False),
    Column("author", Text),
    Column("published_at", UtcDateTime),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("position", Integer, nullable=False),
    Column("tags", Json, nullable=False),
    # Article.when, so that "newest first" and "since" read an index.
    Column("moment", UtcDateTime, nullable=False),
    # Title and excerpt casefolded: databases differ in what lower() does to letters outside ASCII.
    Column("search_text", Text, nullable=False),
    Index(None, "moment"),
)
