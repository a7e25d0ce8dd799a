"""Quoted-printable (RFC 2045, 6.7) of a text whose constant runs are encoded once and its values as they come.

A value stands between two soft line breaks, so it always begins a line and no run depends on the length of a value.
No encoded line begins with a dot or with "From ": SMTP has nothing to stuff and an mbox nothing to escape.
"""

from __future__ import annotations

from binascii import b2a_qp
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Protocol

from mailer.errors import MessageError

SOFT_BREAK = b"=\r\n"
# RFC 2045 allows 76 columns. One goes to the "=" of a soft break, two to a first character that must be escaped.
ROOM = 73
PLAIN = bytes(octet for octet in range(0x20, 0x7F) if octet != ord("="))


class PartShape(Protocol):
    """A text as constant runs with value slots between them: one run more than slots."""

    @property
    def constants(self) -> tuple[str, ...]: ...

    @property
    def slots(self) -> tuple[int, ...]: ...


def fill(shape: PartShape, values: Sequence[str]) -> str:
    """The text itself, as it reads before any encoding."""
    pieces = [""] * (2 * len(shape.slots) + 1)
    pieces[::2] = shape.constants
    pieces[1::2] = [values[slot] for slot in shape.slots]
    return "".join(pieces)


def fill_all(shape: PartShape, columns: Sequence[Sequence[str]], count: int) -> list[str]:
    """As `fill`, for many, whose values come by columns."""
    if not shape.slots:
        return ["".join(shape.constants)] * count
    pieces: list[Iterable[str]] = []
    for run, slot in zip(shape.constants, shape.slots, strict=False):
        pieces += [repeat(run, count), columns[slot]]
    pieces.append(repeat(shape.constants[-1], count))
    return list(map("".join, zip(*pieces, strict=True)))


def encode(text: str, field: str = "text") -> bytes:
    """The quoted-printable form; every kind of line break becomes CRLF."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    return b"\r\n".join(map(_encode_line, _octets(unix, field).split(b"\n")))


def _octets(text: str, field: str) -> bytes:
    if "\0" in text:
        raise MessageError(field, "holds a NUL character, which no mail may carry")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise MessageError(field, "holds half a surrogate pair, which is no character") from None


def _encode_line(line: bytes) -> bytes:
    # b2a_qp breaks lines where we cannot look; what it calls a line is joined again and cut where we can.
    encoded = b2a_qp(line, istext=False).replace(b"=\n", b"")
    if len(encoded) <= ROOM:
        return _guard_start(encoded)
    chunks = []
    start = 0
    while len(encoded) - start > ROOM:
        end = _cut(encoded, start + ROOM)
        chunks.append(_guard_start(encoded[start:end]))
        start = end
    chunks.append(_guard_start(encoded[start:]))
    return SOFT_BREAK.join(chunks)


def _cut(encoded: bytes, end: int) -> int:
    """The last place up to `end` that is not inside an `=XX`."""
    escape = encoded.rfind(b"=", end - 2, end)
    return end if escape < 0 else escape


def _guard_start(line: bytes) -> bytes:
    if line.startswith((b".", b"From ")):
        return b"=%02X" % line[0] + line[1:]
    return line


class QuotedRuns:
    """One part, its constant runs encoded for good, ready to take values. `before` and `after` are kept as they are."""

    __slots__ = ("_after", "_before", "_breaks_meet", "_field", "_in_order", "_pieces", "_shape")

    def __init__(self, shape: PartShape, field: str, before: bytes = b"", after: bytes = b"") -> None:
        self._shape = shape
        self._field = field
        self._before = before
        self._after = after
        self._pieces = self._constant_pieces()
        self._in_order = shape.slots == tuple(range(len(shape.slots)))
        # A CR at the end of a run and an LF at the start of a value are one line break, not two.
        self._breaks_meet = any(run.endswith("\r") for run in shape.constants[:-1])

    def pieces(self, values: Sequence[str]) -> list[bytes]:
        """What to join to have the encoded part with these values."""
        pieces = self._pieces.copy()
        if len(pieces) == 1:
            return pieces
        joined = "=" + "=".join(values)
        if self._breaks_meet or "\r" in joined:
            return [self._before, encode(fill(self._shape, values), self._field), self._after]
        encoded = _plain_values(joined, values) or _mixed_values(values, self._field)
        if not (self._in_order and 2 * len(encoded) + 1 == len(pieces)):
            encoded = [encoded[slot] for slot in self._shape.slots]
        pieces[1::2] = encoded
        return pieces

    def _constant_pieces(self) -> list[bytes]:
        runs = [encode(run, self._field) for run in self._shape.constants]
        last = len(self._shape.slots)
        if len(runs) != last + 1:
            raise ValueError("a part has one constant run more than slots")
        pieces = [b""] * (2 * last + 1)
        for index, run in enumerate(runs):
            opening = SOFT_BREAK if index > 0 else self._before
            closing = SOFT_BREAK if index < last else self._after
            # Two values with nothing between them need one soft break, and no part starts with one.
            pieces[2 * index] = opening + run + closing if run or index == last else opening
        return pieces


def _plain_values(joined: str, values: Sequence[str]) -> list[bytes] | None:
    """The values as they are, if none needs encoding. Asked of all at once, each with an "=" before it."""
    if not joined.isascii() or max(map(len, values)) > ROOM:
        return None
    octets = joined.encode("ascii")
    # Our own "=" are left, one for each value; anything more needs encoding.
    if len(octets.translate(None, PLAIN)) != len(values):
        return None
    if b"=." in octets or b"=From " in octets:
        return None
    return octets.split(b"=")[1:]


def _mixed_values(values: Sequence[str], field: str) -> list[bytes]:
    """The values encoded, those that fit one line all in one go: fifty cost what three do one by one."""
    lines = "\n".join(["" if len(value) > ROOM or "\n" in value else value for value in values])
    encoded = b2a_qp(_octets(lines, field), istext=True).replace(b"=\n", b"").split(b"\n")
    return [
        _guard_start(line) if (line or not value) and len(line) <= ROOM else _encode_cached(value, field)
        for line, value in zip(encoded, values, strict=True)
    ]


# Parts that hang on a condition come as whole values, and the same few for everyone.
_encode_cached = lru_cache(maxsize=256)(encode)
