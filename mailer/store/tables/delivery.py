"""The ledger: who gets which issue, and what became of each mail."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from mailer.model import BatchState, DeliveryState, EngagementKind, EventKind, Exclusion, Reader
from mailer.store.columns import BigId, UtcDateTime, choice
from mailer.store.tables.naming import metadata

# How a server looks after tables to which each issue adds the same, however many there are already: after so many
# rows, and not after a share of all of them.
CLEANED = {
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 1_000_000,
    "autovacuum_vacuum_insert_scale_factor": 0,
    "autovacuum_vacuum_insert_threshold": 1_000_000,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 500_000,
}

# Without foreign keys, as the deliveries.
exclusions = Table(
    "exclusions",
    metadata,
    Column("issue_id", BigId, nullable=False),
    Column("subscriber_id", BigId, nullable=False),
    Column("reason", choice(Exclusion), nullable=False),
    PrimaryKeyConstraint("issue_id", "subscriber_id"),
    postgresql_with=CLEANED,
)

# Word for word in the index and in what asks for it: then a planner sees that the index has all of them.
UNSETTLED = "state NOT IN ('accepted', 'cancelled', 'refused')"

batches = Table(
    "batches",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", choice(BatchState), nullable=False),
    # Who claimed it. Stays when the batch falls into doubt: only its owner's late answer may settle that.
    Column("owner", Text),
    Column("lease_until", UtcDateTime),
    # Null: at once. A clock that is set back cannot postpone those.
    Column("due_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # Who took it, from the point of no return on.
    Column("provider", Text, nullable=False),
    # Handed over one by one in the order of the deliveries, each outcome written down before the next.
    Column("in_order", Boolean, nullable=False),
    # Which start of which machine its sender ran on: after another one, the last outcomes may be missing.
    Column("boot", Text, nullable=False),
    # The provider's own number for a batch that it keeps until `send_at` and can still drop.
    Column("hold", Text, nullable=False),
    Column("send_at", UtcDateTime),
    UniqueConstraint("issue_id", "number"),
    Index(None, "state", "issue_id", "number"),
    # Few, of however many there ever were. Asked by its state alone, SQLite reads them all where it has statistics.
    Index("ix_batches_unsettled", "issue_id", sqlite_where=sa.text(UNSETTLED), postgresql_where=sa.text(UNSETTLED)),
)

# No index on the state: it would be written three times for each recipient, and what must be found fast, the
# work left, is found in the batches. Every index begins with what grows with the issue, so that writing a new issue
# touches its own pages and never those of the issues before.
# No foreign keys: the rows are made from the rows they refer to, in a transaction that holds those, and verifying four
# a delivery took a server three quarters of a freeze.
# On a server half of each page stays free at first: a row is written anew each time it changes, three times in its
# life, and where that fits into its own page no index is touched. See migration 0004, also for `CLEANED`.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue_id", BigId, nullable=False),
    Column("subscriber_id", BigId, nullable=False),
    Column("list_id", BigId, nullable=False),
    Column("batch_id", BigId, nullable=False),
    Column("state", choice(DeliveryState), nullable=False),
    Column("detail", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("due_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("issue_id", "subscriber_id"),
    Index(None, "batch_id"),
    postgresql_with={"fillfactor": 50, **CLEANED},
)

# That somebody opened or clicked an issue. Written only where the organisation turned tracking of people on.
engagements = Table(
    "engagements",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", BigId, ForeignKey("subscribers.id"), nullable=False),
    Column("kind", choice(EngagementKind), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("reader", choice(Reader), nullable=False, server_default=Reader.HUMAN.value),
    # The number of the link among those of the issue; 0 for an opening.
    Column("link", Integer, nullable=False, server_default="0"),
    Index(None, "subscriber_id", "kind", "at"),
    Index(None, "issue_id", "kind"),
)

# Where the short links of an issue lead. Only where the organisation counts clicks; an address in a request leads
# nowhere.
links = Table(
    "links",
    metadata,
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("url", Text, nullable=False),
    PrimaryKeyConstraint("issue_id", "number"),
)

# How often an issue was opened and each of its links clicked, on each day in UTC: nothing about whom.
engagement_counts = Table(
    "engagement_counts",
    metadata,
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("kind", choice(EngagementKind), nullable=False),
    # 0 for openings.
    Column("link", Integer, nullable=False),
    Column("reader", choice(Reader), nullable=False),
    # As 2026-11-22.
    Column("day", String(10), nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("issue_id", "kind", "link", "reader", "day"),
)

# What providers report of mails after they took them. Every index begins with the delivery or its issue, whose numbers
# are those of neighbours: the reports of one issue touch the same pages, and none of those before.
events = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True),
    # What makes the same report twice one: a hash of what it says, also of the delivery it is about.
    Column("key", Text, nullable=False),
    # Without foreign keys: they come by thousands, and what they refer to was looked up.
    Column("delivery_id", BigId, nullable=False),
    Column("issue_id", BigId, nullable=False),
    Column("subscriber_id", BigId, nullable=False),
    Column("kind", choice(EventKind), nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    # Whose fault it is that it came back; empty for what did not.
    Column("cause", String(16), nullable=False, server_default=text("''")),
    UniqueConstraint("delivery_id", "key"),
    Index(None, "issue_id", "kind", "delivery_id"),
    postgresql_with=CLEANED,
)
