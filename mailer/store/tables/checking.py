"""Before an issue goes: what its links answered, which findings a person let pass, and who approved it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from mailer.store.columns import BigId, UtcDateTime
from mailer.store.tables.naming import metadata

# What an address on the web answered when it was last asked. Only addresses that an author wrote, none of which names
# a reader. Deleted after a while.
probes = Table(
    "probes",
    metadata,
    # SHA-256 of the address in hexadecimal: addresses may be longer than an index takes.
    Column("hash", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("final_url", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Index(None, "at"),
)

# Findings that a person let pass, and why. By the name: before it is frozen there is no row of it.
accepted_findings = Table(
    "accepted_findings",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue", Text, nullable=False),
    Column("rule", String(64), nullable=False),
    # SHA-256 of what was found: another fault under the same rule is not accepted with it.
    Column("fault", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("issue", "rule", "fault"),
)

# Who approved which content of an issue. Rows are only ever added, but for `withdrawn_at`.
approvals = Table(
    "approvals",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue", Text, nullable=False),
    # Of its content and its audience rule, as `plan` shows it: any edit makes another.
    Column("hash", String(64), nullable=False),
    Column("who", Text, nullable=False),
    # "user" of the operating system, or "key": then `signature` is over `statement`, both as they were made.
    Column("how", String(16), nullable=False),
    Column("statement", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Index(None, "issue"),
)
