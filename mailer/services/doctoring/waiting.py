"""What waits: batches that nobody sends, workers that fell silent, mails in doubt, and reports that do not come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from mailer.checks.domain.verdict import State, Verdict, fine, unknown
from mailer.delivery.schedule import span_words
from mailer.services.database import Opened, status
from mailer.services.database import State as Standing
from mailer.services.hosts import hosts
from mailer.store import soundness
from mailer.wording import counted

PATIENCE: Final = timedelta(hours=1)
"""A provider reports the first mails within minutes."""


def is_ready(program: Opened) -> bool:
    """Whether the database is one that this version can ask, without making or upgrading it."""
    return status(program).state is Standing.CURRENT


def examine_queue(program: Opened) -> Iterator[Verdict]:
    if not is_ready(program):
        return
    found = hosts(program)
    for each in found.attention:
        yield Verdict("queue", State.WARNING, each.what, each.advice)
    if not found.attention:
        yield fine("queue", f"nothing waits for a person, {counted(len(found.alive), 'worker')} at work")


def examine_reports(program: Opened, now: datetime) -> Iterator[Verdict]:
    """Whether the provider's reports are believed, and come."""
    name, area = program.settings.provider.name, "events"
    if name != "sendgrid":
        return
    if not program.settings.provider.webhook_keys:
        yield Verdict(
            area, State.WARNING, "no verification key is set, so that no report of SendGrid is believed",
            "webhook_keys under [provider]: Settings, Mail Settings, Event Webhook at SendGrid shows it",
        )  # fmt: skip
    if not is_ready(program):
        return
    with program.store.read() as connection:
        heard, sent = soundness.last_report(connection), soundness.last_handed_over(connection)
    yield from judge_reports(heard, sent, now)


def judge_reports(heard: datetime | None, sent: datetime | None, now: datetime) -> Iterator[Verdict]:
    """Whether the newest mails were reported; `heard`: the last report, `sent`: when the last mails were taken."""
    area = "events"
    if heard is None and sent is None:
        yield unknown(area, "nothing was sent yet, so that nothing was reported")
    elif sent is not None and (heard is None or heard < sent) and now - sent > PATIENCE:
        since = span_words(now - sent)
        yield Verdict(
            area, State.WARNING, f"nothing was reported since mails were handed over {since} ago",
            "look at the Event Webhook at SendGrid: it posts to base_url/webhooks/sendgrid, signed",
        )  # fmt: skip
    elif heard is not None:
        yield fine(area, f"the last report came {span_words(now - heard) or 'some seconds'} ago")
