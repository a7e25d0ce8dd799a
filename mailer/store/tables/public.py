"""The public side: who may ask by the API, what keeps forms from being abused, and what came in and waits."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from mailer.store.columns import BigId, Json, UtcDateTime
from mailer.store.tables.naming import metadata

# A token of the API. The token itself is shown once and kept nowhere.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # SHA-256 of the token in hexadecimal: it has 256 random bits, so nothing slower is needed.
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    # To the hour: enough to see which are in use.
    Column("used_at", UtcDateTime),
)

# What was answered to a request that named a key of its own, so that the same request again changes nothing. Names
# nobody: what was asked is a keyed hash, and answers to changes hold no address.
api_answers = Table(
    "api_answers",
    metadata,
    Column("token_id", BigId, ForeignKey("api_tokens.id"), nullable=False),
    Column("key", String(255), nullable=False),
    Column("request", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("token_id", "key"),
    Index(None, "at"),
)

# How often something was tried in a span of time, for all processes together. `bucket` is a keyed hash of what was
# counted: an address, a network, a list.
attempts = Table(
    "attempts",
    metadata,
    Column("bucket", String(64), nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("number", Integer, nullable=False),
    PrimaryKeyConstraint("bucket", "until"),
    Index(None, "until"),
)

# Stamps of forms that were used, until they would be refused for their age: each is good once.
spent = Table(
    "spent",
    metadata,
    Column("stamp", String(64), primary_key=True),
    Column("until", UtcDateTime, nullable=False),
    Index(None, "until"),
)

# Mails to the bounce address that nobody could make sense of, for a person. Deleted after a while.
stray_mails = Table(
    "stray_mails",
    metadata,
    Column("id", BigId, primary_key=True),
    # SHA-256 of its bytes: read twice it is one.
    Column("hash", String(64), nullable=False, unique=True),
    Column("why", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    # Whether it was longer than what is kept of it.
    Column("cut", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "received_at"),
)

# How far a provider's lists of suppressed addresses were read.
suppression_marks = Table(
    "suppression_marks",
    metadata,
    # As "sendgrid bounces".
    Column("name", String(64), primary_key=True),
    # Everything that was put on the list before has been read.
    Column("read_until", UtcDateTime),
    # Of a reading that was interrupted: the end of the span it reads, and how many entries of it are in.
    Column("reading_until", UtcDateTime),
    Column("entries", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
