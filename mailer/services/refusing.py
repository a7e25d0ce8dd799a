"""The rows of an import that were refused: counted, and written to a file beside the one they came from."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from mailer.audience.layout import EMAIL, Summary
from mailer.audience.ownfile import LINE_COLUMN, REASON_COLUMN, surplus_title
from mailer.audience.rows import RejectedRow
from mailer.errors import WorkspaceError
from mailer.services.spreadsheet import ESCAPED, csv_line, safe_address, safe_text, write_private

OWN = frozenset({LINE_COLUMN, REASON_COLUMN})
# So many are told one by one; all of them stand in the file.
MOST_TOLD = 100
IN_MEMORY = 1 << 20
PARTIAL = ".rejected.partial"
NOT_HERE = "Refused rows are written beside the file: copy it to a folder of yours, and import it there."


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was refused. `part` is the file inside a ZIP."""

    line: int
    reason: str
    part: str = ""

    def told(self) -> str:
        """As a sentence that repeats nothing of the row."""
        return f"{self.part + ', ' if self.part else ''}line {self.line}: {self.reason}"


class Refusals:
    """Collects refused rows in little memory: most of a file may be refused."""

    def __init__(self, summary: Summary) -> None:
        self.number = 0
        self.told: list[Refused] = []
        self._columns = {part.name: part.columns for part in summary.parts}
        self._in_zip = summary.is_archive
        self._rows: dict[str, IO[str]] = {}
        self._width: dict[str, int] = {}
        self._checked: set[str] = set()
        self._partials: set[Path] = set()

    def add(self, row: RejectedRow) -> None:
        """Put a row aside."""
        self.number += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(Refused(row.line, row.reason, row.part))
        if row.part not in self._rows:
            self._rows[row.part] = _spool()
        self._width[row.part] = max(self._width.get(row.part, 0), len(row.cells))
        csv.writer(self._rows[row.part]).writerow([row.line, row.reason, *row.cells])

    def write(self, file: Path | None) -> tuple[Path, ...]:
        """Write them beside `file`, those of each part of a ZIP file to a file of their own.

        A file of an interrupted run with the same rows is taken as it is; any other one stays, and gets company.
        """
        if file is None:
            return ()
        return tuple(self._write(self._beside(file, part), part) for part in self._rows)

    def check(self, file: Path | None) -> None:
        """WorkspaceError when they cannot be written there: found out before good rows of the same chunk are in."""
        if file is None:
            return
        # The thread that reads goes on adding.
        for part in set(self._rows) - self._checked:
            self._partial(self._beside(file, part))
            self._checked.add(part)

    def close(self) -> None:
        """Throw away what was collected."""
        for rows in self._rows.values():
            rows.close()
        for path in self._partials:
            path.unlink(missing_ok=True)

    def _beside(self, file: Path, part: str) -> Path:
        """The name that refused rows are called after: the file's, or that of the file inside the ZIP."""
        return file.with_name(part.replace("\\", "/").rpartition("/")[2] or "part") if self._in_zip else file

    def _write(self, file: Path, part: str) -> Path:
        partial = self._partial(file, self._lines(part))
        for path in _names(file):
            try:
                # Under its own name only when it is whole, and never over another file.
                os.link(partial, path)
                return path
            except FileExistsError:
                if path.is_file() and not path.is_symlink() and cmp(path, partial, shallow=False):
                    return path
            except OSError:
                # A file system without links.
                write_private(path, self._lines(part))
                return path
        raise AssertionError("names do not end")

    def _partial(self, file: Path, lines: Iterable[str] = ()) -> Path:
        """The file as far as it is written; what a run that was cut off left of it goes."""
        path = file.with_name(f"{file.name}{PARTIAL}")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be written: {error.strerror}", hint=NOT_HERE) from error
        self._partials.add(path)
        try:
            write_private(path, lines)
        except WorkspaceError as error:
            raise WorkspaceError(error.message, hint=NOT_HERE) from error
        return path

    def _lines(self, part: str) -> Iterator[str]:
        columns = self._columns.get(part, ())
        titles = [column.title or f"column {number}" for number, column in enumerate(columns, 1)]
        titles += [surplus_title(number) for number in range(1, self._width[part] - len(titles) + 1)]
        kept = [at for at, title in enumerate(titles) if title not in OWN]
        addresses = {at for at, column in enumerate(columns) if column.becomes == EMAIL}
        yield csv_line([LINE_COLUMN, REASON_COLUMN, *(safe_text(titles[at]) for at in kept)])
        rows = self._rows[part]
        rows.seek(0)
        for line, reason, *cells in csv.reader(rows):
            cells += [""] * (len(titles) - len(cells))
            yield csv_line([line, reason, *(_safe(cells[at], at in addresses) for at in kept)])


def _safe(cell: str, is_address: bool) -> str:
    """A cell that is no formula; what was made safe already stays as it is."""
    return cell if ESCAPED.match(cell) else safe_address(cell) if is_address else safe_text(cell)


def _spool() -> IO[str]:
    # The longest cell of a row is bounded where it is read.
    csv.field_size_limit(1 << 27)
    return SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", errors="surrogatepass", newline="")


def _names(file: Path) -> Iterator[Path]:
    """FILE.rejected.csv, and with numbers: somebody may be correcting the one that is there."""
    yield file.with_name(f"{file.name}.rejected.csv")
    number = 2
    while True:
        yield file.with_name(f"{file.name}.rejected-{number}.csv")
        number += 1
