"""Schedules, the history of issues, what providers report, rates, and the places that may send."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
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
)

revision = "0003"
down_revision = "0002"

Id = BigInteger().with_variant(Integer(), "sqlite")
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Only its key: what the new table refers to.
Table("issues", metadata, Column("id", Id, primary_key=True))

issue_changes = Table(
    "issue_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("what", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "issue_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("delivery_id", Id, nullable=False),
    Column("issue_id", Id, nullable=False),
    Column("subscriber_id", Id, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Index(None, "issue_id", "kind"),
    Index(None, "subscriber_id"),
    Index(None, "delivery_id"),
)

rates = Table(
    "rates",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("next_at", BigInteger),
    Column("blocked_until", BigInteger),
)

sending_days = Table(
    "sending_days",
    metadata,
    Column("provider", Text, nullable=False),
    Column("day", String(10), nullable=False),
    Column("mails", Integer, nullable=False),
    PrimaryKeyConstraint("provider", "day"),
)

bindings = Table(
    "bindings",
    metadata,
    Column("identity", String(64), primary_key=True),
    Column("label", Text, nullable=False),
    Column("bound_at", BigInteger, nullable=False),
)

# With defaults first, because there are rows; then without, as the program states every value.
ISSUE_COLUMNS = {"local_time": Text, "reason": Text}
BATCH_COLUMNS = {"provider": Text, "boot": Text, "hold": Text}


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, tables=[issue_changes, events, rates, sending_days, bindings])
    for name in ("due_at", "not_after", "started_at"):
        op.add_column("issues", Column(name, BigInteger))
    for name, kind in ISSUE_COLUMNS.items():
        op.add_column("issues", Column(name, kind, nullable=False, server_default=""))
    for name, kind in BATCH_COLUMNS.items():
        op.add_column("batches", Column(name, kind, nullable=False, server_default=""))
    op.add_column("batches", Column("in_order", Boolean, nullable=False, server_default=sa.false()))
    op.add_column("batches", Column("send_at", BigInteger))
    issues = sa.table("issues", sa.column("started_at"), sa.column("frozen_at"))
    connection.execute(sa.update(issues).values(started_at=issues.c.frozen_at))
    with op.batch_alter_table("issues") as table:
        for name, kind in ISSUE_COLUMNS.items():
            table.alter_column(name, server_default=None, existing_type=kind(), existing_nullable=False)
    with op.batch_alter_table("batches") as table:
        for name, kind in BATCH_COLUMNS.items():
            table.alter_column(name, server_default=None, existing_type=kind(), existing_nullable=False)
        table.alter_column("in_order", server_default=None, existing_type=Boolean(), existing_nullable=False)
