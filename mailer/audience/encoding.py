"""Which encoding a subscriber file has. Only what the bytes prove is believed; everything else a person says.

Guessing by statistics called short Polish files Big5 and cp1252 ones cp1250, so nothing is guessed. One case beside
UTF is unmistakable: see `_is_western`.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import NamedTuple

from mailer.audience.sources import Source, head
from mailer.errors import ImportFileError

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 4096
_MOST_PREVIEWED = 6

# Letters that are the same byte in cp1250, cp1252, cp1254, cp1257 and ISO 8859-1, -2, -9, -13 and -15, so that it
# does not matter which of them the file is in. The sharp s is that as well.
_SMALL, _LARGE = "äöüé".encode("cp1252"), "ÄÖÜÉ".encode("cp1252")
_SHARP = "ß".encode("cp1252")
_ODD = re.compile(rb"[\x80-\xff]")
# A small letter after a small one or at the beginning of a word before one, and so on: DOS and Macintosh files have
# other letters at these bytes, which would stand in the wrong case (MERE with an accent reads "MxRE", x small).
_FITS = re.compile(
    b"(?<=[a-z])[" + _SMALL + b"](?!(?!" + _SHARP + rb")[\x80-\xffA-Z])"
    b"|(?<=[a-z" + _SMALL + b"])" + _SHARP + rb"(?![\x80-\xffA-Z])"
    b"|(?<=[A-Z])[" + _SMALL + b"](?=[a-z" + _SHARP + b"])"
    rb"|(?<![A-Za-z\x80-\xff])[" + _SMALL + b"](?=[a-z" + _SHARP + b"])"
    rb"|(?<![A-Za-z\x80-\xff])[" + _LARGE + b"](?=[A-Za-z])"
    b"|(?<=[A-Z])[" + _LARGE + rb"](?![\x80-\xffa-z])"
)
_WORD = re.compile(rb"[A-Za-z\x80-\xff'-]*[\x80-\xff][A-Za-z\x80-\xff'-]*")


class Encoding(NamedTuple):
    """A codec's name; what to tell of how it was found, with words of the file to judge it by."""

    codec: str
    notes: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()


def find_encoding(source: Source, told: str | None = None) -> Encoding:
    """The codec of the file: as told, else byte order mark, UTF-16 by its zero bytes, UTF-8. ImportFileError else."""
    if told:
        return Encoding(_known(told))
    begin = head(source, _SAMPLE)
    for mark, name in _MARKS:
        if begin.startswith(mark):
            return Encoding(name)
    if wide := _wide(begin):
        return Encoding(wide)
    bad = _first_bad(source)
    return Encoding("utf-8") if bad is None else _eight_bits(source, bad)


def _known(told: str) -> str:
    try:
        with suppress(UnicodeDecodeError):  # one byte is too few for some
            b"a".decode(told)
        codecs.getincrementaldecoder(told)(errors="replace").decode(b"a\0")
        return "utf-8-sig" if codecs.lookup(told).name == "utf-8" else told
    except (LookupError, ValueError):
        raise ImportFileError(
            f"there is no text encoding named {told!r}", hint="such as utf-8, utf-16, cp1252, iso-8859-2"
        ) from None


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: in Western text nearly every second byte is zero, and hardly any of the others."""
    half = len(sample) // 2
    if half < 2:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    return None


class _Bad(NamedTuple):
    line: int
    byte: int


def _first_bad(source: Source) -> _Bad | None:
    """Where the bytes stop being UTF-8. Piece by piece, so that a large file is not held twice."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, held = 1, b""
    for piece in source.pieces():
        held = decoder.getstate()[0]
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            return _Bad(line + (held + piece).count(b"\n", 0, error.start), (held + piece)[error.start])
        line += piece.count(b"\n")
    held = decoder.getstate()[0]
    return _Bad(line, held[0]) if held else None


def _eight_bits(source: Source, bad: _Bad) -> Encoding:
    if not _is_western(source):
        raise ImportFileError(
            f"line {bad.line}: the byte 0x{bad.byte:02x} is not UTF-8",
            hint="name the encoding: --encoding cp1252 for a file from a western Windows; --encoding utf-8 imports "
            "the readable rows and reports the others",
        )
    note = (
        f"line {bad.line} is not UTF-8; read as cp1252 (western Windows), which is the same for all its letters "
        "in the other encodings of Europe; use --encoding to say otherwise"
    )
    return Encoding("cp1252", (note,), _preview(source))


def _is_western(source: Source) -> bool:
    """Whether each byte above ASCII is a letter that Europe's encodings agree on, in a place where it can stand.

    So a German file from Excel is read without a question. A French or Danish one is not: its `è` is a Czech `č`.
    """
    tail = b""  # its last byte could not be judged without the next one
    for piece in source.pieces():
        together = tail + piece
        if b"\0" in piece or _misfits(together, max(0, len(tail) - 1), len(together) - 1):
            return False
        tail = together[-2:]
    return not _misfits(tail, max(0, len(tail) - 1), len(tail))


def _misfits(text: bytes, start: int, end: int) -> bool:
    fitting = {match.start() for match in _FITS.finditer(text)}
    return any(match.start() not in fitting for match in _ODD.finditer(text, start, end))


def _preview(source: Source) -> tuple[str, ...]:
    words: dict[str, None] = {}
    for piece in source.pieces():
        words.update((found.decode("cp1252", "replace"), None) for found in _WORD.findall(piece))
        if len(words) >= _MOST_PREVIEWED:
            break
    return tuple(words)[:_MOST_PREVIEWED]
