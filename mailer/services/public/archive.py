"""The archive as anybody sees it: pages of issues, one issue, and the newest for programs that follow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from urllib.parse import quote

from mailer.errors import NotFoundError
from mailer.model import MailingList
from mailer.services.archiving import neutral_html
from mailer.services.program import Program
from mailer.store import archive as stored
from mailer.store import lists as stored_lists
from mailer.store.archive import Entry

PAGE = 20
MOST_PAGES = 500
NO_LIST = 0
KEPT = 32
"""So many pages of issues are kept ready: an issue is compiled anew each time otherwise."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of issues. `definition`: of the list that they went to; None: of any. `older`: there are more."""

    definition: MailingList | None
    entries: Sequence[Entry]
    number: int
    older: bool


def shelf(program: Program, list_name: str | None, number: int = 1) -> Shelf:
    """NotFoundError for a list without an archive, and behind the last page."""
    definition = None if list_name is None else program.lists.get(list_name)
    if list_name is not None and (definition is None or not definition.archive):
        raise NotFoundError("there is no such archive")
    if not 1 <= number <= MOST_PAGES:
        raise NotFoundError("there is no such page")
    with program.store.read() as connection:
        # Numbers of lists begin with 1: one that nobody ever was on has none, and no issues.
        list_id = None if definition is None else stored_lists.number(connection, definition.name) or NO_LIST
        found = stored.page(connection, list_id, PAGE + 1, (number - 1) * PAGE)
    if not found and number > 1:
        raise NotFoundError("there is no such page")
    return Shelf(definition, found[:PAGE], number, len(found) > PAGE)


def open_lists(program: Program) -> list[MailingList]:
    """The lists whose issues may be read, by title."""
    return sorted((each for each in program.lists.values() if each.archive), key=lambda each: each.title)


def issue_html(program: Program, name: str) -> tuple[str, str]:
    """One issue for everybody, and its language. NotFoundError for one that is not in the archive, or not sent yet."""
    base_url = program.settings.web.base_url
    with program.store.read() as connection:
        mark = stored.mark(connection, name)
        if mark is None:
            raise NotFoundError("there is no such issue")
        ready = _kept.get((mark, base_url))
        snapshot = stored.snapshot(connection, name) if ready is None else None
    if ready is None:
        assert snapshot is not None, "read in the same moment as its mark"
        ready = neutral_html(snapshot, base_url), str(snapshot["parts"]["language"])
        _kept.put((mark, base_url), ready)
    return ready


class _Kept:
    """Finished pages by the hash of what they are made of, so that none is ever out of date. Shared by threads."""

    def __init__(self) -> None:
        self._pages: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str]) -> tuple[str, str] | None:
        with self._lock:
            return self._pages.get(key)

    def put(self, key: tuple[str, str], page: tuple[str, str]) -> None:
        with self._lock:
            self._pages[key] = page
            while len(self._pages) > KEPT:
                self._pages.popitem(last=False)


_kept = _Kept()


def shelf_path(definition: MailingList | None) -> str:
    return "/archive" if definition is None else f"/archive/{definition.name}"


def issue_path(name: str) -> str:
    return f"/archive/issues/{quote(name, safe='')}"
