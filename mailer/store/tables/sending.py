"""Senders: how fast they may go, where they may send from, and what they have to do."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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

from mailer.model import JobKind, JobState
from mailer.store.columns import BigId, Json, UtcDateTime, choice
from mailer.store.tables.naming import metadata

# How fast a provider may be asked, for all senders on this database together.
rates = Table(
    "rates",
    metadata,
    Column("provider", Text, primary_key=True),
    # When the next mail may go at the rate that was asked for, and before when the provider wants no call at all.
    Column("next_at", UtcDateTime),
    Column("blocked_until", UtcDateTime),
)

# How many mails went to a provider on each day that had any: what the warm-up counts.
sending_days = Table(
    "sending_days",
    metadata,
    Column("provider", Text, nullable=False),
    # As 2026-11-22, in the organisation's time zone.
    Column("day", String(10), nullable=False),
    Column("mails", Integer, nullable=False),
    PrimaryKeyConstraint("provider", "day"),
)

# The places that may send from this database. A copy of it elsewhere is not among them.
bindings = Table(
    "bindings",
    metadata,
    Column("identity", String(64), primary_key=True),
    Column("label", Text, nullable=False),
    Column("bound_at", UtcDateTime, nullable=False),
)

# What is to be done beside sending, by whichever worker comes first. The row is the truth; an engine carries its id.
jobs = Table(
    "jobs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("kind", choice(JobKind), nullable=False),
    # Makes one of two: "sync 2026-11-23T10:00Z" is added by every worker and is there once. Null: any number.
    Column("key", Text, unique=True),
    # Names no person: what is personal is in `job_parts`, which go when the job is done.
    Column("arguments", Json, nullable=False),
    Column("state", choice(JobState), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("owner", Text),
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    # How far it is or what came of it, in words.
    Column("detail", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index(None, "state", "due_at"),
)

# The bytes a job works on, in parts of at most a megabyte.
job_parts = Table(
    "job_parts",
    metadata,
    Column("job_id", BigId, ForeignKey("jobs.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "number"),
)

# Every process of `mailer work`, and when it was last heard of.
workers = Table(
    "workers",
    metadata,
    # host-process-token, as the owners of batches begin.
    Column("name", String(255), primary_key=True),
    Column("host", Text, nullable=False),
    Column("process", BigInteger, nullable=False),
    Column("engine", String(16), nullable=False),
    Column("version", Text, nullable=False),
    # What all must have alike: the provider they send through, and the fingerprint of the key they sign links with.
    Column("provider", String(32), nullable=False),
    Column("key", String(12), nullable=False),
    Column("threads", Integer, nullable=False),
    # How many of its threads have something in hand, and the names of issues they send.
    Column("busy", Integer, nullable=False),
    Column("issues", Json, nullable=False),
    # Since it was started, and in the last minute.
    Column("batches", BigInteger, nullable=False),
    Column("mails", BigInteger, nullable=False),
    Column("batches_a_minute", Integer, nullable=False),
    Column("mails_a_minute", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    # Asked to stop, finishing what it has in hand; and gone in good order.
    Column("stopping", Boolean, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "seen_at"),
)
