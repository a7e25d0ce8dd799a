"""Signed links: who may unsubscribe, change preferences or look without logging in. Opaque, short, never expiring.

    token = base64url( version | key id | purpose | list name | subscriber id | tag )

The tag is HMAC-SHA256 cut to 128 bits, under a key derived for the purpose: a token for one thing is noise for
another. The key id, a byte of the key's hash, finds the key after rotation without trying them all. A link in a mail
must work as long as the mail exists, so a token carries no time. Nothing is looked up and nothing is stored.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256
from hmac import HMAC, compare_digest, digest
from hmac import new as new_hmac
from typing import NamedTuple

from mailer.errors import ConfigError, LinkError

VERSION = 1
TAG_SIZE = 16
HEAD_SIZE = 3
SHORTEST_KEY = 16
# Long enough for any list name and id, short enough that a hostile token costs nothing.
LONGEST_TOKEN = 400

HEX_FLAG = 0x80
TOKEN = re.compile(r"[A-Za-z0-9_-]+\Z")


class Purpose(StrEnum):
    """What a link is good for. `PREVIEW` is good for nothing: previews and test mails carry it."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    VIEW = "view"
    CONFIRM = "confirm"
    PREVIEW = "preview"


# Bytes in tokens and words in addresses outlive releases: never change one, only add.
_CODES = {
    Purpose.UNSUBSCRIBE: 1,
    Purpose.PREFERENCES: 2,
    Purpose.VIEW: 3,
    Purpose.CONFIRM: 4,
    Purpose.PREVIEW: 5,
}
_PATHS = {
    Purpose.UNSUBSCRIBE: "u",
    Purpose.PREFERENCES: "p",
    Purpose.VIEW: "v",
    Purpose.CONFIRM: "c",
    Purpose.PREVIEW: "u",
}


class LinkTarget(NamedTuple):
    """Whom and what a token names. For `VIEW` the first is the name of the issue."""

    list_name: str
    subscriber_id: str


class Signer:
    """Makes and reads tokens. The first key signs and every key verifies, so replacing a key breaks no link."""

    __slots__ = ("_key", "_verifying", "_writers")

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) < SHORTEST_KEY for key in keys):
            raise ConfigError(
                f"links need a secret key of at least {SHORTEST_KEY} bytes",
                hint="Leave MAILER_SECRET_KEY unset to have one made, or set it to 32 random bytes or more.",
            )
        self._key = keys[0]
        self._writers: dict[tuple[Purpose, str], Callable[[str], str]] = {}
        self._verifying: dict[bytes, list[HMAC]] = {}
        for key in keys:
            for purpose in Purpose:
                self._verifying.setdefault(_head(key, purpose), []).append(_derived(key, purpose))

    def token(self, purpose: Purpose, list_name: str, subscriber_id: str) -> str:
        """A token that names this subscriber of this list, for this purpose alone."""
        return self.writer(purpose, list_name)(subscriber_id)

    def writer(self, purpose: Purpose, list_name: str) -> Callable[[str], str]:
        """The function from subscriber id to token for one purpose and list: for a whole list, half the time."""
        known = self._writers.get((purpose, list_name))
        if known is None:
            known = self._writers[purpose, list_name] = _writer(self._key, purpose, list_name)
        return known

    def read(self, token: str, purpose: Purpose) -> LinkTarget:
        """Whom the token names. Anything else than our own token for this purpose is a LinkError in the same words."""
        octets = _canonical(token)
        signed, tag = octets[:-TAG_SIZE], octets[-TAG_SIZE:]
        if len(signed) <= HEAD_SIZE or signed[2] != _CODES[purpose]:
            raise _not_ours()
        keys = self._verifying.get(signed[:HEAD_SIZE], ())
        if not any(compare_digest(_tag(key, signed), tag) for key in keys):
            raise _not_ours()
        return _target(signed[HEAD_SIZE:])


def _writer(key: bytes, purpose: Purpose, list_name: str) -> Callable[[str], str]:
    name = list_name.encode("utf-8")
    if not 0 < len(name) < HEX_FLAG:
        raise ConfigError("a list's name in a link has 1 to 127 bytes")
    head = _head(key, purpose)
    as_text = head + bytes([len(name)]) + name
    as_hex = head + bytes([len(name) | HEX_FLAG]) + name
    derived = _derived(key, purpose)

    def write(subscriber_id: str) -> str:
        octets = _hex_octets(subscriber_id)
        signed = as_hex + octets if octets else as_text + subscriber_id.encode("utf-8")
        return urlsafe_b64encode(signed + _tag(derived, signed)).rstrip(b"=").decode("ascii")

    return write


def _hex_octets(text: str) -> bytes:
    """The octets that `text` is the hexadecimal form of, so that an id takes half the room; none for other ids."""
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        return b""
    return octets if octets.hex() == text else b""


def _head(key: bytes, purpose: Purpose) -> bytes:
    key_id = sha256(b"mailer link key id" + key).digest()[0]
    return bytes([VERSION, key_id, _CODES[purpose]])


def _derived(key: bytes, purpose: Purpose) -> HMAC:
    """An HMAC ready to copy: setting up its key is most of the cost of a short message."""
    return new_hmac(digest(key, b"mailer link v1 " + purpose.value.encode("ascii"), "sha256"), digestmod="sha256")


def _tag(key: HMAC, signed: bytes) -> bytes:
    state = key.copy()
    state.update(signed)
    return state.digest()[:TAG_SIZE]


def _canonical(token: str) -> bytes:
    """The octets of a token written in the only way we write it: no padding, no stray bits, no other alphabet."""
    if len(token) > LONGEST_TOKEN or len(token) % 4 == 1 or not TOKEN.match(token):
        raise _not_ours()
    octets = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    if urlsafe_b64encode(octets).rstrip(b"=") != token.encode("ascii"):
        raise _not_ours()
    return octets


def _target(payload: bytes) -> LinkTarget:
    size = payload[0] & ~HEX_FLAG
    name, identity = payload[1 : 1 + size], payload[1 + size :]
    return LinkTarget(name.decode("utf-8"), identity.hex() if payload[0] & HEX_FLAG else identity.decode("utf-8"))


def _not_ours() -> LinkError:
    return LinkError("this link is not valid", hint="Copy the whole link, or the whole subject of the mail.")


def link_url(base_url: str, purpose: Purpose, token: str) -> str:
    """The web address of a token. A preview's token goes under the path of the link it stands for."""
    return f"{base_url.rstrip('/')}/{_PATHS[purpose]}/{token}"


def unsubscribe_url(base_url: str, token: str) -> str:
    """The address in List-Unsubscribe and at the foot of a mail: POST unsubscribes, GET asks."""
    return link_url(base_url, Purpose.UNSUBSCRIBE, token)
