"""The titles of a table: which line has them, which column holds the addresses, and what the others become."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailer.audience.address import parse_address
from mailer.audience.columns import folded, is_email_header
from mailer.audience.exporters import Exporter, exporter_of
from mailer.audience.layout import EMAIL, LEFT_OUT, Column, Told
from mailer.audience.mapping import column_at, table_columns, told_columns
from mailer.errors import ImportFileError, NoAddressColumnError

MOST_COLUMNS = 10_000
_HEADER_WITHIN = 5  # a sheet's title, a date, an empty row; further down it would be data
_NAMED_COLUMNS = 8
_SHOWN_ROWS = 5
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Found:
    """What the beginning of a table says. `state`: what is said of everybody in it, in words."""

    columns: tuple[Column, ...]
    has_header: bool
    exporter: Exporter | None
    state: str
    notes: tuple[str, ...]


def find_titles(rows: Sequence[Sequence[str]], file_name: str, told: Told, *, titled: bool = False) -> Found:
    """Read the first of these rows as titles, if it is that, or is known to be (`titled`).

    `file_name`: where some programs put the state.
    """
    if len(rows[0]) > MOST_COLUMNS:
        raise ImportFileError(f"the file has {len(rows[0])} columns; {MOST_COLUMNS} are the most that can be read")
    first = [cell.strip().lstrip("\ufeff") for cell in rows[0]]
    has_header = titled or holds_titles(first, told) or not any("@" in title for title in first)
    titles = first if has_header else [""] * max(map(len, rows))
    said = told_columns(told.mapping, titles)
    exporter = exporter_of([folded(title) for title in titles], file_name, told.exporter) if has_header else None
    email_at = _email_column(titles, rows[1:] if has_header else rows, exporter, said)
    if email_at is None:
        raise _no_address(titles, rows[1:] if has_header else rows)
    columns, notes = table_columns(titles, email_at, exporter, said)
    if not has_header:
        notes = _unnamed(columns)
    if exporter is None:
        return Found(columns, has_header, None, "", notes)
    keys = [folded(title) for title in titles]
    rule = exporter.rule(file_name, keys) if exporter.rule and exporter.by_file else None
    state = rule([""] * len(exporter.state_titles))[0] if rule else None
    return Found(columns, has_header, exporter, state or "", (*notes, *exporter.notes(file_name, keys)))


def holds_titles(row: Sequence[str], told: Told) -> bool:
    """Whether this row is one of titles: a known title of an address column, or titles that a person named."""
    if any(map(is_email_header, row)):
        return True
    named = [title for title in told.mapping if not title.isdecimal()]
    return bool(named) and any(column_at(title, [cell.strip() for cell in row]) is not None for title in named)


def rows_above(rows: Sequence[Sequence[str]], told: Told) -> int:
    """How many rows stand above the header, as the title of a sheet does: none of them may hold an address."""
    for at, cells in enumerate(rows[:_HEADER_WITHIN]):
        if any("@" in cell for cell in cells):
            break
        if holds_titles(cells, told):
            return at
    return 0


def address_column(rows: Iterable[Sequence[str]]) -> int | None:
    """The column in which most cells are addresses; at least one must be."""
    counts: dict[int, int] = {}
    for row in rows:
        for at, cell in enumerate(row):
            if "@" in cell and _is_address(cell):
                counts[at] = counts.get(at, 0) + 1
    return max(counts, key=lambda at: (counts[at], -at), default=None)


def _is_address(cell: str) -> bool:
    try:
        parse_address(cell)
    except ValueError:
        return False
    return True


def _email_column(
    titles: Sequence[str], rows: Sequence[Sequence[str]], exporter: Exporter | None, said: dict[int, str]
) -> int | None:
    if named := [at for at, name in said.items() if name == EMAIL]:
        return named[0]
    free = [at for at in range(len(titles)) if at not in said]
    if exporter:
        for at in free:
            if exporter.becomes.get(folded(titles[at])) == EMAIL:
                return at
    if (known := next((at for at in free if is_email_header(titles[at])), None)) is not None:
        return known
    found = address_column(rows)
    return found if found is not None and said.get(found) is None else None


def _no_address(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> NoAddressColumnError:
    listed = ", ".join(title[:_LONGEST_SHOWN] or "(empty)" for title in titles[:20])
    shown = [[cell[:_LONGEST_SHOWN] for cell in row] for row in rows[:_SHOWN_ROWS]]
    return NoAddressColumnError(
        "no column holds e-mail addresses",
        titles,
        shown,
        hint=f'name the column of the addresses: --map "TITLE=email"; titles found: {listed}',
    )


def _unnamed(columns: Sequence[Column]) -> tuple[str, ...]:
    """What to tell of a file without titles; nothing where the address is all there is."""
    named = [column.becomes for column in columns if column.becomes not in (EMAIL, LEFT_OUT)]
    if not named:
        return ()
    listed = ", ".join(named[:_NAMED_COLUMNS]) + (", ..." if len(named) > _NAMED_COLUMNS else "")
    called = f"the columns are called {listed}" if len(named) > 1 else f"the other column is called {listed}"
    return (f"no header line found: {called}; put names into the first line to use others",)
