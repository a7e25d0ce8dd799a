"""Lists and issues by pages, for programs: what was sent, or is to be, and not the drafts that somebody writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mailer.errors import NotFoundError, UsageError
from mailer.model import IssueKind, IssueState
from mailer.services.lists import ListFigures, figures
from mailer.services.program import Program
from mailer.services.status import IssueFigures, IssueStory, figures_of, issue_story
from mailer.store import history, listing
from mailer.store import issues as stored
from mailer.wording import quoted, unknown

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page: so many, from the one after that name on."""

    limit: int
    after: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows. `next`: the name after which the next page begins; None: that was all."""

    rows: tuple[Row, ...]
    next: str | None


def lists_page(program: Program, wanted: Wanted) -> Page[ListFigures]:
    """Lists with their figures, by name."""
    names = [name for name in sorted(program.lists) if name > wanted.after]
    shown = names[: wanted.limit]
    with program.store.read() as connection:
        rows = tuple(figures(connection, program.lists[name], program.now()) for name in shown)
    return Page(rows, _next(shown, names))


def one_list(program: Program, name: str) -> ListFigures:
    """One list. NotFoundError for another name."""
    definition = program.list_named(name)
    with program.store.read() as connection:
        return figures(connection, definition, program.now())


def issues_page(
    program: Program, wanted: Wanted, state: IssueState | None = None, kind: IssueKind | None = None
) -> Page[IssueFigures]:
    """Issues with their figures, newest first."""
    with program.store.read() as connection:
        rows = listing.frozen_issues(connection, () if state is None else (state,), kind)
        names = [row.name for row in rows]
        if wanted.after:
            begin = _place(names, wanted.after) + 1
            rows, names = rows[begin:], names[begin:]
        shown = rows[: wanted.limit]
        reported = history.reported(connection, [row.id for row in shown])
        found = tuple(figures_of(connection, row, reported.get(row.id, {})) for row in shown)
    return Page(found, _next(names[: wanted.limit], names))


def one_issue(program: Program, name: str) -> IssueStory:
    """One issue. NotFoundError for another name, and for one that is still being written: it is nobody's yet."""
    with program.store.read() as connection:
        if stored.get(connection, name) is None:
            raise NotFoundError(unknown("issue", name, [row.name for row in stored.listing(connection)]))
    return issue_story(program, name)


def _place(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise UsageError(f"after: there is no issue {quoted(name)} among these")
    return names.index(name)


def _next(shown: Sequence[str], names: Sequence[str]) -> str | None:
    return shown[-1] if len(shown) < len(names) and shown else None
