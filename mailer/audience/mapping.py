"""What each column of a table becomes: by its title, by the program that exported it, by a person's word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mailer.audience.columns import attribute_name, folded, map_columns
from mailer.audience.exporters import OWN, Exporter
from mailer.audience.layout import EMAIL, LEFT_OUT, MERGED, NO_ATTRIBUTE, STATE, SURPLUS, TAGS, Column
from mailer.audience.ownfile import (
    JOINED_COLUMN,
    LINE_COLUMN,
    MERGED_COLUMN,
    REASON_COLUMN,
    STATE_COLUMN,
    TAKEN,
    is_surplus,
)
from mailer.errors import UsageError
from mailer.wording import quoted, unknown

# What our own reports of refused rows have beside the cells: read for nothing, and not kept.
_OWN_REPORT = frozenset(map(folded, (LINE_COLUMN, REASON_COLUMN)))
OWN_TITLES = {STATE_COLUMN: STATE, JOINED_COLUMN: LEFT_OUT, MERGED_COLUMN: MERGED}


def column_at(title: str, titles: Sequence[str]) -> int | None:
    """The column that a person means: by its title as it is, by its number, by its title whatever its case."""
    if title in titles:
        return titles.index(title)
    if title.isdecimal() and 1 <= int(title) <= len(titles):
        return int(title) - 1
    alike = [at for at, found in enumerate(titles) if found and folded(found) == folded(title)]
    return alike[0] if alike else None


def told_columns(mapping: Mapping[str, str], titles: Sequence[str]) -> dict[int, str]:
    """What a person said of columns of this table. UsageError where that cannot be."""
    told: dict[int, str] = {}
    for title, wanted in mapping.items():
        at = column_at(title, titles)
        if at is None:
            continue
        if at in told:
            raise UsageError(f"--map names column {at + 1} twice")
        told[at] = _target(wanted)
    names = [name for name in told.values() if name not in (TAGS, LEFT_OUT)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--map puts two columns into {quoted(twice)}", hint='only "tags" can be several')
    return told


def check_told(mapping: Mapping[str, str], tables: Iterable[Sequence[str]]) -> None:
    """UsageError when a title that a person named stands in none of the tables."""
    known = [list(titles) for titles in tables]
    for title in mapping:
        if all(column_at(title, titles) is None for titles in known):
            listed = dict.fromkeys(found for titles in known for found in titles if found)
            raise UsageError(unknown("column", title, listed), hint="or name its number, counted from 1")


def _target(wanted: str) -> str:
    if wanted in (EMAIL, TAGS, LEFT_OUT):
        return wanted
    name = attribute_name(wanted)
    if not name or name in TAKEN - {EMAIL}:
        raise UsageError(
            f"--map cannot call a column {quoted(wanted)}",
            hint='a name of letters, digits and underscores, "email", "tags", or "-" to leave it out',
        )
    return TAGS if name == TAGS else EMAIL if name == EMAIL else name


def table_columns(
    titles: Sequence[str], email_at: int, exporter: Exporter | None, told: Mapping[int, str]
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """What each column becomes, and a note on each title that had to change."""
    names, notes = map_columns(titles, email_at)
    if exporter is OWN:
        becomes, notes = _own_columns(titles, email_at), ()
    else:
        becomes = [_by_title(folded(title), at == email_at, names[at], exporter) for at, title in enumerate(titles)]
    if set(map(folded, titles)) >= _OWN_REPORT:
        becomes = [SURPLUS if is_surplus(title) else name for title, name in zip(titles, becomes, strict=True)]
    taken = {name for name in told.values() if name not in NO_ATTRIBUTE}
    seen: set[str] = set()
    for at, name in enumerate(becomes):
        wanted = told.get(at)
        if wanted is None and name not in NO_ATTRIBUTE:
            while name in taken or name in seen:
                name = f"{name}_2"
            seen.add(name)
        becomes[at] = name if wanted is None or at == email_at else wanted
    return tuple(Column(title, name) for title, name in zip(titles, becomes, strict=True)), notes


def _own_columns(titles: Sequence[str], email_at: int) -> list[str]:
    """Our own titles are the names of attributes: one that is called "nom" or "labels" was meant so."""
    names = [attribute_name(title) or f"column_{at}" for at, title in enumerate(titles, 1)]
    names = [OWN_TITLES.get(name) or (f"imported_{name}" if name in TAKEN else name) for name in names]
    return [EMAIL if at == email_at else name for at, name in enumerate(names)]


def _by_title(title: str, is_email: bool, name: str, exporter: Exporter | None) -> str:
    if is_email:
        return EMAIL
    if title in _OWN_REPORT:
        return LEFT_OUT
    if exporter is None:
        return name
    if title in exporter.state_titles and not exporter.keeps_state and title not in exporter.becomes:
        return STATE
    found = exporter.becomes.get(title, name)
    return name if found == EMAIL else found
