"""For whom a request is asked: the address it came from, or the one that a proxy of ours names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORWARDING = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")
"""What a request carries that came through somebody else."""


class Client(NamedTuple):
    """Who asks. `known`: false when a proxy stands between that the settings do not name, or that does not say for
    whom it asks; then it is the proxy's address, and everybody behind it looks alike."""

    address: str
    known: bool


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


def within(address: str, allowed: Sequence[Network]) -> bool:
    """Whether an address, as text, is in one of the networks."""
    found = parsed(address)
    return found is not None and any(found in network for network in allowed)


def client_of(peer: str, headers: Iterable[tuple[bytes, bytes]], proxies: Sequence[Network]) -> Client:
    """Who asks. Each proxy adds whom it heard from at the end, so the last address that is none of ours counts;
    what stands before it anybody may have written."""
    address = _text(parsed(peer)) or peer
    named = [(name, value) for name, value in headers if name in FORWARDING]
    if not within(address, proxies):
        return Client(address, not named)
    hops = b",".join(value for name, value in named if name == b"x-forwarded-for").decode("latin-1").split(",")
    for hop in reversed(hops):
        found = _text(parsed(hop))
        if not found:  # a word that is no address: whoever is behind it is not known
            return Client(address, not named)
        address = found
        if not within(found, proxies):
            break
    return Client(address, True)


def parsed(text: str) -> Address | None:
    """An address as proxies write it: also with a port, in brackets, or IPv4 within IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    with suppress(ValueError):
        found = ip_address(text.partition("%")[0])
        return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
    return None


def _text(address: Address | None) -> str:
    return str(address) if address else ""
