"""Before an issue goes: what links answered, findings that a person let pass, and approvals."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

revision = "0006"
down_revision = "0005"

Id = BigInteger().with_variant(Integer(), "sqlite")
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

NEW = [
    Table(
        "probes",
        metadata,
        Column("hash", String(64), primary_key=True),
        Column("url", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("status", Integer, nullable=False),
        Column("problem", Text, nullable=False),
        Column("final_url", Text, nullable=False),
        Column("content_type", Text, nullable=False),
        Column("octets", BigInteger, nullable=False),
        Column("width", Integer, nullable=False),
        Column("height", Integer, nullable=False),
        Index(None, "at"),
    ),
    Table(
        "accepted_findings",
        metadata,
        Column("id", Id, primary_key=True),
        Column("issue", Text, nullable=False),
        Column("rule", String(64), nullable=False),
        Column("fault", String(64), nullable=False),
        Column("reason", Text, nullable=False),
        Column("who", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        UniqueConstraint("issue", "rule", "fault"),
    ),
    Table(
        "approvals",
        metadata,
        Column("id", Id, primary_key=True),
        Column("issue", Text, nullable=False),
        Column("hash", String(64), nullable=False),
        Column("who", Text, nullable=False),
        Column("how", String(16), nullable=False),
        Column("statement", Text, nullable=False),
        Column("signature", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("withdrawn_at", BigInteger),
        Index(None, "issue"),
    ),
]


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=NEW)
