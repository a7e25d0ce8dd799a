"""The addresses that SendGrid does not mail any more: what is asked for, and how the answer is read. Pure.

Blocks are not among them: they pass, and SendGrid mails those addresses the next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from mailer.delivery.bounced import classify
from mailer.errors import ProviderError
from mailer.model import Cause, SuppressionReason
from mailer.providers.protocol import Listed, ListedPage
from mailer.providers.sendgrid.reply import LONGEST_DETAIL, Answer, one_line, read

LISTS: Mapping[str, SuppressionReason] = MappingProxyType(
    {
        "bounces": SuppressionReason.BOUNCED,
        "spam_reports": SuppressionReason.COMPLAINED,
        "unsubscribes": SuppressionReason.UNSUBSCRIBED,
        "invalid_emails": SuppressionReason.INVALID,
    }
)

PAGE: Final = 500
"""As many as SendGrid gives at once."""

LATEST: Final = 4_102_444_800
OURS = frozenset({Cause.POLICY, Cause.CONTENT})
NOT_ALLOWED = (401, 403)


def query(since: datetime | None, until: datetime, offset: int) -> dict[str, int]:
    """What is asked: what was put on a list in a span, its ends included, from the so-many-th on."""
    asked = {"limit": PAGE, "offset": offset, "end_time": int(until.timestamp())}
    return asked | ({"start_time": int(since.timestamp())} if since else {})


def page(name: str, answer: Answer, now: float) -> ListedPage:
    """What an answer holds. ProviderError when it is no such page."""
    if answer.status in NOT_ALLOWED:
        raise ProviderError(
            f"sendgrid: the API key may not read {name}",
            hint="It needs Suppressions with read access: Settings, API Keys at SendGrid.",
        )
    if answer.status != 200:
        reply = read(answer, now)
        raise ProviderError(
            f"sendgrid: {name} could not be read: {reply.detail or f'HTTP {answer.status}'}",
            hint="What was read before is in; the same command goes on from there.",
        )
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list):
        raise ProviderError(f"sendgrid: {name} could not be read: the answer is no list", hint="Try again later.")
    return ListedPage(tuple(_listed(name, found)), len(found), last=len(found) < PAGE)


def _listed(name: str, found: list[Any]) -> Iterator[Listed]:
    """Those entries that can be read and name an address that is to blame."""
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("email"), str):
            continue
        reason, status = (str(each.get(field) or "") for field in ("reason", "status"))
        # Kept there as well, and no reader's fault: another provider, or a better reputation, would reach them.
        if name == "bounces" and classify(status, reason).cause in OURS:
            continue
        words = one_line(f"{status} {reason}")[:LONGEST_DETAIL]
        yield Listed(each["email"], LISTS[name], _time(each.get("created")), words)


def _time(value: Any) -> datetime | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value < LATEST
    return datetime.fromtimestamp(value, UTC) if known else None
