"""What the name of a host says about it, without asking anybody."""

from __future__ import annotations

from ipaddress import ip_address

RESERVED = frozenset({"example.com", "example.net", "example.org"})
"""Domains that exist for examples only; RFC 2606, 3."""

PRIVATE_ENDS = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".localdomain", ".test", ".invalid")

# Hosts that only pass on to another address, those that newsletters meet. Public lists, such as the one that
# SpamAssassin's DecodeShortURLs works with, have hundreds; a workspace adds its own under [checks] shorteners.
_SHORTENERS = """
    adf.ly bit.do bit.ly bitly.com bl.ink buff.ly cutt.ly cutt.us db.tt dlvr.it dub.sh fb.me goo.gl ht.ly hubs.ly
    ift.tt is.gd j.mp lnkd.in mcaf.ee ow.ly po.st q.gs qr.ae qr.net rb.gy rebrand.ly s.id short.io shorte.st
    shorturl.at snip.ly soo.gd su.pr t.co t.ly t2m.io tiny.cc tiny.ie tiny.one tinyurl.com tr.im trib.al u.to urlz.fr
    v.gd x.co xurl.es yourls.org
"""
SHORTENERS = frozenset(_SHORTENERS.split())


def is_reserved(host: str) -> bool:
    """Whether a host is one of the examples or under one of them."""
    return ".".join(host.lower().rstrip(".").split(".")[-2:]) in RESERVED


def is_shortener(host: str, more: frozenset[str] = frozenset()) -> bool:
    return host.lower().removeprefix("www.") in SHORTENERS | more


def is_private(host: str) -> bool:
    """Whether a reader elsewhere cannot mean the same host by that name."""
    name = host.lower().rstrip(".").strip("[]")
    try:
        return not ip_address(name).is_global
    except ValueError:
        return "." not in name or name.endswith(PRIVATE_ENDS)


def same_site(one: str, other: str) -> bool:
    """Whether one host is the other or under it."""
    first, second = (host.lower().rstrip(".").removeprefix("www.") for host in (one, other))
    return first == second or first.endswith(f".{second}") or second.endswith(f".{first}")
