"""The tables. A change here goes with a new script in migrations/versions; a test compares the two."""

from mailer.store.tables.articles import articles, sources
from mailer.store.tables.checking import accepted_findings, approvals, probes
from mailer.store.tables.delivery import (
    batches,
    deliveries,
    engagement_counts,
    engagements,
    events,
    exclusions,
    links,
)
from mailer.store.tables.issues import (
    archived_issues,
    issue_articles,
    issue_changes,
    issue_counts,
    issue_lists,
    issues,
)
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
from mailer.store.tables.public import api_answers, api_tokens, attempts, spent, stray_mails, suppression_marks
from mailer.store.tables.sending import bindings, job_parts, jobs, rates, sending_days, workers

__all__ = [
    "accepted_findings",
    "api_answers",
    "api_tokens",
    "approvals",
    "archived_issues",
    "articles",
    "attempts",
    "batches",
    "bindings",
    "confirmations",
    "consent_texts",
    "deliveries",
    "engagement_counts",
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
    "links",
    "lists",
    "metadata",
    "probes",
    "rates",
    "sending_days",
    "sources",
    "spent",
    "stray_mails",
    "subscribers",
    "subscription_events",
    "subscriptions",
    "suppression_events",
    "suppression_marks",
    "suppressions",
    "workers",
]
