"""Complaints as mailbox providers pass them on: ARF (RFC 5965), and the older ones that are no ARF."""

from __future__ import annotations

import re
from typing import Final

from mailer.bounces.facts import What
from mailer.bounces.opened import Mail, header, outside, returned, text_of
from mailer.bounces.report import blocks

ARF: Final = "message/feedback-report"

# Only these are a reader's word about our mails. What a program found (auth-failure, virus, fraud) is for a person.
_KINDS: Final = {
    "abuse": What.COMPLAINT,
    "complaint": What.COMPLAINT,
    "opt-out": What.OPT_OUT,
    "opt-out-list": What.OPT_OUT,
    "not-spam": What.NOTHING,
}
_OLDER = re.compile(r"complaint about message from\b", re.IGNORECASE)


def feedback(mail: Mail) -> tuple[What, str] | None:
    """What somebody said of a mail, and that in words; None when this is no such report."""
    part = next((each for each in outside(mail) if each.get_content_type() == ARF), None)
    if part is not None:
        fields = next(blocks(text_of(part)), {})
        kind = fields.get("feedback-type", "").strip().lower()[:40]
        return _KINDS.get(kind, What.UNKNOWN), f"a feedback report of the kind {kind or 'unknown'}"
    if _OLDER.match(header(mail, "Subject")) and next(returned(mail), None) is not None:
        return What.COMPLAINT, "a complaint about a message"
    return None
