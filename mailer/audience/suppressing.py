"""What a suppression names: an address, a whole domain, or the keyed hash of an address that was forgotten.

`@example.org` is every address at exactly that domain. Its subdomains are other domains: `@mail.example.org` is an
entry of its own.

Of a forgotten address only an HMAC-SHA256 under the workspace's key is kept, so that nobody can read it there and yet
it is recognised when it comes again: `hash:KEY:DIGITS`. KEY is the key's fingerprint, as several can be in use.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from mailer.audience.address import parse_address

HASH = "hash:"
_HASHED = re.compile(r"hash:([0-9a-f]{8,64}):[0-9a-f]{64}")
# Other uses of the same key cannot give the same values.
_PURPOSE = b"forgotten address\0"


def values_of(email_key: str) -> tuple[str, str]:
    """The values under which an address may be suppressed in plain words: itself, and its domain."""
    return email_key, email_key[email_key.rindex("@") :]


def hashes(secret_keys: Mapping[str, bytes], email_key: str) -> tuple[str, ...]:
    """The values under which a forgotten address may be kept: one for each key, in their order, by fingerprint."""
    message = _PURPOSE + email_key.encode()
    digests = ((name, hmac.new(key, message, hashlib.sha256).hexdigest()) for name, key in secret_keys.items())
    return tuple(f"{HASH}{name}:{digest}" for name, digest in digests)


def fingerprint_of(value: str) -> str | None:
    """Under which key a value was hashed; None when it is an address or a domain."""
    match = _HASHED.fullmatch(value)
    return match[1] if match else None


def parse_value(text: str) -> str:
    """The value that a person wrote. ValueError says why it is none, without repeating it."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1].strip()
    if bare.startswith(HASH):
        if not _HASHED.fullmatch(bare):
            raise ValueError("not the hash of a forgotten address: hash:KEY:DIGITS")
        return bare
    if not bare.startswith("@"):
        return parse_address(bare).key
    if "@" in bare[1:]:
        raise ValueError("a domain is written @example.org, with nothing before the @")
    # Whatever is a domain of an address is one here, in the same form.
    return values_of(parse_address(f"somebody{bare}").key)[1]
