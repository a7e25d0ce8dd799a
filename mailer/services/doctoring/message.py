"""A mail that arrived in a mailbox, read for what its headers prove."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from mailer.checks.domain.received import judge_message
from mailer.checks.domain.records import Ask
from mailer.services.doctoring.examination import Report

LARGEST: Final = 16 << 20


def examine_message(data: bytes, ask: Ask | None, now: datetime) -> Report:
    """What the mail proves; without `ask` no key is looked up. Nothing of it is kept."""
    return Report(tuple(judge_message(data, ask, int(now.timestamp()))))
