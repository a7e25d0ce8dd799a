"""Where a bounce goes: `bounces+TOKEN@example.org`, a sender of the envelope that names the delivery.

    TOKEN = base32( version | key id | number of the delivery | tag )

In small letters, because mail servers on the way change them. The tag is HMAC-SHA256 cut to 80 bits under a key of its
own, so a bounce that somebody made up names nobody, and telling takes no look-up. The key id finds the key after one
was replaced.
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from collections.abc import Sequence
from hashlib import sha256
from hmac import HMAC, compare_digest, digest
from hmac import new as new_hmac

VERSION = 1
TAG_SIZE = 10
HEAD_SIZE = 2
# Eight bytes number more deliveries than there will be mails.
LONGEST = 32


class BounceAddresses:
    """Makes and reads them. The first key signs and every key verifies. Shared by threads."""

    __slots__ = ("_after", "_before", "_keys")

    def __init__(self, keys: Sequence[bytes], address: str) -> None:
        self._before, _, domain = address.rpartition("@")
        self._after = f"@{domain}"
        self._keys = [
            (bytes([VERSION, sha256(b"mailer bounce key id" + key).digest()[0]]), _derived(key)) for key in keys
        ]

    def address(self, delivery_id: int) -> str:
        """The envelope's sender for this delivery."""
        head, key = self._keys[0]
        signed = head + delivery_id.to_bytes((delivery_id.bit_length() + 7) // 8 or 1, "big")
        token = b32encode(signed + _tag(key, signed)).rstrip(b"=").decode("ascii").lower()
        return f"{self._before}+{token}{self._after}"

    def delivery(self, address: str) -> int | None:
        """The delivery that an address names; None when it is none of ours."""
        local, _, domain = address.rpartition("@")
        before, _, token = local.rpartition("+")
        ours = before.lower() == self._before.lower() and f"@{domain}".lower() == self._after.lower()
        octets = _octets(token) if ours else b""
        signed, tag = octets[:-TAG_SIZE], octets[-TAG_SIZE:]
        if len(signed) <= HEAD_SIZE or (len(signed) > HEAD_SIZE + 1 and not signed[HEAD_SIZE]):
            return None
        for head, key in self._keys:
            if signed.startswith(head) and compare_digest(_tag(key, signed), tag):
                return int.from_bytes(signed[HEAD_SIZE:], "big")
        return None


def _derived(key: bytes) -> HMAC:
    return new_hmac(digest(key, b"mailer bounce v1", "sha256"), digestmod="sha256")


def _tag(key: HMAC, signed: bytes) -> bytes:
    state = key.copy()
    state.update(signed)
    return state.digest()[:TAG_SIZE]


def _octets(token: str) -> bytes:
    """The octets of a token written in the only way we write it, in letters of either size; none for anything else."""
    if not 0 < len(token) <= LONGEST or not token.isascii():
        return b""
    upper = token.upper().encode("ascii")
    try:
        octets = b32decode(upper + b"=" * (-len(upper) % 8))
    except ValueError:
        return b""
    return octets if b32encode(octets).rstrip(b"=") == upper else b""
