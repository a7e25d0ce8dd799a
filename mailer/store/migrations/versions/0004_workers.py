"""Workers and their jobs; deliveries that cost no more the more there are; counts of what is pruned; caps of lists."""

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

revision = "0004"
down_revision = "0003"

Id = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

# Only its key: what the new table refers to.
Table("issues", metadata, Column("id", Id, primary_key=True))

issue_counts = Table(
    "issue_counts",
    metadata,
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("what", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("issue_id", "kind", "what"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("key", Text, unique=True),
    Column("arguments", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("owner", Text),
    Column("lease_until", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index(None, "state", "due_at"),
)

job_parts = Table(
    "job_parts",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "number"),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("host", Text, nullable=False),
    Column("process", BigInteger, nullable=False),
    Column("engine", String(16), nullable=False),
    Column("version", Text, nullable=False),
    Column("provider", String(32), nullable=False),
    Column("key", String(12), nullable=False),
    Column("threads", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("issues", Json, nullable=False),
    Column("batches", BigInteger, nullable=False),
    Column("mails", BigInteger, nullable=False),
    Column("batches_a_minute", Integer, nullable=False),
    Column("mails_a_minute", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("stopping", Boolean, nullable=False),
    Column("ended_at", BigInteger),
    Index(None, "seen_at"),
)

# Verified a row at a time; what they refer to is read in the transaction that writes them.
REFERENCES = {
    "deliveries": {"issue_id": "issues", "subscriber_id": "subscribers", "list_id": "lists", "batch_id": "batches"},
    "exclusions": {"issue_id": "issues", "subscriber_id": "subscribers"},
}

# Each issue adds the same, so that a share of all rows would be reached more and more seldom. A page half empty takes
# the three versions that a delivery has in its life, without a word to its indexes: measured, half the time of a
# batch, and indexes that stay as they were written.
CLEANED = (
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000000, "
    "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 1000000, "
    "autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 500000"
)
STORED = {"deliveries": f"fillfactor = 50, {CLEANED}", "exclusions": CLEANED, "events": CLEANED}


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, tables=[issue_counts, jobs, job_parts, workers])
    for name, columns in REFERENCES.items():
        with op.batch_alter_table(name, naming_convention=NAMES) as table:
            for column, target in columns.items():
                table.drop_constraint(f"fk_{name}_{column}_{target}", type_="foreignkey")
    _events_by_delivery()
    op.add_column("issues", Column("pruned_at", BigInteger))
    op.add_column("issues", Column("events_pruned_at", BigInteger))
    op.add_column("lists", Column("cap_issues", Integer))
    op.add_column("lists", Column("cap_days", Integer))
    if connection.dialect.name == "sqlite":
        # A row is read there from its beginning, and what is in the mails is most of it.
        times = ["frozen_at", "updated_at", "finished_at", "due_at", "not_after", "local_time", "started_at"]
        order = ("batch_size", *times, "segment", "reason", "pruned_at", "events_pruned_at", "snapshot")
        with op.batch_alter_table("issues", recreate="always", partial_reordering=[order]):
            pass
    op.create_index("ix_issues_state", "issues", ["state"])
    unsettled = sa.text("state NOT IN ('accepted', 'cancelled', 'refused')")
    op.create_index("ix_batches_unsettled", "batches", ["issue_id"], sqlite_where=unsettled, postgresql_where=unsettled)
    if connection.dialect.name == "postgresql":
        for name, settings in STORED.items():
            op.execute(f"ALTER TABLE {name} SET ({settings})")


def _events_by_delivery() -> None:
    """No index over events has an order of its own any more: neither that of random keys nor that of people."""
    with op.batch_alter_table("events", naming_convention=NAMES) as table:
        table.drop_index("ix_events_issue_id_kind")
        table.drop_index("ix_events_subscriber_id")
        table.drop_index("ix_events_delivery_id")
        table.drop_constraint("uq_events_key", type_="unique")
        table.create_unique_constraint("uq_events_delivery_id_key", ["delivery_id", "key"])
        table.create_index("ix_events_issue_id_kind_delivery_id", ["issue_id", "kind", "delivery_id"])
