"""What the public side keeps: tokens, limits, the archive, links and counts, stray mails; pauses and whose fault."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

Id = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

# Only its key: what the new tables refer to.
Table("issues", metadata, Column("id", Id, primary_key=True))

NEW = [
    Table(
        "api_tokens",
        metadata,
        Column("id", Id, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("hash", String(64), nullable=False, unique=True),
        Column("scopes", Json, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger),
        Column("revoked_at", BigInteger),
        Column("used_at", BigInteger),
    ),
    Table(
        "api_answers",
        metadata,
        Column("token_id", Id, ForeignKey("api_tokens.id"), nullable=False),
        Column("key", String(255), nullable=False),
        Column("request", String(64), nullable=False),
        Column("status", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("token_id", "key"),
        Index(None, "at"),
    ),
    Table(
        "attempts",
        metadata,
        Column("bucket", String(64), nullable=False),
        Column("until", BigInteger, nullable=False),
        Column("number", Integer, nullable=False),
        PrimaryKeyConstraint("bucket", "until"),
        Index(None, "until"),
    ),
    Table(
        "spent",
        metadata,
        Column("stamp", String(64), primary_key=True),
        Column("until", BigInteger, nullable=False),
        Index(None, "until"),
    ),
    Table(
        "stray_mails",
        metadata,
        Column("id", Id, primary_key=True),
        Column("hash", String(64), nullable=False, unique=True),
        Column("why", Text, nullable=False),
        Column("received_at", BigInteger, nullable=False),
        Column("cut", Boolean, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Index(None, "received_at"),
    ),
    Table(
        "suppression_marks",
        metadata,
        Column("name", String(64), primary_key=True),
        Column("read_until", BigInteger),
        Column("reading_until", BigInteger),
        Column("entries", Integer, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
    ),
    Table(
        "archived_issues",
        metadata,
        Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
        Column("subject", Text, nullable=False),
        Column("preheader", Text, nullable=False),
        Column("language", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("issue_id"),
        Index(None, "at"),
    ),
    Table(
        "links",
        metadata,
        Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
        Column("number", Integer, nullable=False),
        Column("url", Text, nullable=False),
        PrimaryKeyConstraint("issue_id", "number"),
    ),
    Table(
        "engagement_counts",
        metadata,
        Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("link", Integer, nullable=False),
        Column("reader", String(16), nullable=False),
        Column("day", String(10), nullable=False),
        Column("number", BigInteger, nullable=False),
        PrimaryKeyConstraint("issue_id", "kind", "link", "reader", "day"),
    ),
]


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=NEW)
    # Constants, so that neither database writes a row anew.
    op.add_column("subscribers", Column("paused_until", BigInteger))
    op.add_column("subscribers", Column("untracked", Boolean, nullable=False, server_default=sa.false()))
    op.add_column("events", Column("cause", String(16), nullable=False, server_default=sa.text("''")))
    op.add_column("engagements", Column("reader", String(16), nullable=False, server_default="human"))
    op.add_column("engagements", Column("link", Integer, nullable=False, server_default="0"))
    some = sa.text("paused_until IS NOT NULL")
    op.create_index(
        "ix_subscribers_paused_until", "subscribers", ["paused_until"], sqlite_where=some, postgresql_where=some
    )
    op.create_index("ix_confirmations_message_id", "confirmations", ["message_id"])
