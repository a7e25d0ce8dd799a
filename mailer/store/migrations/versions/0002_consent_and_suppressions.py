"""Consent with its words and evidence, imports that can be resumed, suppressions for a list or a domain."""

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
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

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

# Only their keys: what the new tables refer to.
for name in ("lists", "subscribers", "issues"):
    Table(name, metadata, Column("id", Id, primary_key=True))

consent_texts = Table(
    "consent_texts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(16), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("first_used_at", BigInteger, nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("list_id", Id, ForeignKey("lists.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("words", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("counts", Json, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index(None, "fingerprint"),
)

confirmations = Table(
    "confirmations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("list_id", Id, ForeignKey("lists.id"), nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id"), nullable=False),
    Column("consent_id", Id, ForeignKey("consent_texts.id")),
    Column("message_id", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("outcome", Text, nullable=False),
    Index(None, "subscriber_id"),
    Index(None, "list_id", "subscriber_id"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("value", Text, nullable=False),
    Column("list_id", Id, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("value", "list_id"),
    Index(None, "reason"),
)

suppression_events = Table(
    "suppression_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("value", Text, nullable=False),
    Column("list_id", Id, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("added", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "value"),
)

engagements = Table(
    "engagements",
    metadata,
    Column("id", Id, primary_key=True),
    Column("issue_id", Id, ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", Id, ForeignKey("subscribers.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "subscriber_id", "kind", "at"),
    Index(None, "issue_id", "kind"),
)

# Reasons were free words; those the program itself wrote keep their meaning, all others become a note.
REASONS = ("bounced", "complained", "unsubscribed", "invalid")


def upgrade() -> None:
    """Adds tables and columns, and carries the old suppressions over with a line in their history."""
    connection = op.get_bind()
    old = sa.table("suppressions", sa.column("email_key"), sa.column("reason"), sa.column("created_at"))
    rows = connection.execute(sa.select(old)).all()
    op.drop_table("suppressions")
    metadata.create_all(
        connection,
        tables=[consent_texts, imports, confirmations, suppressions, suppression_events, engagements],
    )
    values = [
        {
            "value": row.email_key,
            "list_id": 0,
            "reason": row.reason if row.reason in REASONS else "manual",
            "note": "" if row.reason in REASONS else row.reason,
        }
        for row in rows
    ]
    if values:
        times = [row.created_at for row in rows]
        connection.execute(
            sa.insert(suppressions), [value | {"created_at": at} for value, at in zip(values, times, strict=True)]
        )
        connection.execute(
            sa.insert(suppression_events),
            [value | {"added": True, "at": at} for value, at in zip(values, times, strict=True)],
        )
    # With a default first, because there are rows; then without, as the program states every value.
    _add("subscribers", Column("domain", Text, nullable=False, server_default=""), Column("forgotten_at", BigInteger))
    _fill_domains(connection)
    _add(
        "subscription_events",
        Column("how", String(16), nullable=False, server_default="command"),
        Column("import_id", Id),
        Column("consent_id", Id),
        Column("evidence", Json),
    )
    events = sa.table("subscription_events", sa.column("source", Text), sa.column("how", Text))
    connection.execute(sa.update(events).where(events.c.source.startswith("import")).values(how="import"))
    _add("issues", Column("segment", Text, nullable=False, server_default=""))
    _finish()


def _add(table: str, *columns: Column) -> None:  # type: ignore[type-arg]
    for column in columns:
        op.add_column(table, column)


def _fill_domains(connection: sa.engine.Connection) -> None:
    people = sa.table("subscribers", sa.column("email_key", Text), sa.column("domain", Text))
    key = people.c.email_key
    at = sa.func.strpos(key, "@") if connection.dialect.name == "postgresql" else sa.func.instr(key, "@")
    connection.execute(sa.update(people).values(domain=sa.func.substr(key, at + 1)))


def _finish() -> None:
    with op.batch_alter_table("subscribers") as table:
        table.alter_column("domain", server_default=None, existing_type=Text(), existing_nullable=False)
    with op.batch_alter_table("issues") as table:
        table.alter_column("segment", server_default=None, existing_type=Text(), existing_nullable=False)
    with op.batch_alter_table("subscription_events") as table:
        table.alter_column("how", server_default=None, existing_type=String(16), existing_nullable=False)
        table.drop_constraint("fk_subscription_events_list_id_lists", type_="foreignkey")
        table.drop_constraint("fk_subscription_events_subscriber_id_subscribers", type_="foreignkey")
    alone = sa.text("ascii_email IS NULL")
    name = "ix_subscribers_needs_smtputf8"
    op.create_index(name, "subscribers", ["id"], sqlite_where=alone, postgresql_where=alone)
