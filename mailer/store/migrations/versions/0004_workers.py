"""Workers and their jobs; deliveries that cost no more the more there are; counts of what is pruned."""

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
    Column("what", String(16), nullable=False),
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


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=[issue_counts, jobs, job_parts, workers])
    op.add_column("issues", Column("pruned_at", BigInteger))
    for name, columns in REFERENCES.items():
        with op.batch_alter_table(name, naming_convention=NAMES) as table:
            for column, target in columns.items():
                table.drop_constraint(f"fk_{name}_{column}_{target}", type_="foreignkey")
