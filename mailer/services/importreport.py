"""What an import did, for people and as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mailer.audience.layout import LEFT_OUT, Part, Summary
from mailer.audience.rows import Row
from mailer.errors import NeedsAttention
from mailer.model import Attributes, SubscriptionState
from mailer.services.lists import ListFigures
from mailer.services.refusing import Refused
from mailer.store.admission import Admission
from mailer.wording import counted

KEPT_OUT = {
    Admission.UNSUBSCRIBED.value: "unsubscribed from this list",
    Admission.SUPPRESSED.value: "suppressed",
    # A keyed hash is all there is: it does not say which of the two it was.
    Admission.FORGOTTEN.value: "forgotten or known by another address now",
    "not_mailable": "not to be mailed, says the file",
}
NO_WAY_BACK = frozenset(list(KEPT_OUT)[:3])


@dataclass(frozen=True, slots=True)
class PartRead:
    """One table of the file: what each of its columns becomes, by title; `-` is left out."""

    name: str
    format: str
    exporter: str
    encoding: str
    delimiter: str
    columns: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, part: Part) -> PartRead:
        columns = tuple((column.title, column.becomes) for column in part.columns)
        return cls(part.name, part.format, part.exporter, part.encoding, part.delimiter, columns)

    def told(self) -> list[str]:
        """As lines."""
        name = f"{self.name}: " if self.name else ""
        mark = {"\t": "tab"}.get(self.delimiter, self.delimiter)
        how = [self.format, self.exporter, self.encoding, f"separated by {mark}" if mark else ""]
        lines = [name + ", ".join(word for word in how if word)]
        kept = [f"{title or '(no title)'} -> {becomes}" for title, becomes in self.columns if becomes != LEFT_OUT]
        lines.append(f"columns: {', '.join(kept)}")
        if left := [title for title, becomes in self.columns if becomes == LEFT_OUT]:
            lines.append(f"left out: {', '.join(left)}")
        return lines


@dataclass(frozen=True, slots=True)
class FileRead:
    """How the file was understood."""

    format: str
    exporter: str
    parts: tuple[PartRead, ...]

    @classmethod
    def of(cls, summary: Summary) -> FileRead:
        return cls(summary.format, summary.exporter, tuple(map(PartRead.of, summary.parts)))


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A row as it was understood."""

    line: int
    email: str
    attributes: Attributes
    tags: tuple[str, ...]
    said: str

    @classmethod
    def of(cls, row: Row) -> SampleRow:
        return cls(row.line, row.address.email, row.attributes, row.tags, row.said or (row.state or ""))


@dataclass(frozen=True, slots=True)
class Import:
    """What an import did, in rows; with `dry_run` what it would do. `after` is the list afterwards, or as it is.

    `rows` were read, each of them counted once. `duplicate`: their address stood in an earlier row. `banned`: the
    file says that they must not be mailed, and they are suppressed now. `resumed_at`: so many rows were in already.
    `done_before`: this file was imported then, and is only looked at.
    """

    list_name: str
    state: SubscriptionState
    update: str
    rows: int
    new: int
    updated: int
    unchanged: int
    duplicate: int
    banned: int
    kept_out: int
    kept_out_by: Mapping[str, int]
    refused: int
    rejected: tuple[Refused, ...]
    file: FileRead
    warnings: tuple[str, ...]
    resumed_at: int = 0
    stopped: bool = False
    dry_run: bool = False
    done_before: datetime | None = None
    rejected_files: tuple[Path, ...] = ()
    sample: tuple[SampleRow, ...] = ()
    after: ListFigures | None = field(default=None)

    @classmethod
    def of(cls, counts: Mapping[str, int], **values: Any) -> Import:
        """With the numbers of `counts`."""
        names = ("new", "updated", "unchanged", "duplicate", "banned", "refused")
        by = {name: counts[name] for name in KEPT_OUT if counts.get(name)}
        numbers: dict[str, Any] = {name: counts.get(name, 0) for name in names}
        return cls(kept_out=sum(by.values()), kept_out_by=by, **numbers, **values)

    def summary(self) -> list[str]:
        """The figures as sentences."""
        if self.done_before:
            when = f"{self.done_before:%Y-%m-%d %H:%M} UTC"
            return [f"{self.list_name}: this file was imported on {when} already; nothing was changed"]
        nothing = " (nothing was changed)" if self.dry_run else ""
        figures = f"{self.new:,} new, {self.updated:,} updated, {self.unchanged:,} unchanged"
        more = f", {self.duplicate:,} twice in the file" if self.duplicate else ""
        lines = [f"{self.list_name}{nothing}: {figures}{more}, {self.kept_out:,} kept out, {self.refused:,} refused"]
        if self.kept_out:
            reasons = ", ".join(f"{number:,} {KEPT_OUT[name]}" for name, number in self.kept_out_by.items())
            why = "; no import undoes that" if NO_WAY_BACK & self.kept_out_by.keys() else ""
            lines.append(f"kept out: {reasons}{why}")
        if self.banned:
            lines.append(f"{self.banned:,} suppressed on every list, because the file says that mail to them fails")
        if self.resumed_at:
            lines.append(f"went on after row {self.resumed_at:,}, up to which it was in before")
        if self.after is not None and not nothing:
            pending = self.after.counts[SubscriptionState.PENDING]
            waiting = f"; {pending:,} wait until they confirm" if pending else ""
            lines.append(f"{self.after.mailable:,} people on {self.list_name} can be mailed{waiting}")
        return lines

    def understood(self) -> list[str]:
        """How the file was read, as lines."""
        return [line for part in self.file.parts for line in part.told()]

    def raise_for_attention(self, command: str) -> None:
        """NeedsAttention when it was stopped, or rows were refused. `command` is what would go on."""
        if self.stopped:
            raise NeedsAttention(f"stopped after {counted(self.rows, 'row')}", hint=f"go on: {command}")
        if self.refused and self.done_before is None:
            would = "would be refused" if self.dry_run else "refused, all others are in"
            files = ", ".join(map(str, self.rejected_files))
            them = "it" if len(self.rejected_files) == 1 else "each of them"
            raise NeedsAttention(
                f"{counted(self.refused, 'row')} {would}", hint=f"Correct {files} and import {them}." if files else None
            )
