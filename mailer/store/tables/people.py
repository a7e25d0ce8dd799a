"""People, their subscriptions, what they agreed to, and who must not be mailed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, Text, false

from mailer.model import How, ImportState, SubscriptionState, SuppressionReason
from mailer.store.columns import BigId, Json, UtcDateTime, choice
from mailer.store.tables.naming import metadata

lists = Table(
    "lists",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    # At most so many of its issues to one person in so many days; null: any number.
    Column("cap_issues", Integer),
    Column("cap_days", Integer),
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
    # Until then nothing is sent to them, because they asked for that; null or past: as usual.
    Column("paused_until", UtcDateTime),
    # They do not want to be counted, even where the organisation counts.
    Column("untracked", Boolean, nullable=False, server_default=false()),
)
# Few, and looked for among everybody at each freeze.
Index(
    "ix_subscribers_paused_until",
    subscribers.c.paused_until,
    sqlite_where=subscribers.c.paused_until.is_not(None),
    postgresql_where=subscribers.c.paused_until.is_not(None),
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
    # What comes back about it names it so.
    Index(None, "message_id"),
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
