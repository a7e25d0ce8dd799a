"""CSV that a spreadsheet opens without running it, and that `subscribers import` reads back as it was.

A cell that begins with a sign of a formula is run by spreadsheets (CWE-1236). Such a text gets an apostrophe in
front, and so does a text that has apostrophes before such a sign: taking one away again always gives the original.
An address gets angle brackets instead, which every mail program reads, as an apostrophe is a letter of addresses.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from mailer.errors import ConflictError, WorkspaceError

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
ESCAPED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
# Without it Excel reads UTF-8 as the local code page and garbles every name that is not English.
MARK = "\ufeff"


def safe_text(value: Any) -> str:
    """The value as a cell that is no formula."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if FORMULA.match(text) else text


def original_text(cell: str) -> str:
    """What `safe_text` made the cell of."""
    return cell[1:] if ESCAPED.match(cell) else cell


def safe_address(text: str) -> str:
    """The address as a cell that is no formula."""
    return f"<{text}>" if FORMULA.match(text) and not set("<>") & set(text) else safe_text(text)


def csv_line(cells: Sequence[str]) -> str:
    """One record with its line end."""
    line = io.StringIO()
    # RFC 4180; Python quotes a lone CR or LF in a cell only when the line end contains it.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def write_private(path: Path, lines: Iterable[str], *, mark: bool = True) -> int:
    """Writes a new file that only its owner can read, and counts the lines. Nothing stays when it fails."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return fill(handle, path, chain([MARK] if mark else [], lines)) - mark
    except FileExistsError:
        raise ConflictError(f"{path} exists already", hint="Name another file, or remove this one.") from None
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be written: {error.strerror}") from error


def fill(handle: int, path: Path, lines: Iterable[str]) -> int:
    number = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            for line in lines:
                file.write(line)
                number += 1
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return number
