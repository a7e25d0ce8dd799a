"""The reference that a mail carries: which delivery it names, and whether we made it.

    NUMBER.TAG, the tag being 64 bits of SHAKE-256 over key, issue and number

Neighbours have their tags from one call, each its own piece of what comes out: for a batch that is next to nothing,
where an HMAC for each would be a fifth of all work on a recipient.

A reference stands in the Message-ID and in what a provider sends back with its events, so it comes from outside: a
number alone would let anybody settle anybody's doubt.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

BLOCK = 64
DIGITS = 16

# What fits into the number of a row, which is all a database can be asked for.
_REFERENCE = re.compile(r"([1-9][0-9]{0,17})\.[0-9a-f]{16}")

CONFIRMATION = re.compile(r"confirm\.[0-9a-f]{32}")
"""Stands in the place of a reference in a mail that asks to confirm; those have numbers of their own."""


def delivery_of(reference: str) -> int | None:
    """The number of the delivery that a reference names, genuine or not; None where it names none."""
    found = _REFERENCE.fullmatch(reference)
    return int(found[1]) if found else None


def key_of(snapshot: Mapping[str, Any], keys: Sequence[bytes]) -> bytes:
    """The key under which an issue's references are made: frozen with it, so that it outlives the workspace's keys."""
    # One that was frozen before there could be several keys was written with the oldest.
    own = snapshot.get("message_ids", "").encode() or keys[-1]
    return hashlib.sha256(b"message-id\0" + own).digest()


def reference(key: bytes, issue: str, delivery_id: int) -> str:
    """The reference of a delivery, the same whenever it is asked for."""
    return references(key, issue, (delivery_id,))[0]


def references(key: bytes, issue: str, delivery_ids: Sequence[int]) -> list[str]:
    """The reference of each delivery."""
    drawn = {block: _drawn(key, issue, block) for block in {number // BLOCK for number in delivery_ids}}
    return [
        f"{number}.{drawn[number // BLOCK][(start := number % BLOCK * DIGITS) : start + DIGITS]}"
        for number in delivery_ids
    ]


def _drawn(key: bytes, issue: str, block: int) -> str:
    # The key has one length, and no name of an issue holds a NUL: nothing else can be the same octets.
    return hashlib.shake_256(key + f"{issue}\0{block}".encode()).hexdigest(BLOCK * DIGITS // 2)


def is_genuine(text: str, key: bytes, issue: str, delivery_id: int) -> bool:
    """Whether we made this reference."""
    return hmac.compare_digest(text.encode(), reference(key, issue, delivery_id).encode())
