"""Signed links: who may unsubscribe, change preferences or look without logging in. Opaque, short, never expiring.

    token = base64url( version | key id | purpose | list name | subscriber id | tag )

The tag is HMAC-SHA256 cut to 128 bits, under a key derived for the purpose: a token for one thing is noise for
another. The key id, a byte of the key's hash, finds the key after rotation without trying them all. A link in a mail
must work as long as the mail exists, so a token carries no time. Nothing is looked up and nothing is stored.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest, digest
from typing import NamedTuple

from mailer.errors import ConfigError, LinkError

VERSION = 1
TAG_SIZE = 16
HEAD_SIZE = 3
SHORTEST_KEY = 16
# Long enough for any list name and id, short enough that a hostile token costs nothing.
LONGEST_TOKEN = 400

HEX_FLAG = 0x80
LONGEST_NAME = HEX_FLAG - 1
"""So many bytes the name of a list or an issue may have in a token."""
HEX_DIGITS = "0123456789abcdef"
BLOCK = 64
URL_SAFE = bytes.maketrans(b"+/", b"-_")
TOKEN = re.compile(r"[A-Za-z0-9_-]+\Z")


class Purpose(StrEnum):
    """What a link is good for. `PREVIEW` is good for nothing: previews and test mails carry it."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    VIEW = "view"
    CONFIRM = "confirm"
    PREVIEW = "preview"
    COUNT = "count"


# Bytes in tokens and words in addresses outlive releases: never change one, only add.
_CODES = {
    Purpose.UNSUBSCRIBE: 1,
    Purpose.PREFERENCES: 2,
    Purpose.VIEW: 3,
    Purpose.CONFIRM: 4,
    Purpose.PREVIEW: 5,
    Purpose.COUNT: 6,
}
_PATHS = {
    Purpose.UNSUBSCRIBE: "u",
    Purpose.PREFERENCES: "p",
    Purpose.VIEW: "v",
    Purpose.CONFIRM: "c",
    Purpose.PREVIEW: "u",
    Purpose.COUNT: "l",
}


class LinkTarget(NamedTuple):
    """Whom and what a token names. For `VIEW` and `COUNT` the first is the name of the issue.

    In a link that counts, the second is empty unless it is to be known who followed it.
    """

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
        self._writers: dict[tuple[Purpose, str], Callable[[Sequence[str]], list[str]]] = {}
        self._verifying: dict[bytes, list[Callable[[Iterable[bytes]], list[bytes]]]] = {}
        for key in keys:
            for purpose in Purpose:
                self._verifying.setdefault(_head(key, purpose), []).append(_tagging(key, purpose))

    def token(self, purpose: Purpose, list_name: str, subscriber_id: str) -> str:
        """A token that names this subscriber of this list, for this purpose alone."""
        (token,) = self.tokens(purpose, list_name, (subscriber_id,))
        return token

    def tokens(self, purpose: Purpose, list_name: str, subscriber_ids: Sequence[str]) -> list[str]:
        """A token for each of these subscribers: many cost half of what one by one would."""
        known = self._writers.get((purpose, list_name))
        if known is None:
            known = self._writers[purpose, list_name] = _writer(self._key, purpose, list_name)
        return known(subscriber_ids)

    def read(self, token: str, purpose: Purpose) -> LinkTarget:
        """Whom the token names. Anything else than our own token for this purpose is a LinkError in the same words."""
        octets = _canonical(token)
        signed = octets[:-TAG_SIZE]
        if len(signed) <= HEAD_SIZE or signed[2] != _CODES[purpose]:
            raise _not_ours()
        keys = self._verifying.get(signed[:HEAD_SIZE], ())
        if not any(compare_digest(tagged([signed])[0], octets) for tagged in keys):
            raise _not_ours()
        return _target(signed[HEAD_SIZE:])


def _writer(key: bytes, purpose: Purpose, list_name: str) -> Callable[[Sequence[str]], list[str]]:
    name = list_name.encode("utf-8")
    if not 0 < len(name) <= LONGEST_NAME:
        raise ConfigError(f"a list's name in a link has 1 to {LONGEST_NAME} bytes")
    head = _head(key, purpose)
    as_text = head + bytes([len(name)]) + name
    as_hex = head + bytes([len(name) | HEX_FLAG]) + name
    tagged = _tagging(key, purpose)

    def signed(subscriber_id: str) -> bytes:
        # An id that is the hexadecimal form of octets takes half the room as those.
        if not subscriber_id or len(subscriber_id) % 2:
            return as_text + subscriber_id.encode("utf-8")
        return as_hex + bytes.fromhex(subscriber_id)

    def write(subscriber_ids: Sequence[str]) -> list[str]:
        messages = [as_text + each.encode() if each.strip(HEX_DIGITS) else signed(each) for each in subscriber_ids]
        # b2a_base64 ends each with a line break, by which they are parted again.
        lines = b"".join(map(b2a_base64, tagged(messages)))
        return lines.translate(URL_SAFE, b"=").decode("ascii").split("\n")[:-1]

    return write


def _head(key: bytes, purpose: Purpose) -> bytes:
    key_id = sha256(b"mailer link key id" + key).digest()[0]
    return bytes([VERSION, key_id, _CODES[purpose]])


def _tagging(key: bytes, purpose: Purpose) -> Callable[[Iterable[bytes]], list[bytes]]:
    """What puts a tag behind messages: HMAC-SHA256 (RFC 2104) under the key for a purpose, cut. From two states that
    have taken in the key already, which is most of the cost of a short message, and twice as fast to copy as an object
    of the hmac module."""
    derived = digest(key, b"mailer link v1 " + purpose.value.encode("ascii"), "sha256").ljust(BLOCK, b"\0")
    inner = sha256(bytes(octet ^ 0x36 for octet in derived)).copy
    outer = sha256(bytes(octet ^ 0x5C for octet in derived)).copy

    def tagged(messages: Iterable[bytes]) -> list[bytes]:
        found: list[bytes] = []
        for message in messages:
            state, whole = inner(), outer()
            state.update(message)
            whole.update(state.digest())
            found.append(message + whole.digest()[:TAG_SIZE])
        return found

    return tagged


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
