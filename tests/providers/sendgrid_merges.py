"""Batches as the tests of SendGrid hand them over."""

from __future__ import annotations

from collections.abc import Sequence

from mailer.model import Batch, Merge, MergePeople, MergeRecipient, Sender
from mailer.providers.sendgrid.provider import SendGrid
from mailer.providers.sendgrid.request import Options

KEY = "SG.a-key-of-nobody.and-its-secret"
TOKEN, LINK = "zq0123456789h0qz", "zq0123456789h1qz"
SENDER = Sender("Rivers United", "news@example.org", "desk@example.org")


def address(number: int) -> str:
    return f"reader{number}@example.net"


def person(number: int, **values: str) -> MergeRecipient:
    link = f"https://news.example.org/u/{number}"
    headers = {
        "List-ID": "Weekly <weekly.example.org>",
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    texts = {TOKEN: f"Reader {number}", LINK: link, **values}
    return MergeRecipient(number, address(number), f"Reader {number}", f"{number}.0f0f0f0f", headers, texts)


def merge(*people: MergeRecipient, labels: Sequence[str] = ("bulletin", "weekly")) -> Merge:
    text = f"Dear {TOKEN},\n\nhello. {LINK}\n"
    html = f"<p>Dear {TOKEN}, hello. <a href='{LINK}'>Leave</a></p>"
    return Merge(SENDER, "River news", text, html, columns(people), labels=tuple(labels))


def columns(people: Sequence[MergeRecipient]) -> MergePeople:
    """People who have the same headers and tokens, by columns."""
    headers, tokens = (people[0].headers, people[0].values) if people else ({}, {})
    return MergePeople(
        [each.delivery_id for each in people],
        [each.address for each in people],
        [each.name for each in people],
        [each.reference for each in people],
        {name: [each.headers[name] for each in people] for name in headers},
        {token: [each.values[token] for each in people] for token in tokens},
    )


def batch(*numbers: int, identity: int = 7, deadline: float | None = None) -> Batch:
    return Batch(identity, "rivers", 1, merges=(merge(*map(person, numbers)),), deadline=deadline)


def provider(url: str, *, seconds: float = 5, options: Options | None = None) -> SendGrid:
    return SendGrid(lambda: KEY, options or Options(), base_url=url, seconds=seconds)
