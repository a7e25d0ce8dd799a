"""The tables. A change here goes with a new script in migrations/versions; a test compares the two."""

from mailer.store.tables.articles import articles, sources
from mailer.store.tables.delivery import batches, deliveries, engagements, events, exclusions
from mailer.store.tables.issues import issue_articles, issue_changes, issue_counts, issue_lists, issues
from mailer.store.tables.naming import metadata
from mailer.store.tables.people import (
    confirmations,
    consent_texts,
    imports,
    lists,
    subscribers,
    subscription_events,
    subscriptions,
    suppression_events,
    suppressions,
)
from mailer.store.tables.sending import bindings, job_parts, jobs, rates, sending_days, workers

__all__ = [
    "articles",
    "batches",
    "bindings",
    "confirmations",
    "consent_texts",
    "deliveries",
    "engagements",
    "events",
    "exclusions",
    "imports",
    "issue_articles",
    "issue_changes",
    "issue_counts",
    "issue_lists",
    "issues",
    "job_parts",
    "jobs",
    "lists",
    "metadata",
    "rates",
    "sending_days",
    "sources",
    "subscribers",
    "subscription_events",
    "subscriptions",
    "suppression_events",
    "suppressions",
    "workers",
]
