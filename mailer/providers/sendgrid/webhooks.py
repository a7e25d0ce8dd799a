"""Where SendGrid posts its events, and what verifies them: what is asked for, and how the answers are read. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from mailer.errors import ProviderError
from mailer.providers.protocol import Webhook
from mailer.providers.sendgrid.reply import Answer

SCOPE: Final = "user.webhooks.event.settings.read"
MOST: Final = 20
"""An account may have five; what is longer is no such list."""

NUMBER = re.compile(r"[A-Za-z0-9_-]{1,100}")
KEY = re.compile(r"[A-Za-z0-9+/]{1,500}={0,2}")
EVENTS: Final = ("delivered", "deferred", "bounce", "dropped", "spam_report", "unsubscribe")
"""Without these it is not known what became of mails, or who must not get another one."""


def webhooks_of(answer: Answer) -> tuple[Webhook, ...]:
    """What an answer about all of them says. ProviderError when it says nothing."""
    if answer.status in (401, 403):
        raise ProviderError(
            "sendgrid: the API key may not read where events are posted",
            hint=f"Give it the scope {SCOPE} (Event Notification, read access), or look at SendGrid's pages.",
        )
    found = _parsed(answer).get("webhooks")
    if not isinstance(found, list):
        raise ProviderError(f"sendgrid: it answers {answer.status} when asked where events are posted")
    # An account without one lists one of which nothing is said.
    return tuple(_webhook(each) for each in found[:MOST] if isinstance(each, Mapping) and each.get("url"))


def key_of(answer: Answer) -> str | None:
    """What an answer about one says of its key: "" where nothing is signed, None where it says nothing."""
    if answer.status == 404:
        return ""
    return _key(_parsed(answer))


def _webhook(said: Mapping[str, Any]) -> Webhook:
    number = said.get("id")
    return Webhook(
        number=number if isinstance(number, str) and NUMBER.fullmatch(number) else "",
        url=str(said["url"]),
        enabled=said.get("enabled") is True,
        # It is named for those only that sign; whether the others do is asked one by one.
        key=_key(said) or None,
        lacks=tuple(event for event in EVENTS if said.get(event) is not True),
    )


def _key(said: Mapping[str, Any]) -> str | None:
    """Without the lines around it, as the settings have it."""
    key = said.get("public_key")
    if not isinstance(key, str):
        return None
    plain = "".join(line.strip() for line in key.strip().splitlines() if not line.startswith("-----"))
    return plain if not plain or KEY.fullmatch(plain) else None


def _parsed(answer: Answer) -> Mapping[str, Any]:
    try:
        data = orjson.loads(answer.body) if answer.status == 200 else None
    except orjson.JSONDecodeError:
        return {}
    return data if isinstance(data, dict) else {}
