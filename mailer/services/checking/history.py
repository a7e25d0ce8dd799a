"""What an audience is measured by: the last issues to its lists, what was heard of them, and how people agreed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mailer.checks.facts import AudienceFacts, EarlierIssue
from mailer.model import Exclusion, Recipient
from mailer.services.prepare import Prepared
from mailer.services.program import Program
from mailer.store import lists as stored_lists
from mailer.store import proportion
from mailer.store.ledger import FrozenCounts

EARLIER = 8
"""So many of the last issues to any of the lists are looked at."""
SENDERS = 3
"""So many of the last issues say which domain is known."""
CONSENT_LASTS = timedelta(days=730)


def audience_of(
    program: Program, prepared: Prepared, audience: FrozenCounts, people: Sequence[Recipient]
) -> AudienceFacts:
    """Who would get it, beside who got the issues before."""
    issue, now = prepared.issue, program.now()
    left_out = audience.exclusions.get(Exclusion.SUPPRESSED, 0)
    with program.store.read() as connection:
        numbers = stored_lists.ids(connection, issue.lists)
        agreed = proportion.consents(connection, [person.subscriber_id for person in people], numbers)
        return AudienceFacts(
            recipients=audience.recipients,
            pending=audience.exclusions.get(Exclusion.PENDING, 0),
            outside_segment=audience.exclusions.get(Exclusion.SEGMENT, 0),
            left_out=left_out,
            # Without an index on lists, which every bounce would have to keep up, they are gone through one by one.
            suppressions=0 if left_out else proportion.suppressed(connection, numbers),
            earlier=tuple(earlier(connection, prepared, numbers)),
            today=tuple(proportion.between(connection, issue.name, numbers, today(program, now))),
            looked_at=len(agreed),
            unproven=sum(not each.shown for each in agreed),
            old_consents=sum(each.at < now - CONSENT_LASTS for each in agreed),
            hears=hears(program),
            new_domain=is_new(connection, prepared),
            warmup=bool(program.settings.limits.warmup),
        )


def earlier(connection: Connection, prepared: Prepared, numbers: Collection[int]) -> list[EarlierIssue]:
    issue, chosen = prepared.issue, frozenset(numbers)
    found = proportion.before(connection, issue.name, numbers, EARLIER)
    return [
        EarlierIssue(
            name=each.name,
            at=each.at,
            recipients=each.recipients,
            bounced=each.bounced,
            complained=each.complained,
            alike=each.lists == chosen and each.segment == issue.segment,
            heard=each.heard,
        )
        for each in found
    ]


def today(program: Program, now: datetime) -> tuple[datetime, datetime]:
    """When the day began and ends where the organisation is."""
    zone = ZoneInfo(program.settings.organisation.zone)
    day = now.astimezone(zone).date()
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def hears(program: Program) -> bool | None:
    """Whether it is set up that reports of mails come in; None for a provider that makes none."""
    settings = program.settings
    ways = {"sendgrid": bool(settings.provider.webhook_keys), "smtp": bool(settings.bounces.imap.host)}
    return ways.get(settings.provider.name)


def is_new(connection: Connection, prepared: Prepared) -> bool:
    """Whether none of the last issues came from the domain that this one comes from."""
    domain = prepared.sender.email.rpartition("@")[2].casefold()
    known = proportion.senders(connection, prepared.issue.name, SENDERS)
    return domain not in {address.rpartition("@")[2].casefold() for address in known}
