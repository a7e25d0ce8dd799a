"""The domains that an account may send for, and the records that SendGrid wants for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from mailer.errors import ProviderError
from mailer.providers.protocol import SendingDomain, WantedRecord
from mailer.providers.sendgrid.reply import Answer

MOST: Final = 50
QUERY: Final = {"limit": MOST}
SCOPE: Final = "whitelabel.read"
# With automated security the type is told; without it the names of the entries tell it.
_KINDS = {"mail_cname": "CNAME", "mail_server": "MX", "subdomain_spf": "TXT", "dkim": "TXT"}
_KNOWN = ("CNAME", "MX", "TXT")


def domains_of(answer: Answer) -> tuple[SendingDomain, ...]:
    """What an answer says. ProviderError when it is none."""
    if answer.status in (401, 403):
        raise ProviderError(
            "sendgrid: the API key may not read for which domains it sends",
            hint=f"Give it the scope {SCOPE} (Sender Authentication, read access), or look at SendGrid's pages.",
        )
    try:
        rows = orjson.loads(answer.body) if answer.status == 200 else None
    except orjson.JSONDecodeError:
        rows = None
    if not isinstance(rows, list):
        raise ProviderError(f"sendgrid: it answers {answer.status} when asked for which domains it sends")
    return tuple(_domain(row) for row in rows[:MOST] if isinstance(row, Mapping) and row.get("domain"))


def _domain(row: Mapping[str, Any]) -> SendingDomain:
    domain, below = str(row["domain"]).lower(), str(row.get("subdomain") or "").lower()
    dns = row.get("dns")
    records = tuple(_records(dns)) if isinstance(dns, Mapping) else ()
    return SendingDomain(domain, f"{below}.{domain}" if below else domain, records)


def _records(dns: Mapping[str, Any]) -> Iterator[WantedRecord]:
    for name, entry in dns.items():
        if not isinstance(entry, Mapping) or not entry.get("host") or not entry.get("data"):
            continue
        kind = str(entry.get("type") or "").upper()
        kind = kind if kind in _KNOWN else _KINDS.get(name, "CNAME")
        yield WantedRecord(kind, str(entry["host"]).rstrip("."), str(entry["data"]), entry.get("valid") is True)
