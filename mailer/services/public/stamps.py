"""Stamps of forms: when a form was shown, signed, so that nothing is kept about forms that nobody sends.

    stamp = base64url( microseconds | random | tag )

A form that comes back too soon was filled in by a machine, one that comes back late is shown anew, and each stamp is
good once. Where the organisation wants it, a puzzle about the stamp has to be solved too, which costs a sender of a
thousand forms a thousand times what it costs a person.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

TIME, RANDOM, TAG = 8, 8, 16
LENGTH: Final = 44
"""Characters of a stamp: 32 bytes with a sign of padding."""

LIFE: Final = timedelta(days=1)
"""So long a form may lie open before it is sent."""

BITS: Final = 16
"""Zero bits that a puzzle's hash begins with: 65,536 tries, a second or two of a telephone."""

LONGEST_WORK: Final = 20

MICROSECOND: Final = timedelta(microseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def make(keys: Sequence[bytes], form: str, now: datetime) -> str:
    """The stamp of a form that is shown now; `form` names it, and a stamp is good for that one."""
    body = ((now - EPOCH) // MICROSECOND).to_bytes(TIME, "big") + secrets.token_bytes(RANDOM)
    return urlsafe_b64encode(body + _tag(keys[0], form, body)).decode("ascii")


def shown_at(keys: Sequence[bytes], form: str, stamp: str) -> datetime | None:
    """When the form with that stamp was shown; None for what is no stamp of ours for that form."""
    if len(stamp) != LENGTH or not stamp.isascii():
        return None
    try:
        octets = urlsafe_b64decode(stamp)
    except Error:
        return None
    # Another spelling of the same octets would be a second stamp.
    if urlsafe_b64encode(octets).decode("ascii") != stamp:
        return None
    body, tag = octets[:-TAG], octets[-TAG:]
    if not any(hmac.compare_digest(_tag(key, form, body), tag) for key in keys):
        return None
    return EPOCH + int.from_bytes(body[:TIME], "big") * MICROSECOND


def solved(stamp: str, work: str, bits: int = BITS) -> bool:
    """Whether `work` is a number that makes the hash of stamp and number begin with so many zero bits."""
    if not work.isascii() or not work.isdecimal() or len(work) > LONGEST_WORK:
        return False
    digest = sha256(f"{stamp}:{work}".encode()).digest()
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def _tag(key: bytes, form: str, body: bytes) -> bytes:
    derived = hmac.digest(key, b"mailer form stamp v1", "sha256")
    return hmac.digest(derived, form.encode() + b"\0" + body, "sha256")[:TAG]
