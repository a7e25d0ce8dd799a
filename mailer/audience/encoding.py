"""Which encoding a subscriber file has. Only what the bytes prove is believed; everything else a person says.

Guessing by statistics called short Polish files Big5 and cp1252 ones cp1250, so nothing is guessed.
"""

from __future__ import annotations

import codecs
from contextlib import suppress

from mailer.errors import ImportFileError

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What people import instead of the CSV file: https://en.wikipedia.org/wiki/List_of_file_signatures
_NOT_TEXT = ((b"PK\x03\x04", "an Excel workbook or a ZIP file"), (b"\xd0\xcf\x11\xe0", "an old Excel workbook"))
_CHUNK = 1 << 20
_SAMPLE = 4096


def find_encoding(data: bytes, told: str | None = None) -> str:
    """The codec of the file: as told, else byte order mark, UTF-16 by its zero bytes, UTF-8. ImportFileError else."""
    for start, kind in _NOT_TEXT:
        if data.startswith(start):
            raise ImportFileError(f"this is {kind}, not CSV", hint="save it as CSV (UTF-8) and import that")
    if told:
        return _known(told)
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if wide := _wide(data[:_SAMPLE]):
        return wide
    bad = _first_bad(data)
    if bad is None:
        return "utf-8"
    line = data.count(b"\n", 0, bad) + 1
    raise ImportFileError(
        f"line {line}: the byte 0x{data[bad]:02x} is not UTF-8",
        hint="name the encoding: --encoding cp1252 for a file from a western Windows; --encoding utf-8 imports the "
        "readable rows and reports the others",
    )


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


def _first_bad(data: bytes) -> int | None:
    """Where the bytes stop being UTF-8. Piece by piece, so that a large file is not held twice."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _CHUNK):
        held = len(decoder.getstate()[0])
        piece = data[start : start + _CHUNK]
        try:
            decoder.decode(piece, final=start + _CHUNK >= len(data))
        except UnicodeDecodeError as error:
            return start - held + error.start
    return None
