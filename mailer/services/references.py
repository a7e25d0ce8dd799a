"""The reference that a mail carries: which delivery it names, and whether we made it.

    NUMBER.TAG, the tag being 64 bits of an HMAC-SHA256 over issue and number

It stands in the Message-ID and in what a provider sends back with its events, so it comes from outside: a number alone
would let anybody settle anybody's doubt.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

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
    digest = hmac.digest(key, f"{issue}\0{delivery_id}".encode(), "sha256")
    return f"{delivery_id}.{digest[:8].hex()}"


def is_genuine(text: str, key: bytes, issue: str, delivery_id: int) -> bool:
    """Whether we made this reference."""
    return hmac.compare_digest(text.encode(), reference(key, issue, delivery_id).encode())
