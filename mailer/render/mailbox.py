"""Addresses as header lines carry them: ASCII throughout, the domain as IDNA, nothing that routes or quotes."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

from mailer.errors import MessageError

# A dot-atom (RFC 5322, 3.2.3) without "%" and "!", with which old mail servers route to a second host.
LOCAL_PART = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")


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
