"""Which links may be fetched, and which addresses may be connected to."""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import idna

from mailer.errors import FetchError
from mailer.model import Trouble

Resolver = Callable[[str, int], Sequence[str]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"http": 80, "https": 443}
# What ends in a number is an address to the C library: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
_NUMERIC = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", re.ASCII)
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_][a-z0-9_-]{0,62}", re.ASCII)
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Global by the registry's word, but each is a way to another network: 6to4, its relays, Teredo and other
# protocol assignments, documentation. NAT64 (64:ff9b::/96) and mapped addresses lie outside 2000::/3.
_TUNNELS = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


@dataclass(frozen=True, slots=True)
class Target:
    """A link taken apart. `host` is what the server is asked for; `name` is how it stands in messages."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def target_of(url: str) -> Target:
    """The parts of a link that may be fetched. Raises FetchError for other schemes, user names and odd hosts."""
    try:
        if any(not char.isprintable() for char in url) or "\\" in url:
            raise ValueError
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as exc:
        raise FetchError(f"{url[:100]!r} is no web address", trouble=Trouble.ADDRESS) from exc
    if parts.scheme not in _PORTS:
        raise FetchError(f"{parts.scheme or 'no scheme'}: only http and https are fetched", trouble=Trouble.ADDRESS)
    if "@" in parts.netloc:
        text = f"the address of {parts.hostname} carries a user name; that is not fetched"
        raise FetchError(text, trouble=Trouble.ADDRESS)
    if port == 0:
        raise FetchError(f"{parts.hostname}: port 0 is no port", trouble=Trouble.ADDRESS)
    path = quote(parts.path or "/", safe="/%:;=@!$&'()*+,~")
    query = "?" + quote(parts.query, safe="/%:;=@!$&'()*+,~?[]") if parts.query else ""
    return Target(parts.scheme, _host(parts.hostname or ""), port or _PORTS[parts.scheme], path + query)


def _host(name: str) -> str:
    """The host in ASCII without the root's dot; an address only in its usual form."""
    try:
        ascii_name = name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as exc:
        raise FetchError(f"{name[:100]!r} is no host name", trouble=Trouble.ADDRESS) from exc
    host = ascii_name.lower().removesuffix(".")
    if _literal(host):
        return host
    if _NUMERIC.fullmatch(host):
        text = f"{host[:100]!r} is an address in disguise; that is not fetched"
        raise FetchError(text, trouble=Trouble.PRIVATE)
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise FetchError(f"{name[:100]!r} is no host name", trouble=Trouble.ADDRESS)
    return host


def _literal(host: str) -> _Address | None:
    # A zone (fe80::1%eth0) names an interface of this machine and is no address of the web.
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


def is_allowed(address: str, *, allow_private: bool = False) -> bool:
    """Whether a connection to the address may be opened.

    `allow_private` opens the networks of the house. It never opens link-local addresses, where clouds keep
    the credentials of a machine.
    """
    ip = _literal(address)
    if ip is None or ip.is_multicast or ip.is_unspecified:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    if mapped.is_link_local or mapped.is_unspecified:
        return False
    return allow_private or _is_public(ip)


def _is_public(ip: _Address) -> bool:
    if any(ip.version == network.version and ip in network for network in _TUNNELS):
        return False
    return ip.is_global and (ip.version == 4 or ip in _UNICAST)


def addresses(target: Target, *, resolve: Resolver, allow_private: bool, seconds: float) -> list[str]:
    """The addresses to connect to, each one checked; the name is asked for once, so that its answer cannot change."""
    found = [target.host] if _literal(target.host) else _resolved(target, resolve, seconds)
    allowed = [address for address in found if is_allowed(address, allow_private=allow_private)]
    if not found:
        raise FetchError(f"{target.host}: no address found", trouble=Trouble.NAME)
    if not allowed:
        raise FetchError(
            f"{target.host} is at a private or reserved address; that is not fetched",
            trouble=Trouble.PRIVATE,
            hint=None if allow_private else "a source inside your own network needs allow_private = true",
        )
    return allowed


def system_resolver(host: str, port: int) -> Sequence[str]:
    """The addresses of a host as this machine knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _resolved(target: Target, resolve: Resolver, seconds: float) -> list[str]:
    """Asked in a thread, because getaddrinfo knows no time-out and may hang for minutes."""
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(target.host, target.port))
        except (OSError, UnicodeError) as exc:
            answers.put(exc)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise FetchError(f"{target.host}: the name was not resolved in time", trouble=Trouble.NAME) from None
    if isinstance(answer, Exception):
        raise FetchError(f"{target.host}: the name is unknown ({answer})", trouble=Trouble.NAME) from answer
    return list(answer)
