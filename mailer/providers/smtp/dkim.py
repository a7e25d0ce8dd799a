"""DKIM (RFC 6376, RFC 8463): headers relaxed, body simple, which costs a tenth of relaxed and lines never change here.

Nothing is read and no clock asked: keys are handed in, and so is the time. `keyfile` reads the keys.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Every header that says something to the reader or to a mailbox provider. RFC 8058 wants both unsubscribe headers in.
SIGNED = (
    "from", "to", "subject", "date", "message-id", "reply-to", "cc", "mime-version", "content-type",
    "content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post", "list-help", "list-owner",
    "list-archive", "feedback-id", "auto-submitted",
)  # fmt: skip
# Named once more than they occur: nobody can put a second one in front without breaking the signature.
OVERSIGNED = frozenset({"from", "to", "subject", "date", "reply-to", "cc"})
_ORDER = tuple((name.encode(), f"{name}:", name in OVERSIGNED) for name in SIGNED)
_WANTED = frozenset(name for name, _, _ in _ORDER)
WIDTH = 72


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and where receivers find its public half: `selector._domainkey.domain`."""

    domain: str
    selector: str
    algorithm: str
    sign: Callable[[bytes], bytes]


class DkimSigner:
    """Signs with each of its keys; receivers that do not know one algorithm take the other. Shared by threads."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys = tuple(keys)

    @property
    def room(self) -> int:
        """About how many octets the signatures add to a mail."""
        return 1100 * len(self._keys)

    def headers(self, content: bytes, now: int) -> bytes:
        """The DKIM-Signature headers to put in front of `content`, which has CRLF line ends. `now`: Unix time."""
        end = content.find(b"\r\n\r\n")
        end = end if end >= 0 else len(content)
        names, signed = _canonical_headers(content[:end])
        digest = _body_digest(content, min(end + 4, len(content)))
        return b"".join([_header(key, names, signed, (digest, now)) for key in self._keys])


def _canonical_headers(head: bytes) -> tuple[str, bytes]:
    """The value of h=, and the headers it names as they are hashed: of several alike, from the last to the first."""
    found: dict[bytes, list[bytes]] = {}
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        name, canonical = _canonical(line)
        if canonical:
            found.setdefault(name, []).append(canonical)
    names: list[str] = []
    signed: list[bytes] = []
    for name, text, oversigned in _ORDER:
        lines = found.get(name)
        if lines:
            names += [text] * len(lines)
            signed += reversed(lines)
        if oversigned:
            names.append(text)
    return "".join(names)[:-1], b"".join(signed)


@lru_cache(maxsize=64)
def _canonical(line: bytes) -> tuple[bytes, bytes]:
    """A header's name and its relaxed form, empty where it is not signed. Most are the same in a whole issue."""
    name, _, value = line.partition(b":")
    name = name.rstrip().lower()
    return name, b"%b:%b\r\n" % (name, _squeezed(value)) if name in _WANTED else b""


def _squeezed(value: bytes) -> bytes:
    if b"\t" in value:
        value = value.replace(b"\t", b" ")
    if b"  " not in value:
        return value.strip(b" ")
    return b" ".join(filter(None, value.split(b" ")))


def _body_digest(content: bytes, start: int) -> str:
    """Over the body with one line end at its end, however many there are (RFC 6376, 3.4.3)."""
    end = len(content)
    while end - start >= 4 and content[end - 4 : end] == b"\r\n\r\n":
        end -= 2
    state = hashlib.sha256(memoryview(content)[start:end])
    if not content.endswith(b"\r\n", start, end):
        state.update(b"\r\n")
    return b64encode(state.digest()).decode("ascii")


def _header(key: SigningKey, names: str, signed: bytes, stamp: tuple[str, int]) -> bytes:
    digest, now = stamp
    value = (
        f"v=1; a={key.algorithm}; c=relaxed/simple;\r\n d={key.domain}; s={key.selector}; t={now};\r\n"
        f" h={_folded(names)};\r\n bh={digest};\r\n b="
    )
    own = b"dkim-signature:" + _squeezed(value.replace("\r\n ", " ").encode("ascii"))
    signature = b64encode(key.sign(signed + own)).decode("ascii")
    lines = "\r\n ".join(signature[at : at + WIDTH] for at in range(0, len(signature), WIDTH))
    return f"DKIM-Signature: {value}{lines}\r\n".encode("ascii")


@lru_cache(maxsize=64)
def _folded(names: str) -> str:
    """h= in lines, broken after colons."""
    lines = [""]
    for name in names.split(":"):
        if len(lines[-1]) + len(name) >= WIDTH:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n  ".join(lines).removesuffix(":")
