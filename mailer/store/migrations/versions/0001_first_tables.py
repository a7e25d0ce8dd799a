"""The first tables: sources and articles, lists and subscribers, issues and their ledger."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

# Written out and not imported: the tables of the program change, those of this revision never do.
Json = JSON().with_variant(JSONB(), "postgresql")
Id = BigInteger().with_variant(Integer(), "sqlite")
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("fetched_at", BigInteger),
    Column("not_before", BigInteger),
    Column("gone", Boolean, nullable=False),
    Column("error", Text),
)

Table(
    "articles",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("url", Text),
    Column("image_url", Text),
    Column("image_alt", Text, nullable=False),
    Column("author", Text),
    Column("published_at", BigInteger),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("tags", Json, nullable=False),
    Column("moment", BigInteger, nullable=False),
    Column("search_text", Text, nullable=False),
    Index(None, "moment"),
)

Table(
    "lists",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
)

Table(
    "subscribers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("public_id", String(16), nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("ascii_email", Text),
    Column("attributes", Json, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

Table(
    "subscriptions",
    metadata,
    Column("list_id", Id, ForeignKey("lists.id"), nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("list_id", "subscriber_id"),
    Index(None, "subscriber_id"),
)

Table(
    "subscription_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("list_id", Id, ForeignKey("lists.id"), nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "subscriber_id"),
)

Table(
    "suppressions",
    metadata,
    Column("email_key", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

Table(
    "issues",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("hash", Text, nullable=False),
    Column("snapshot", Json, nullable=False),
    Column("batch_size", Integer, nullable=False),
    Column("frozen_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
)

Table(
    "issue_lists",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("list_id", Id, ForeignKey("lists.id"), nullable=False),
    PrimaryKeyConstraint("issue_id", "position"),
    UniqueConstraint("issue_id", "list_id"),
    Index(None, "list_id"),
)

Table(
    "issue_articles",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("article_key", Text, nullable=False),
    PrimaryKeyConstraint("issue_id", "position"),
    UniqueConstraint("issue_id", "article_key"),
)

Table(
    "exclusions",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id"), nullable=False),
    Column("reason", String(16), nullable=False),
    PrimaryKeyConstraint("issue_id", "subscriber_id"),
)

Table(
    "batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", Text),
    Column("lease_until", BigInteger),
    Column("due_at", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("issue_id", "number"),
    Index(None, "state", "issue_id", "number"),
)

Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id"), nullable=False),
    Column("list_id", Id, ForeignKey("lists.id"), nullable=False),
    Column("batch_id", Id, ForeignKey("batches.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("due_at", BigInteger),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("issue_id", "subscriber_id"),
    Index(None, "batch_id"),
)


def upgrade() -> None:
    """Create them."""
    metadata.create_all(op.get_bind())
