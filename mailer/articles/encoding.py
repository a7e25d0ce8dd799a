"""From the bytes of an XML document to its text, so that everything after this looks at the same characters."""

from __future__ import annotations

import codecs
import re
from email.message import Message

_DECLARATION = re.compile(r"<\?xml\b[^>]{0,300}\?>")
_DECLARED = re.compile(rb"""<\?xml\b[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)["']""")
_HEAD = 1_000
# Python decodes much more (UTF-7, EBCDIC, escapes); none of it is how feeds are written.
_OF_THE_WEB = re.compile(
    r"utf-8|utf-16(-[lb]e)?|ascii|iso8859-\d+|cp125\d|cp866|cp874|cp932|cp949|cp950|koi8-[ru]|mac-(roman|cyrillic)"
    r"|shift_jis\w*|euc_\w+|gb2312|gbk|gb18030|big5\w*"
)
# What the labels mean on the web (WHATWG Encoding): the larger sets that contain them.
_WIDER = {"ascii": "cp1252", "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932"}


class EncodingError(ValueError):
    """The document says that it is in an encoding which the web does not know."""


def xml_text(data: bytes, content_type: str = "") -> str:
    """The text of an XML document without its declaration, which names an encoding that is history then.

    A byte order mark counts most, then what the bytes can only be, then the server's charset, then the document's.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return _undeclared(data[len(mark) :].decode(encoding, "replace"))
    for start, encoding in ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be")):
        if data.startswith(start):
            return _undeclared(data.decode(encoding, "replace"))
    found = _DECLARED.search(data[:_HEAD])
    declared = _codec(found[1].decode("ascii")) if found else ""
    sent = _codec(charset_of(content_type))
    # Servers that say Latin-1 of everything are common; text that is valid UTF-8 is UTF-8 unless it says otherwise.
    first = ["utf-8"] if declared in ("", "utf-8") else []
    for encoding in (*first, sent, declared, "utf-8"):
        if encoding and not encoding.startswith("utf-16"):  # which would have shown above
            try:
                return _undeclared(data.decode(encoding))
            except UnicodeDecodeError:
                continue
    return _undeclared(data.decode("cp1252", "replace"))


def charset_of(content_type: str) -> str:
    """The charset of a content type, in lower case; empty when it names none."""
    header = Message()
    header["content-type"] = " ".join(content_type.split()) or "application/xml"
    return str(header.get_param("charset") or "").strip().lower()


def _codec(label: str) -> str:
    """Python's name of the encoding; empty for a label that nobody knows."""
    if not label:
        return ""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return ""
    except ValueError as exc:
        raise EncodingError(f"the encoding {label[:40]!r} is no name") from exc
    if not _OF_THE_WEB.fullmatch(name):
        raise EncodingError(f"the encoding {label[:40]!r} is not one that feeds are written in")
    return _WIDER.get(name, name)


def _undeclared(text: str) -> str:
    text = text.removeprefix("\ufeff").lstrip()
    # Some servers print a warning above it.
    return _DECLARATION.sub("", text[:_HEAD], count=1).lstrip() + text[_HEAD:]
