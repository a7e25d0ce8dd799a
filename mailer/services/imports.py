"""Importing a CSV file onto a list: whole, or with each refused row reported and every other one in.

One transaction holds the import. The refused rows are written beside the file before it is committed, so that
there is no moment in which the good rows are in and the bad ones are nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from os.path import lexists
from pathlib import Path

from mailer.audience.csvfile import Layout, RejectedRow, Row, read_layout, read_rows
from mailer.errors import NeedsAttention
from mailer.model import SubscriptionState
from mailer.services.lists import ListFigures, figures
from mailer.services.spreadsheet import csv_line, original_text, safe_address, safe_text, write_private
from mailer.services.subscribers import Entry
from mailer.store import lists as stored_lists
from mailer.store import subscribers as stored
from mailer.store.database import Store
from mailer.wording import counted

MAX_BYTES = 1 << 29
# Columns that our own files have beside the attributes. They are read for what they mean and not kept.
STATE_COLUMN = "subscription_state"
LINE_COLUMN, REASON_COLUMN = "rejected_line", "rejected_reason"
OWN_COLUMNS = frozenset({STATE_COLUMN, LINE_COLUMN, REASON_COLUMN})


@dataclass(frozen=True, slots=True)
class Options:
    """`file` is where the bytes come from; refused rows are written beside it."""

    encoding: str | None = None
    dry_run: bool = False
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """What an import did, in rows; with `dry_run` what it would do. `after` is the list afterwards."""

    list_name: str
    state: SubscriptionState
    dry_run: bool
    new: int
    updated: int
    unchanged: int
    kept_out: int
    rejected: tuple[RejectedRow, ...]
    rejected_file: Path | None
    after: ListFigures
    warnings: tuple[str, ...]

    def summary(self) -> list[str]:
        """The figures as sentences."""
        begin = f"{self.list_name} (nothing was changed)" if self.dry_run else self.list_name
        figures = f"{self.new} new, {self.updated} updated, {self.unchanged} unchanged"
        lines = [f"{begin}: {figures}, {self.kept_out} kept out, {len(self.rejected)} refused"]
        if self.kept_out:
            lines.append("kept out: they unsubscribed or are suppressed, and no import undoes that")
        pending = self.after.counts[SubscriptionState.PENDING]
        waiting = f"; {pending} wait until they confirm" if pending else ""
        return [*lines, f"{self.after.mailable} people on {self.list_name} can be mailed{waiting}"]

    def raise_for_rejected(self) -> None:
        """NeedsAttention when rows were refused."""
        if self.rejected:
            raise NeedsAttention(
                f"{counted(len(self.rejected), 'row')} refused, all others are in"
                if not self.dry_run
                else f"{counted(len(self.rejected), 'row')} would be refused",
                hint=f"Correct {self.rejected_file} and import it." if self.rejected_file else None,
            )


class _DryRun(Exception):
    """Ends the transaction of a dry run."""


def import_subscribers(store: Store, entry: Entry, data: bytes, options: Options, now: datetime) -> Import:
    """Imports the rows of a CSV file. Raises ImportFileError when it cannot be read at all."""
    layout = read_layout(data, encoding=options.encoding)
    rejected: list[RejectedRow] = []
    rows = people(data, layout, entry, rejected)
    done: Import | None = None
    try:
        with store.write() as connection:
            number = stored_lists.ensure(connection, entry.definition)
            counts = stored.upsert(connection, number, rows, entry.origin, now)
            done = Import(
                entry.definition.name, entry.state, options.dry_run,
                counts.new, counts.updated, counts.unchanged, counts.kept_out,
                tuple(rejected), None, figures(connection, entry.definition), layout.notes,
            )  # fmt: skip
            if options.dry_run:
                raise _DryRun
            done = replace(done, rejected_file=write_rejected(options.file, layout, rejected))
    except _DryRun:
        pass
    assert done is not None
    return done


def people(data: bytes, layout: Layout, entry: Entry, rejected: list[RejectedRow]) -> Iterator[stored.NewSubscriber]:
    """The good rows; the others are put aside in `rejected`."""
    for row in read_rows(data, layout):
        if isinstance(row, RejectedRow):
            rejected.append(row)
        else:
            attributes = {name: original_text(text) for name, text in row.attributes.items() if name not in OWN_COLUMNS}
            yield stored.NewSubscriber(row.address, attributes, row_state(row, entry.state))


def row_state(row: Row, state: SubscriptionState) -> SubscriptionState:
    """The state for a row. One of our own exports may only lower it: a file is no proof of consent."""
    match row.attributes.get(STATE_COLUMN):
        case SubscriptionState.UNSUBSCRIBED:
            return SubscriptionState.UNSUBSCRIBED
        case SubscriptionState.PENDING:
            return SubscriptionState.PENDING
    return state


def write_rejected(file: Path | None, layout: Layout, rejected: list[RejectedRow]) -> Path | None:
    """Writes the refused rows with their lines and reasons to a new file beside `file`."""
    if file is None or not rejected:
        return None
    path = free_path(file)
    write_private(path, rejected_lines(layout, rejected))
    return path


def free_path(file: Path) -> Path:
    """FILE.rejected.csv, with a number where there is one: somebody may be correcting it."""
    path, number = file.with_name(f"{file.name}.rejected.csv"), 1
    while lexists(path):
        number += 1
        path = file.with_name(f"{file.name}.rejected-{number}.csv")
    return path


def rejected_lines(layout: Layout, rejected: list[RejectedRow]) -> Iterator[str]:
    known = [name for name in layout.columns if name not in OWN_COLUMNS]
    width = max([len(layout.columns), *(len(row.cells) for row in rejected)])
    extra = [f"extra_{number}" for number in range(1, width - len(layout.columns) + 1)]
    yield csv_line([LINE_COLUMN, REASON_COLUMN, *known, *extra])
    for row in rejected:
        cells = [*row.cells, *[""] * (width - len(row.cells))]
        named = zip([*layout.columns, *extra], cells, strict=True)
        kept = [
            safe_address(cell) if name == "email" else safe_text(cell)
            for name, cell in named
            if name not in OWN_COLUMNS
        ]
        yield csv_line([str(row.line), row.reason, *kept])
