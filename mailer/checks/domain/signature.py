"""DKIM signatures of a mail, verified (RFC 6376, RFC 8463). The public key is asked for by the function handed in."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mailer.checks.domain.dkimkey import SHORTEST, BadKeyError, measured, public_key
from mailer.checks.domain.records import Ask, tags_of

MOST: Final = 8
"""So many signatures are looked at: a mail could carry thousands."""

DIGITS: Final = 76
"""The longest number in a signature."""

_BLANKS = re.compile(rb"[ \t]+")
_SIGNED_WITH = re.compile(rb"(^|;)([ \t\r\n]*b[ \t\r\n]*=)[^;]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """A header line as it stands, with its line ends inside. `name` is in lower case."""

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        return " ".join(self.raw.partition(b":")[2].decode("utf-8", "replace").split())


@dataclass(frozen=True, slots=True)
class Parts:
    """A mail in two, with CRLF line ends whatever it was saved with."""

    headers: tuple[Header, ...]
    body: bytes

    def all(self, name: str) -> list[Header]:
        return [header for header in self.headers if header.name == name.lower()]

    def first(self, name: str) -> str:
        return next((header.value for header in self.all(name)), "")


@dataclass(frozen=True, slots=True)
class Signature:
    """What became of one. `fault` is empty when it holds; `checked` is False when its key could not be asked for."""

    domain: str
    selector: str
    signed: tuple[str, ...]
    bits: int = 0
    kind: str = ""
    partial: bool = False
    fault: str = ""
    checked: bool = True

    @property
    def holds(self) -> bool:
        return self.checked and not self.fault


def parts_of(data: bytes) -> Parts:
    """Takes a mail apart. A first line that mailbox files put in front is left out."""
    text = re.sub(rb"\r?\n", b"\r\n", data)
    if text.startswith(b"From "):
        text = text.partition(b"\r\n")[2]
    head, _, body = (b"\r\n" + text).partition(b"\r\n\r\n")
    lines = re.split(rb"\r\n(?![ \t])", head.removeprefix(b"\r\n"))
    headers = (
        Header(line.partition(b":")[0].strip().decode("latin-1").lower(), line) for line in lines if b":" in line
    )
    return Parts(tuple(headers), body)


def signatures(parts: Parts, ask: Ask | None, now: int) -> list[Signature]:
    """Every signature of the mail, verified when there is somebody to ask for keys."""
    return [_signature(parts, header, ask, now) for header in parts.all("dkim-signature")[:MOST]]


def _signature(parts: Parts, header: Header, ask: Ask | None, now: int) -> Signature:
    tags = tags_of(header.raw.partition(b":")[2].decode("latin-1"))
    signed = tuple(name.strip().lower() for name in tags.get("h", "").split(":") if name.strip())
    domain, selector = tags.get("d", "").lower(), tags.get("s", "")
    kind = tags.get("a", "").partition("-")[0].lower()
    bare = {"domain": domain, "selector": selector, "signed": signed, "kind": kind, "partial": "l" in tags}

    def fails(fault: str, bits: int = 0) -> Signature:
        return Signature(domain, selector, signed, bits, kind, "l" in tags, fault)

    if not all((domain, selector, signed, tags.get("b"), tags.get("bh"))):
        return fails("it lacks what every signature has")
    if "from" not in signed:
        return fails("it does not cover From")
    if (until := _number(tags.get("x", ""))) is not None and until < now:
        return fails("its time is over (x=)")
    if tags.get("a", "").lower() not in ("rsa-sha256", "ed25519-sha256"):
        return fails("its algorithm is not to be believed any more")
    if _body_hash(parts.body, tags) != "".join(tags["bh"].split()):
        return fails("the text of the mail is not what was signed")
    if ask is None:
        return Signature(**bare, checked=False)  # type: ignore[arg-type]
    return _with_key(parts, header, tags, Signature(**bare), ask)  # type: ignore[arg-type]


def _with_key(parts: Parts, header: Header, tags: dict[str, str], one: Signature, ask: Ask) -> Signature:
    def told(fault: str = "", bits: int = 0, *, checked: bool = True) -> Signature:
        return Signature(one.domain, one.selector, one.signed, bits, one.kind, one.partial, fault, checked)

    name = f"{one.selector}._domainkey.{one.domain}"
    answer = ask(name, "TXT")
    if not answer.known:
        return told(checked=False)
    if not answer.records:
        return told(f"its key {name} is not there")
    record = tags_of(answer.records[0])
    try:
        key, (kind, bits) = public_key(record), measured(record)
    except BadKeyError as error:
        return told(f"its key {name}: {error}")
    if kind != one.kind:
        return told(f"its key {name} is of another kind", bits)
    if kind == "rsa" and bits < SHORTEST:  # RFC 8301, 3.2
        return told(f"its key {name} has {bits} bits, too few to be believed", bits)
    content = _signed_bytes(parts, header, one.signed, tags)
    try:
        _verify(key, b64decode("".join(tags["b"].split())), content)
    except ValueError:
        return told("a header is not what was signed, or the key is another one", bits)
    return told(bits=bits)


def _verify(key: object, signature: bytes, content: bytes) -> None:
    """ValueError where it is not that key's."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, hashlib.sha256(content).digest())
        elif isinstance(key, RSAPublicKey):
            key.verify(signature, content, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error):
        raise ValueError("not signed by that key") from None


def _canonical(tags: dict[str, str]) -> tuple[str, str]:
    head, _, body = tags.get("c", "simple/simple").lower().replace(" ", "").partition("/")
    return head, body or "simple"


def _body_hash(body: bytes, tags: dict[str, str]) -> str:
    if _canonical(tags)[1] == "relaxed":
        lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
        body = b"\r\n".join(lines)
        body = body.rstrip(b"\r\n") + b"\r\n" if body.strip(b"\r\n") else b""
    else:
        body = body[: _end(body)] + b"\r\n"
    if (length := _number(tags.get("l", ""))) is not None:
        body = body[:length]
    return binascii.b2a_base64(hashlib.sha256(body).digest(), newline=False).decode("ascii")


def _end(body: bytes) -> int:
    """Where the empty lines begin that are all that follows."""
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return end


def _number(text: str) -> int | None:
    """Of at most 76 digits (RFC 6376, 3.5); None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def _signed_bytes(parts: Parts, header: Header, names: Sequence[str], tags: dict[str, str]) -> bytes:
    """The headers as they are hashed: of several alike, the last one first; then the signature without its value."""
    relaxed = _canonical(tags)[0] == "relaxed"
    left = {name: list(parts.all(name)) for name in names}
    chosen = [left[name].pop() for name in names if left[name]]
    bare = _SIGNED_WITH.sub(rb"\1\2", header.raw.partition(b":")[2])
    own = Header(header.name, header.raw.partition(b":")[0] + b":" + bare)
    return b"".join(_line(each, relaxed=relaxed) + b"\r\n" for each in chosen) + _line(own, relaxed=relaxed)


def _line(header: Header, *, relaxed: bool) -> bytes:
    if not relaxed:
        return header.raw
    value = header.raw.partition(b":")[2].replace(b"\r\n", b"")
    return header.name.encode("latin-1") + b":" + _BLANKS.sub(b" ", value).strip(b" ")
