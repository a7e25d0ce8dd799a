"""The enumerations every part of the program shares. Words as in ARCHITECTURE.md, section Glossary."""

from __future__ import annotations

from enum import StrEnum


class IssueKind(StrEnum):
    BULLETIN = "bulletin"
    ALERT = "alert"


class IssueState(StrEnum):
    """`draft` lives only as a file; every other state is a row."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class SubscriptionState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class BatchState(StrEnum):
    PENDING = "pending"
    CLAIMED = "claimed"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DOUBTFUL = "doubtful"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    """`excluded`: in the frozen audience, but unsubscribed or suppressed by the time of the claim."""

    PENDING = "pending"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DOUBTFUL = "doubtful"
    EXCLUDED = "excluded"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What a provider's answer means for one delivery."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    RETRY = "retry"
    NOT_SENT = "not_sent"
    DOUBTFUL = "doubtful"


class Exclusion(StrEnum):
    """Why a subscriber of the issue's lists does not receive it."""

    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    NEEDS_SMTPUTF8 = "needs_smtputf8"
    SEGMENT = "segment"
    CAP = "cap"
    PAUSED = "paused"

    @property
    def words(self) -> str:
        """For people, after a number."""
        said = {
            Exclusion.SEGMENT: "not in the segment",
            Exclusion.CAP: "had enough for now",
            Exclusion.PAUSED: "on a pause",
        }
        return said.get(self, self.value.replace("_", " "))


class How(StrEnum):
    """What changed a subscription. `command`: a person of the organisation, at a terminal."""

    FORM = "form"
    IMPORT = "import"
    COMMAND = "command"
    CONFIRM_LINK = "confirm_link"
    LINK = "link"
    PREFERENCES = "preferences"
    ONE_CLICK = "one_click"
    PROVIDER = "provider"
    API = "api"


class SuppressionReason(StrEnum):
    """Why an address must not be mailed. `manual`: somebody said so."""

    MANUAL = "manual"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    INVALID = "invalid"
    FORGOTTEN = "forgotten"


class ImportState(StrEnum):
    RUNNING = "running"
    DONE = "done"


class IssueChange(StrEnum):
    """What can happen to an issue as a whole. `resolved`: a doubt of it was settled by a person or by evidence.

    `approved`: somebody agreed to what is sent; `accepted`: somebody let a finding of the checks pass.
    """

    APPROVED = "approved"
    ACCEPTED = "accepted"
    FROZEN = "frozen"
    SCHEDULED = "scheduled"
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    SENT = "sent"
    RESOLVED = "resolved"


class EventKind(StrEnum):
    """What a provider reports of a mail. `blocked`: refused by the other side, and not for the address's sake.

    `other`: something that we have no word for.
    """

    PROCESSED = "processed"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED_HARD = "bounced_hard"
    BOUNCED_SOFT = "bounced_soft"
    BLOCKED = "blocked"
    DROPPED = "dropped"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"
    OTHER = "other"


class Cause(StrEnum):
    """Whose fault it is that a mail came back: what decides who or what is stopped for it."""

    ADDRESS = "address"
    FULL = "full"
    TRANSIENT = "transient"
    POLICY = "policy"
    CONTENT = "content"
    UNKNOWN = "unknown"


class EngagementKind(StrEnum):
    OPENED = "opened"
    CLICKED = "clicked"


class Reader(StrEnum):
    """Who opened or clicked, as far as that shows. `proxy`: a mail program's, which fetches for all its readers."""

    HUMAN = "human"
    PROXY = "proxy"
    MACHINE = "machine"


class Scope(StrEnum):
    """What the holder of an API token may do."""

    SUBSCRIBERS_READ = "subscribers:read"
    SUBSCRIBERS_WRITE = "subscribers:write"
    LISTS_READ = "lists:read"
    ISSUES_READ = "issues:read"
    METRICS_READ = "metrics:read"


class JobKind(StrEnum):
    """What workers do beside sending. `events`: a file or post of reports from a provider; `signup`: a form that
    somebody sent; `suppressions`: reading who a provider does not mail any more; `bounces`: reading the
    mailbox that mails come back to."""

    IMPORT = "import"
    EVENTS = "events"
    SYNC = "sync"
    PRUNE = "prune"
    SIGNUP = "signup"
    SUPPRESSIONS = "suppressions"
    BOUNCES = "bounces"


class JobState(StrEnum):
    """`failed`: it was tried as often as is sensible, and waits for a person."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
