"""What a provider posts: believed by its signature alone, and acknowledged once it is stored."""

from __future__ import annotations

from typing import Final

from mailer.providers.sendgrid.signature import is_signed
from mailer.services.jobs.leaving import leave_post
from mailer.services.program import Program

SENDGRID_PATH: Final = "/webhooks/sendgrid"


def take_sendgrid(program: Program, signature: str, timestamp: str, body: bytes) -> int | None:
    """Leave a post to the workers; the job's number, and None for one that nobody of ours signed.

    Without a key nothing can be signed. UsageError for what is no post of events.
    """
    keys = program.settings.provider.webhook_keys
    if not is_signed(keys, signature, timestamp, body):
        return None
    return leave_post(program, "sendgrid", body)
