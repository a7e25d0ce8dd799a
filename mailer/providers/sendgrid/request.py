"""A merge -> the body of one request, as plain data. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from mailer.model import Merge, MergeRecipient

MAX_RECIPIENTS = 1000
MAX_BYTES = 30_000_000
"""Of a whole request, with whatever is attached."""

MAX_VALUES = 10_000
"""Bytes of one recipient's substitutions. A page of the documentation says 50,000; the published schema says this."""

MAX_CATEGORIES = 10
BATCH_ARGUMENT = "mailer_batch"
DELIVERY_ARGUMENT = "mailer_delivery"
"""Custom arguments: they come back with every event, and SendGrid keeps them where nothing is ever redacted. No
address goes there."""

RESERVED = frozenset(
    {
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
        "to", "from", "subject", "reply-to", "cc", "bcc",
    }
)  # fmt: skip
"""Headers that SendGrid writes itself; a request that sets one is refused."""

NAME_BREAKS = re.compile(r"\s*[;,]\s*")
NOT_A_WORD = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class Options:
    """What the settings add to every request. `categories`: None for the labels of the mail itself.

    With `safe` every batch gets a `hold` and a `send_at`, in seconds since 1970: it is kept until then and can be
    dropped before.
    """

    categories: tuple[str, ...] | None = None
    ip_pool: str = ""
    unsubscribe_group: int | None = None
    sandbox: bool = False
    tracking: bool = False
    safe: bool = False
    hold: str = ""
    send_at: int | None = None


def body(merge: Merge, batch_id: int, options: Options) -> dict[str, Any]:
    """The whole request."""
    batch = str(batch_id)
    built: dict[str, Any] = {
        "personalizations": [personalization(person, batch) for person in merge.recipients],
        "from": mailbox(merge.sender.email, merge.sender.name),
        "subject": merge.subject,
        "content": content(merge),
        "tracking_settings": tracking(enabled=options.tracking),
    }
    if merge.sender.reply_to:
        built["reply_to"] = {"email": merge.sender.reply_to}
    if names := categories(merge.labels if options.categories is None else options.categories):
        built["categories"] = names
    if options.ip_pool:
        built["ip_pool_name"] = options.ip_pool
    if options.unsubscribe_group is not None:
        built["asm"] = {"group_id": options.unsubscribe_group}
    if options.sandbox:
        built["mail_settings"] = {"sandbox_mode": {"enable": True}}
    if options.hold:
        built["batch_id"] = options.hold
        built["send_at"] = options.send_at
    return built


def serialised(merge: Merge, batch_id: int, options: Options) -> bytes:
    return orjson.dumps(body(merge, batch_id, options))


def personalization(person: MergeRecipient, batch: str) -> dict[str, Any]:
    """One recipient. All headers stand here: whether those of the whole message are added to them or replaced by them
    is written nowhere, and substitutions are not made in headers."""
    built: dict[str, Any] = {
        "to": [mailbox(person.address, NAME_BREAKS.sub(" ", person.name).strip())],
        "custom_args": {BATCH_ARGUMENT: batch, DELIVERY_ARGUMENT: person.reference},
    }
    if person.headers:
        built["headers"] = {name: text for name, text in person.headers.items() if name.lower() not in RESERVED}
    if person.values:
        built["substitutions"] = dict(person.values)
    return built


def mailbox(address: str, name: str) -> dict[str, str]:
    return {"email": address, "name": name} if name else {"email": address}


def content(merge: Merge) -> list[dict[str, str]]:
    """The parts that are not empty, plain text first, which is demanded."""
    parts = (("text/plain", merge.text), ("text/html", merge.html))
    return [{"type": kind, "value": text} for kind, text in parts if text]


def tracking(*, enabled: bool) -> dict[str, Any]:
    """Said in every request, because what is not said is as the account is set. SendGrid's own unsubscribing is always
    off: it would write a second List-Unsubscribe and a footer."""
    return {
        "click_tracking": {"enable": enabled, "enable_text": False},
        "open_tracking": {"enable": enabled},
        "subscription_tracking": {"enable": False},
        "ganalytics": {"enable": False},
    }


def categories(labels: Iterable[str]) -> list[str]:
    """The labels as categories: each once, printable ASCII, as many and as long as may be."""
    words = (NOT_A_WORD.sub("-", label).strip()[:255] for label in labels)
    return list(dict.fromkeys(word for word in words if word))[:MAX_CATEGORIES]


def requests(merge: Merge) -> list[Merge]:
    """The merge in parts that one request may have: no more people than allowed, and no address twice."""
    parts: list[list[MergeRecipient]] = []
    seen: list[set[str]] = []
    for person in merge.recipients:
        address = person.address.casefold()
        for part, known in zip(parts, seen, strict=True):
            if len(part) < MAX_RECIPIENTS and address not in known:
                break
        else:
            part, known = [], set()
            parts.append(part)
            seen.append(known)
        part.append(person)
        known.add(address)
    return [replace(merge, recipients=tuple(part)) for part in parts]


def divided(merge: Merge, pointed: Sequence[int] = ()) -> list[Merge]:
    """A refused request in smaller ones: those it was refused for each alone, and the rest together; else halves."""
    people = merge.recipients
    named = {index for index in pointed if 0 <= index < len(people)}
    if named and len(named) < len(people):
        rest = tuple(person for index, person in enumerate(people) if index not in named)
        groups = [rest, *((people[index],) for index in sorted(named))]
    else:
        middle = len(people) // 2
        groups = [people[:middle], people[middle:]]
    return [replace(merge, recipients=group) for group in groups]
