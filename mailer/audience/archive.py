"""ZIP files: what is inside, without unpacking anything to a disk, and no more of it than a list of people can be.

The names of the files are only shown, never used as paths. Sizes are checked before anything is inflated, and again
while it is: the directory of a hostile file says what its author likes.
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass

from mailer.audience.layout import Content
from mailer.audience.sources import Deflated, SeekableContent
from mailer.errors import ImportFileError
from mailer.wording import counted

MOST_FILES = 1000
MOST_BYTES = 1 << 30
# Text of people deflates to a third or a tenth. What shrinks more than this is no list.
MOST_RATIO, SMALL = 200, 1 << 20
_LONGEST_NAME = 100
_TABLES = (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson")
_PACKED = (".zip", ".gz", ".7z", ".rar", ".xz", ".bz2", ".tgz", ".tar")
_WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers", ".xlsm")
_LOCAL = struct.Struct("<4s22xHH")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a ZIP. `label` is its name as it may be shown."""

    label: str
    source: Deflated
    is_table: bool


def is_workbook(data: Content) -> bool:
    """Whether the ZIP is an Excel workbook."""
    return "xl/workbook.xml" in _directory(data)[1]


def check_other_kinds(data: Content) -> None:
    """ImportFileError for the other programs' files that are ZIPs inside."""
    names = _directory(data)[1]
    first = next(iter(names), "")
    hint = "Open it where it was made and save it as CSV (UTF-8) or XLSX, then import that."
    if "Index/Document.iwa" in names or "Index.zip" in names or any(name.endswith(".numbers/") for name in names):
        raise ImportFileError("this is a Numbers document, which cannot be read", hint=hint)
    if first == "mimetype" and "content.xml" in names:
        raise ImportFileError("this is an OpenDocument file (.ods), which cannot be read", hint=hint)
    if "word/document.xml" in names:
        raise ImportFileError("this is a Word document, which cannot be read", hint=hint)
    if "xl/workbook.bin" in names:
        raise ImportFileError("this is a binary Excel workbook (.xlsb), which cannot be read", hint=hint)


def members(data: Content) -> tuple[list[Member], list[str]]:
    """The tables inside, in order, and the names of what is left out. ImportFileError when the whole is suspicious."""
    infos, _ = _directory(data)
    files = [info for info in infos if not info.is_dir() and not _is_litter(info.filename)]
    check_sizes(files, MOST_BYTES)
    labels = _labels([info.filename for info in files])
    found, others = [], []
    for info, label in zip(files, labels, strict=True):
        ending = _ending(info.filename)
        if ending in _PACKED or ending in _WORKBOOKS:
            raise ImportFileError(
                f"{label} inside the ZIP file is itself packed or a workbook", hint="Unpack it and import each alone."
            )
        if ending in _TABLES:
            found.append(Member(label, inflated(data, info, label), ending not in (".txt", ".json")))
        else:
            others.append(label)
    if not found:
        raise ImportFileError("the ZIP file holds no CSV file", hint="Import the file itself, or pack CSV files.")
    return found, others


def check_sizes(files: list[zipfile.ZipInfo], most: int) -> None:
    """ImportFileError when there is more in it than a list can be, or it is not as its directory says."""
    if len(files) > MOST_FILES:
        raise ImportFileError(f"the ZIP file holds {counted(len(files), 'file')}; {MOST_FILES} are the most")
    total = sum(info.file_size for info in files)
    if total > most:
        raise ImportFileError(f"the ZIP file unpacks to {total >> 20} MB; {most >> 20} MB are the most")
    for info in files:
        if info.flag_bits & 0x41:
            raise ImportFileError(
                "the ZIP file has a password", hint="Unpack it with the password and import what is inside."
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ImportFileError(
                f"the ZIP file is packed in a way that cannot be read (method {info.compress_type})",
                hint="Unpack it and pack it again, or import the files inside.",
            )
        if info.file_size > SMALL and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            raise ImportFileError(
                "the ZIP file unpacks to far more than a list of people would: it is not opened",
                hint="If it is no trick, unpack it and import the files inside.",
            )


def inflated(data: Content, info: zipfile.ZipInfo, label: str) -> Deflated:
    """The bytes of one file in it."""
    start = info.header_offset
    header = bytes(data[start : start + _LOCAL.size]) if 0 <= start < len(data) else b""
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        raise _broken()
    _, name, extra = _LOCAL.unpack(header)
    begin = start + _LOCAL.size + name + extra
    if begin + info.compress_size > len(data):
        raise _broken()
    return Deflated(
        data,
        begin,
        info.compress_size,
        stored=info.compress_type == zipfile.ZIP_STORED,
        length=info.file_size,
        crc=info.CRC,
        name=label,
    )


def _broken() -> ImportFileError:
    return ImportFileError("the ZIP file is damaged", hint="Export or download it again.")


def _directory(data: Content) -> tuple[list[zipfile.ZipInfo], dict[str, zipfile.ZipInfo]]:
    try:
        with zipfile.ZipFile(SeekableContent(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, EOFError, NotImplementedError, MemoryError):
        raise _broken() from None
    return infos, {info.filename: info for info in infos}


def directory(data: Content) -> list[zipfile.ZipInfo]:
    """What is inside."""
    return _directory(data)[0]


def _is_litter(name: str) -> bool:
    """What a Macintosh or Windows adds by itself."""
    last = name.rpartition("/")[2]
    return name.startswith("__MACOSX/") or last in ("", ".DS_Store", "Thumbs.db", "desktop.ini") or last[:2] == "._"


def _ending(name: str) -> str:
    return "." + name.rpartition(".")[2].casefold() if "." in name else ""


def _labels(names: list[str]) -> list[str]:
    """The last part of each name, on one line; the whole where two would be the same."""
    short = [_shown(name.replace("\\", "/").rpartition("/")[2]) for name in names]
    labels: list[str] = []
    for name, label in zip(names, short, strict=True):
        chosen = label if short.count(label) == 1 else _shown(name)
        number, free = 1, chosen
        while free in labels:
            number += 1
            free = f"{chosen} ({number})"
        labels.append(free)
    return labels


def _shown(name: str) -> str:
    safe = "".join(letter if letter.isprintable() else "?" for letter in name)
    return safe if len(safe) <= _LONGEST_NAME else f"...{safe[-_LONGEST_NAME:]}"
