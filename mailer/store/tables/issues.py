"""Issues: what was sent, when, to which lists, with which articles."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from mailer.model import IssueChange, IssueKind, IssueState
from mailer.store.columns import BigId, Json, UtcDateTime, choice
from mailer.store.tables.naming import metadata

issues = Table(
    "issues",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", choice(IssueKind), nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", choice(IssueState), nullable=False),
    Column("hash", Text, nullable=False),
    Column("batch_size", Integer, nullable=False),
    Column("frozen_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    # The expression that narrowed its audience; empty for everybody on its lists.
    Column("segment", Text, nullable=False),
    # When a scheduled issue begins, and after which moment nothing more of it may be handed over.
    Column("due_at", UtcDateTime),
    Column("not_after", UtcDateTime),
    # Day and time on the clocks of its readers, as 2026-11-25T09:00; empty where everybody's is due at once.
    Column("local_time", Text, nullable=False),
    # When its audience was frozen: later than its content if it was scheduled.
    Column("started_at", UtcDateTime),
    # Why it is paused.
    Column("reason", Text, nullable=False),
    # When its deliveries and exclusions, and what was reported of them, were counted in `issue_counts`. From then on
    # the counts are what is known, and the rows are deleted.
    Column("pruned_at", UtcDateTime),
    Column("events_pruned_at", UtcDateTime),
    # The last column: SQLite reads a row from its beginning, and a listing of five hundred issues should not read all
    # that is in their mails.
    Column("snapshot", Json, nullable=False),
    Index(None, "state"),
)

# What happened to an issue as a whole. Rows are only ever added.
issue_changes = Table(
    "issue_changes",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("what", choice(IssueChange), nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "issue_id"),
)

# The issues that anybody may read on the web, once they are sent. In a table of their own, because a page of them
# should not read what is in their mails.
archived_issues = Table(
    "archived_issues",
    metadata,
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("subject", Text, nullable=False),
    Column("preheader", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("issue_id"),
    Index(None, "at"),
)

issue_lists = Table(
    "issue_lists",
    metadata,
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("list_id", BigId, ForeignKey("lists.id"), nullable=False),
    PrimaryKeyConstraint("issue_id", "position"),
    UniqueConstraint("issue_id", "list_id"),
    Index(None, "list_id"),
)

# By key and without a foreign key: what was sent stays known when an old article is thrown away.
issue_articles = Table(
    "issue_articles",
    metadata,
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("article_key", Text, nullable=False),
    PrimaryKeyConstraint("issue_id", "position"),
    UniqueConstraint("issue_id", "article_key"),
)

# What is left of an issue whose deliveries, exclusions and events were pruned: how many there were of each state,
# reason and kind, and the answers and domains that several people share: a word that one mail alone got may name its
# reader.
issue_counts = Table(
    "issue_counts",
    metadata,
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    # "delivery", "exclusion", "event", "refusal" or "domain".
    Column("kind", String(16), nullable=False),
    Column("what", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("issue_id", "kind", "what"),
)
