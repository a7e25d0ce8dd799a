"""Whether a key may do what will be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from mailer.errors import ProviderError
from mailer.providers.sendgrid.reply import Answer, read

SEND = ("mail.send",)
HOLD = ("mail.batch.create", "user.scheduled_sends.create", "user.scheduled_sends.read", "user.scheduled_sends.update")
"""What safe mode needs besides."""


def unreachable(reason: str) -> ProviderError:
    return ProviderError(
        f"sendgrid cannot be reached: {reason}", hint="Nothing was sent. Look at the network, then send again."
    )


def refuse_unfit(answer: Answer, *, safe: bool = False) -> None:
    """ProviderError when an answer about scopes says that the key cannot do it. One that says nothing is no reason."""
    if answer.status in (401, 403, 451):
        reply = read(answer, 0)
        raise ProviderError(f"sendgrid: {reply.detail}", hint=reply.hint)
    scopes = scopes_of(answer)
    if scopes is None:
        return
    if missing := [each for each in SEND if each not in scopes]:
        raise lacking(missing, "Make a key with Mail Send access under Settings, API Keys.")
    if safe and (missing := [each for each in HOLD if each not in scopes]):
        raise lacking(
            missing,
            "safe = true needs Mail Send and Scheduled Sends with full access: Settings, API Keys at SendGrid.",
        )


def lacking(scopes: Sequence[str], hint: str) -> ProviderError:
    return ProviderError(
        f"sendgrid: the API key lacks the scope{'s'[: len(scopes) - 1]} {', '.join(scopes)}", hint=hint
    )


def scopes_of(answer: Answer) -> list[Any] | None:
    try:
        scopes = orjson.loads(answer.body)["scopes"] if answer.status == 200 else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return scopes if isinstance(scopes, list) else None
