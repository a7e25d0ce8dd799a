"""Asking DNS, with limits of time. An answer that could not be had is told apart from one that says no."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import dns.exception
import dns.rdatatype
import dns.resolver

from mailer.checks.domain.records import NO_SUCH_NAME, UNKNOWN, Answer
from mailer.errors import UsageError

SECONDS: Final = 5.0
"""The longest that one question may take, with every server that is asked again."""

MOST: Final = 500
"""So many questions one resolver asks: records of strangers may lead to ever more of them."""

PORT: Final = 53


@dataclass(frozen=True, slots=True)
class NameServer:
    """One to ask instead of the system's."""

    address: str
    port: int = PORT


def name_server(text: str) -> NameServer:
    """`9.9.9.9`, `127.0.0.1:5353` or `[::1]:53`. UsageError for anything else."""
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    try:
        address = str(ip_address(host.strip("[]")))
        return NameServer(address, int(port) if port else PORT)
    except ValueError:
        raise UsageError(f"{text[:60]!r} is no name server", hint="an IP address such as 9.9.9.9") from None


class Resolver:
    """Asks each question once. May be shared by threads."""

    def __init__(self, server: NameServer | None = None, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._server = server
        self._known: dict[tuple[str, str], Answer] = {}
        self._lock = threading.Lock()
        self._resolver: dns.resolver.Resolver | None = None
        self._left = MOST

    def __call__(self, name: str, kind: str) -> Answer:
        """The records of that type."""
        question = (name.lower().rstrip("."), kind)
        with self._lock:
            if question in self._known:
                return self._known[question]
            self._left -= 1
            if self._left < 0:
                return UNKNOWN
            resolver = self._resolver = self._resolver or self._made()
        answer = _asked(resolver, *question) if resolver else UNKNOWN
        with self._lock:
            self._known[question] = answer
        return answer

    def _made(self) -> dns.resolver.Resolver | None:
        try:
            resolver = dns.resolver.Resolver(configure=self._server is None)
        except dns.resolver.NoResolverConfiguration:
            return None
        if self._server is not None:
            resolver.nameservers, resolver.port = [self._server.address], self._server.port
        resolver.lifetime, resolver.timeout = self._seconds, self._seconds / 2
        return resolver


def _asked(resolver: dns.resolver.Resolver, name: str, kind: str) -> Answer:
    try:
        found = resolver.resolve(f"{name}.", kind, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return NO_SUCH_NAME
    except (dns.exception.DNSException, OSError, UnicodeError, ValueError):
        return UNKNOWN
    return Answer(tuple(_text(record) for record in found.rrset or ()))


def _text(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    return str(record).removesuffix(".")
