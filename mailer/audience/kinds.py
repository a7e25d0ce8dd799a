"""What kind of file this is, by its first bytes; the name only decides where they do not.

What people import instead of a table: https://en.wikipedia.org/wiki/List_of_file_signatures
"""

from __future__ import annotations

import re
from enum import StrEnum

from mailer.errors import ImportFileError


class Kind(StrEnum):
    """The kinds that can be read."""

    TEXT = "text"
    ZIP = "zip"
    GZIP = "gzip"
    JSON = "json"


_AS_CSV = "Open it where it was made and save it as CSV (UTF-8), then import that."
_UNPACK = "Unpack it and import what is inside."

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls), or a workbook with a password", _AS_CSV),
    (b"%PDF-", "a PDF", "Ask for the list as CSV or XLSX: a PDF has no rows and columns."),
    (b"{\\rtf", "a text document (RTF)", _AS_CSV),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an XZ archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (b"SQLite format 3\x00", "a SQLite database", "Export the table as CSV and import that."),
    (b"\x89PNG", "a picture", _AS_CSV),
    (b"\xff\xd8\xff", "a picture", _AS_CSV),
    (b"PAR1", "a Parquet file", "Export it as CSV and import that."),
)
_TEXTS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"\s*<(?:!doctype\s+html|html|table|head|body|meta)\b", re.IGNORECASE), "a web page (HTML)", _AS_CSV),
    (re.compile(rb"\s*<\?xml|\s*<[a-z]+[\s>]", re.IGNORECASE), "XML", _AS_CSV),
    (
        re.compile(rb"\s*BEGIN:VCARD", re.IGNORECASE),
        "a file of vCards",
        "Import it into an address book, export that as CSV, and import the CSV file.",
    ),
    (re.compile(rb"\s*BEGIN:VCALENDAR", re.IGNORECASE), "a calendar", "A calendar holds no subscribers."),
    (re.compile(rb"From \S+@?\S* .*\d{4}\r?\n"), "a mailbox (mbox)", "Export the addresses as CSV and import that."),
)
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\{\]])")


def kind_of(begin: bytes, size: int) -> Kind:
    """The kind of a file that begins with these bytes. ImportFileError says what it is when it cannot be read."""
    if not size:
        raise ImportFileError("the file is empty")
    if begin.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return Kind.ZIP
    if begin.startswith(b"\x1f\x8b"):
        return Kind.GZIP
    for signature, what, hint in _SIGNATURES:
        if begin.startswith(signature):
            raise ImportFileError(f"this is {what}, which cannot be read", hint=hint)
    for pattern, what, hint in _TEXTS:
        if pattern.match(begin.removeprefix(b"\xef\xbb\xbf")):
            raise ImportFileError(f"this is {what}, which cannot be read", hint=hint)
    if _JSON.match(begin):
        return Kind.JSON
    if not begin.strip(b"\0"):
        raise ImportFileError("the file holds nothing but zero bytes", hint="Copy or download it again.")
    return Kind.TEXT
