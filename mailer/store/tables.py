"""The tables. A change here goes with a new script in migrations/versions; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
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
    UniqueConstraint,
)

from mailer.model import (
    BatchState,
    DeliveryState,
    EngagementKind,
    EventKind,
    Exclusion,
    How,
    ImportState,
    IssueChange,
    IssueKind,
    IssueState,
    SubscriptionState,
    SuppressionReason,
)
from mailer.store.columns import BigId, Json, UtcDateTime, choice

# Constraints have names of their own everywhere, so that a later migration can name the one it changes.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMES)

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("fetched_at", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("gone", Boolean, nullable=False),
    Column("error", Text),
)

articles = Table(
    "articles",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("url", Text),
    Column("image_url", Text),
    Column("image_alt", Text, nullable=False),
    Column("author", Text),
    Column("published_at", UtcDateTime),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("position", Integer, nullable=False),
    Column("tags", Json, nullable=False),
    # Article.when, so that "newest first" and "since" read an index.
    Column("moment", UtcDateTime, nullable=False),
    # Title and excerpt casefolded: databases differ in what lower() does to letters outside ASCII.
    Column("search_text", Text, nullable=False),
    Index(None, "moment"),
)

lists = Table(
    "lists",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", BigId, primary_key=True),
    # What stands in links and in the provider's data; the row number stays inside.
    Column("public_id", String(16), nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("ascii_email", Text),
    Column("attributes", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # Of the key, in ASCII. Empty once the person is forgotten.
    Column("domain", Text, nullable=False),
    # When everything personal was erased. What is left carries the ledger's counts and nothing else.
    Column("forgotten_at", UtcDateTime),
)
# Nearly nobody, and looked for among everybody at each freeze.
Index(
    "ix_subscribers_needs_smtputf8",
    subscribers.c.id,
    sqlite_where=subscribers.c.ascii_email.is_(None),
    postgresql_where=subscribers.c.ascii_email.is_(None),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("list_id", BigId, ForeignKey("lists.id"), nullable=False),
    Column("subscriber_id", BigId, ForeignKey("subscribers.id"), nullable=False),
    Column("state", choice(SubscriptionState), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("list_id", "subscriber_id"),
    Index(None, "subscriber_id"),
)

# What people agreed to, word for word: a text that changes is a new row, and old consents keep the old one.
consent_texts = Table(
    "consent_texts",
    metadata,
    Column("id", BigId, primary_key=True),
    # SHA-256 of the text in hexadecimal, its first 16 digits.
    Column("version", String(16), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
)

# One row an import: what was read, how far it came, and the words that vouch for its people.
imports = Table(
    "imports",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("list_id", BigId, ForeignKey("lists.id"), nullable=False),
    Column("name", Text, nullable=False),
    # SHA-256 of the bytes and the options: the same import run again goes on where it was interrupted.
    Column("fingerprint", String(64), nullable=False),
    Column("words", Text, nullable=False),
    Column("state", choice(ImportState), nullable=False),
    # So many rows of the file are in, or counted as refused or kept out.
    Column("rows_done", Integer, nullable=False),
    Column("counts", Json, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index(None, "fingerprint"),
)

# Proof of consent: what a subscription became, when and how. Rows are only ever added; forgetting a person
# empties their words and leaves the change.
# No foreign keys: what a line refers to is never deleted, and verifying four of them takes longer than writing it.
subscription_events = Table(
    "subscription_events",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("list_id", BigId, nullable=False),
    Column("subscriber_id", BigId, nullable=False),
    Column("state", choice(SubscriptionState), nullable=False),
    # In words. Empty for the rows of an import, whose words stand once in `imports`.
    Column("source", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("how", choice(How), nullable=False),
    Column("import_id", BigId),
    Column("consent_id", BigId),
    # What shows it: {"message_id": ..., "asked_at": ...} of the mail whose link was pressed.
    Column("evidence", Json),
    Index(None, "subscriber_id"),
)

# A mail that asks a person to confirm a subscription. Written before it is handed over, so that a crash cannot ask
# twice; `sent_at` is null until the provider took it.
confirmations = Table(
    "confirmations",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("list_id", BigId, ForeignKey("lists.id"), nullable=False),
    Column("subscriber_id", BigId, ForeignKey("subscribers.id"), nullable=False),
    Column("consent_id", BigId, ForeignKey("consent_texts.id")),
    Column("message_id", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("outcome", Text, nullable=False),
    Index(None, "subscriber_id"),
    Index(None, "list_id", "subscriber_id"),
)

# Who must not be mailed. `value` is an address key, "@domain", or the keyed hash of a forgotten address; `list_id` 0
# means every list, and has no foreign key for that reason.
suppressions = Table(
    "suppressions",
    metadata,
    Column("value", Text, nullable=False),
    Column("list_id", BigId, nullable=False),
    Column("reason", choice(SuppressionReason), nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("value", "list_id"),
    # Was anybody forgotten? Asked before every import.
    Index(None, "reason"),
)

# Every suppression that was added or lifted, and why. Rows are only ever added.
suppression_events = Table(
    "suppression_events",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("value", Text, nullable=False),
    Column("list_id", BigId, nullable=False),
    Column("reason", choice(SuppressionReason), nullable=False),
    Column("note", Text, nullable=False),
    Column("added", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "value"),
)

issues = Table(
    "issues",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", choice(IssueKind), nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", choice(IssueState), nullable=False),
    Column("hash", Text, nullable=False),
    Column("snapshot", Json, nullable=False),
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

exclusions = Table(
    "exclusions",
    metadata,
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", BigId, ForeignKey("subscribers.id"), nullable=False),
    Column("reason", choice(Exclusion), nullable=False),
    PrimaryKeyConstraint("issue_id", "subscriber_id"),
)

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
)

# No index on the state: it would be written three times for each recipient, and what must be found fast, the
# work left, is found in the batches.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", BigId, ForeignKey("subscribers.id"), nullable=False),
    Column("list_id", BigId, ForeignKey("lists.id"), nullable=False),
    Column("batch_id", BigId, ForeignKey("batches.id"), nullable=False),
    Column("state", choice(DeliveryState), nullable=False),
    Column("detail", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("due_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("issue_id", "subscriber_id"),
    Index(None, "batch_id"),
)

# That somebody opened or clicked an issue. Written only where the organisation turned tracking on.
engagements = Table(
    "engagements",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issue_id", BigId, ForeignKey("issues.id"), nullable=False),
    Column("subscriber_id", BigId, ForeignKey("subscribers.id"), nullable=False),
    Column("kind", choice(EngagementKind), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "subscriber_id", "kind", "at"),
    Index(None, "issue_id", "kind"),
)

# What providers report of mails after they took them.
events = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True),
    # What makes the same report twice one: the provider's own number, else a hash of what it says.
    Column("key", Text, nullable=False, unique=True),
    # Without foreign keys: they come by thousands, and what they refer to was looked up.
    Column("delivery_id", BigId, nullable=False),
    Column("issue_id", BigId, nullable=False),
    Column("subscriber_id", BigId, nullable=False),
    Column("kind", choice(EventKind), nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index(None, "issue_id", "kind"),
    Index(None, "subscriber_id"),
    Index(None, "delivery_id"),
)

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
