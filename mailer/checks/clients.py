"""What mail programs make of it."""

from __future__ import annotations

from collections.abc import Iterator

from mailer.checks import foreign, outlook, support
from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule

GMAIL_CLIPS_AT = 102_400
"""Bytes of HTML after which Gmail cuts a message off, and with it the unsubscribe link."""

NEARLY = 92_160
"""From here on somebody's name or another link may be what is too much."""


def clipped(facts: Facts) -> Iterator[Fault]:
    """Gmail counts the bytes of the HTML part, without headers and before transfer encoding."""
    size = max((len(mail.html.encode()) for mail in facts.mails), default=0)
    if size > GMAIL_CLIPS_AT:
        yield Fault(f"the HTML has {size:,} bytes, Gmail cuts it off at {GMAIL_CLIPS_AT:,}", Place(Part.HTML))
    elif size > NEARLY:
        yield Fault(f"the HTML has {size:,} bytes, and at {GMAIL_CLIPS_AT:,} Gmail cuts it off", Place(Part.HTML))


RULES = (
    Rule(
        "clipped",
        Family.CLIENTS,
        Level.WARNING,
        "Gmail cuts off large mails, and with the end goes the unsubscribe link.",
        "take out some articles",
        clipped,
    ),
    *support.RULES,
    *foreign.RULES,
    *outlook.RULES,
)
