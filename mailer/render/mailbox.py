"""Addresses as header lines carry them: ASCII throughout, the domain as IDNA, nothing that routes or quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import idna

from mailer.errors import MessageError

# A dot-atom (RFC 5322, 3.2.3) without "%" and "!", with which old mail servers route to a second host.
LOCAL_PART = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The same with what RFC 6531 adds: any letter beyond ASCII, and no control character or space among them.
_ATOM = r"[A-Za-z0-9#$&'*+/=?^_`{|}~\u00a1-\u2027\u202a-\ud7ff\ue000-\U0010ffff-]+"
LOCAL_PART_UTF8 = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")

# What nearly all addresses are, found at a third of the time; no longer than the local part alone may be, so that no
# part of them is too long.
PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*\Z").match
PLAIN_LENGTH = 64


def ascii_addresses(emails: Sequence[str], field: str) -> list[str]:
    """As `ascii_address`, for many."""
    return [
        email if len(email) <= PLAIN_LENGTH and PLAIN_ADDRESS(email) else ascii_address(email, field)
        for email in emails
    ]


def ascii_address(email: str, field: str) -> str:
    """The address with its domain as IDNA. One whose local part is not ASCII needs SMTPUTF8 and is refused."""
    local, _, domain = email.rpartition("@")
    if not LOCAL_PART.match(local):
        if local.isascii():
            raise MessageError(field, "is not an address that mail can be sent to")
        raise MessageError(
            field,
            "the part before the @ is not ASCII, which needs SMTPUTF8",
            hint="Few mail servers take such addresses; ask the subscriber for another one.",
        )
    return f"{local}@{ascii_domain(domain, field)}"


def utf8_address(email: str, field: str) -> str:
    """The address for whoever offers SMTPUTF8: its domain as IDNA, its local part with the letters it has."""
    local, _, domain = email.rpartition("@")
    if not LOCAL_PART_UTF8.match(local) or len(local.encode("utf-8")) > 64:
        raise MessageError(field, "is not an address that mail can be sent to")
    return f"{local}@{ascii_domain(domain, field)}"


@lru_cache(maxsize=4096)
def ascii_domain(domain: str, field: str) -> str:
    """The domain as it goes over the wire: `münchen.de` is `xn--mnchen-3ya.de`."""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError:
            raise MessageError(field, "the part after the @ is not a domain name") from None
    if not DOMAIN.match(domain):
        raise MessageError(field, "the part after the @ is not a domain name")
    return domain
