"""The bytes of a mail as a tree of parts, within limits: anybody may write to a bounce address, and anything.

The email package is used with its oldest policy, which takes every header as it stands; the newer ones parse addresses
with a grammar that hostile ones keep busy for minutes.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import HeaderParser
from quopri import decodestring
from typing import Final

LONGEST: Final = 1 << 20
"""Of a mail so many bytes are looked at: a report comes first, and what was returned last."""

LONGEST_TEXT: Final = 20_000
LONGEST_HEADER: Final = 2000
MOST_PARTS: Final = 2000
MOST_NESTED: Final = 60

_NESTING = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_RETURNED = frozenset({"rfc822", "rfc822-headers", "global", "global-headers"})

Mail = Message


class TooComplex(ValueError):
    """More parts than a mail has that somebody wrote to be read."""


def opened(data: bytes) -> Mail:
    """The mail. TooComplex when it has too many parts, or too many within one another."""
    plain = data[:LONGEST].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    # Counted before anything is made of them: each part is a call within the call for the one around it.
    if plain.count(b"\n--") > MOST_PARTS or len(_NESTING.findall(plain)) > MOST_NESTED:
        raise TooComplex
    try:
        return message_from_bytes(plain)
    except (RecursionError, MessageError, ValueError, LookupError) as error:
        raise TooComplex from error


def header(mail: Mail, name: str) -> str:
    """A header in one line of readable letters; empty where there is none."""
    value = mail.get(name)
    return readable(str(value)) if value is not None else ""


def headers(mail: Mail, name: str) -> list[str]:
    """Every header of that name."""
    return [readable(str(value)) for value in mail.get_all(name, [])[:20]]


def readable(value: str) -> str:
    """A header's value with its encoded words as text."""
    value = " ".join(value[:LONGEST_HEADER].split())
    if "=?" not in value:
        return storable(value)
    try:
        return storable("".join(_decoded(part, charset) for part, charset in decode_header(value)))
    except (HeaderParseError, ValueError):
        return storable(value)


def storable(text: str) -> str:
    """Without what no database takes, which some character sets can spell: halves of characters, and NUL."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _decoded(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    return as_text(part, charset or "ascii")


def as_text(data: bytes, charset: str) -> str:
    try:
        return storable(data.decode(charset, "replace"))
    except (LookupError, ValueError):  # no such character set, or one that is none of text
        return storable(data.decode("utf-8", "replace"))


def outside(mail: Mail) -> Iterator[Mail]:
    """The parts of the mail itself, and nothing of mails within it."""
    if mail.get_content_maintype() == "multipart" and mail.is_multipart():
        for part in _inner(mail):
            yield from outside(part)
    else:
        yield mail


def returned(mail: Mail) -> Iterator[Mail]:
    """The mails that it carries along, or what it has of their headers."""
    for part in outside(mail):
        kind, _, detail = part.get_content_type().partition("/")
        if detail not in _RETURNED or kind not in ("message", "text"):
            continue
        inner = _inner(part)
        if inner and inner[0].keys():
            yield inner[0]
        else:
            yield HeaderParser().parsestr(text_of(part))


def text_of(part: Mail) -> str:
    """A part as text, whatever it says it is, as far as anybody reads."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        # A report is read by the email package as a mail for each of its blocks.
        text = "\n\n".join(_block(each) for each in _inner(part))
        return _undone(text, str(part.get("Content-Transfer-Encoding", "")).strip().lower())
    return as_text(payload, str(part.get_content_charset() or "utf-8"))[: 4 * LONGEST_TEXT]


def _undone(text: str, encoding: str) -> str:
    """The text without its transfer encoding, which the email package leaves on mails within a mail."""
    try:
        if encoding == "base64":
            return as_text(b64decode(text), "utf-8")
        return as_text(decodestring(text.encode()), "utf-8") if encoding == "quoted-printable" else text
    except ValueError:
        return text


def _inner(mail: Mail) -> list[Mail]:
    payload = mail.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _block(mail: Mail) -> str:
    lines = "\n".join(f"{name}: {' '.join(str(value).split())}" for name, value in mail.items())
    rest = mail.get_payload()
    return f"{lines}\n\n{rest}" if isinstance(rest, str) and rest else lines
