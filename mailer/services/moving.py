"""Moving everything into another database, and this place with it.

At every moment one of the two may be used, or, killed between two commits, none until it is done again. The old one is
held from the first row to the last comparison; then it is shut in one transaction, and the new one is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy.engine import Connection

from mailer.errors import ConflictError, UsageError
from mailer.services import binding
from mailer.services.program import Program
from mailer.services.sending.boot import boot_id
from mailer.services.settings import without_password
from mailer.store import bindings, ledger, migrate, moving, moving_ready
from mailer.store.bindings import ARRIVING, MOVED, Binding
from mailer.store.database import Store, open_store
from mailer.store.moving_values import Tally

Progress = Callable[[int, float], None]
"""Hears how many rows have arrived, and what part of all that is."""


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table that is on both sides the same. `checksum` is empty where nothing was read yet."""

    name: str
    rows: int
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved, from where to where, and what a person has to do now. `begun`: rows of an earlier try."""

    source: str
    target: str
    tables: tuple[MovedTable, ...]
    rows: int
    begun: int
    dry_run: bool
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """From where to where. `url` is the new address as the program opens it."""

    url: str
    source: Binding
    target: Binding


def has_password(url: str) -> bool:
    """Whether an address says a secret, which a command line shows to everybody on the machine."""
    try:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return True
    return bool(parts.password) or any("password" in name.lower() for name in asked)


def move(program: Program, url: str, *, dry_run: bool = False, progress: Progress | None = None) -> Moved:
    """Carry everything into the database at `url`, compare both, and leave the old one shut.

    ConflictError where the old one is in use, or the new one has rows that are not of this move.
    """
    now = program.now()
    route = route_to(program, url, now)
    if dry_run:
        return tried(program, route, now)
    source = program.store
    with ExitStack() as held:
        leaving = held.enter_context(source.write())
        moving.hold(leaving)
        gone = at_rest(program, leaving, route, now)
        check_fits(leaving, route.url)
        target = held.enter_context(opened(route))
        begun = make_room(target, route, gone)
        counted = _Counted(leaving, progress)
        tallies = moving.carry(leaving, target, counted.more)
        with target.write() as arriving:
            finish(leaving, arriving, tallies, route)
            if not gone:
                moving.shut(leaving)
                bindings.bind(leaving, route.target.marked(MOVED), keep=False)
                leaving.commit()
    tables = tuple(MovedTable(name, each.rows, each.checksum) for name, each in tallies.items())
    return told(program, route, tables, begun, dry_run=False)


def route_to(program: Program, url: str, now: datetime) -> Route:
    """UsageError for an address that is none, or is the one of today."""
    if not url:
        raise UsageError("where to is not said", hint="--to postgresql://HOST/NAME, or sqlite:///FILE in the workspace")
    route = Route(
        program.workspace.database_url(url),
        replace(binding.here(program, now), bound_at=now),
        binding.place_of(program, url, now),
    )
    if route.source.identity == route.target.identity:
        raise UsageError("that is the database that is in use", hint="--to names another one.")
    return route


def at_rest(program: Program, leaving: Connection, route: Route, now: datetime) -> bool:
    """Whether an earlier try had shut the old one already; ConflictError when it is in use or not ours."""
    there = bindings.every(leaving)
    if any(each.moved for each in there):
        if [each.identity for each in there] != [route.target.marked(MOVED).identity]:
            binding.refuse_marked(there)
        return True
    binding.refuse_marked(there)
    if not binding.told(program, there, now).bound:
        raise ConflictError(
            f"this database is bound to {there[-1].label}, and this is {route.source.label}; a copy is not moved",
            hint="Move it from there. If it belongs here by now: mailer db bind",
        )
    ledger.sweep(leaving, now, boot_id())
    check_nobody_uses(leaving, now)
    return False


def check_nobody_uses(connection: Connection, now: datetime) -> None:
    """ConflictError when an issue is being sent, a job done, or `mailer work` runs."""
    if issues := moving_ready.busy_issues(connection, now):
        raise ConflictError(
            f"{', '.join(issues)} is being sent", hint=f"mailer pause {issues[0]}; after the move: mailer resume"
        )
    if hosts := moving_ready.live_workers(connection, now):
        raise ConflictError(
            f"mailer work runs on {', '.join(hosts)}",
            hint="Stop it there, and start it again with the new address when the move is done.",
        )
    if kinds := moving_ready.busy_jobs(connection, now):
        raise ConflictError(f"somebody is at work on a job: {', '.join(kinds)}", hint="Try again in a minute.")


@contextmanager
def opened(route: Route) -> Iterator[Store]:
    """The new database at the version of this program, its file made when it is missing."""
    with closing(open_store(route.url)) as target:
        with target.read() as connection:
            version = migrate.revision(connection, target.name)
        if version not in (None, migrate.REVISIONS[-1]):
            raise occupied(target.name, f"tables of version {version}")
        migrate.upgrade(target)
        yield target


def occupied(name: str, what: str) -> ConflictError:
    return ConflictError(
        f"{name} is not empty: it has {what}", hint="Name a new one. What is moved is never mixed with other rows."
    )


def check_fits(source: Connection, url: str) -> None:
    """ConflictError when the new database cannot keep what is in the old one; found before anything is carried."""
    if url.startswith("sqlite") or not (found := moving.unfit(source)):
        return
    words = ", ".join(f"{number:,} of {column}" for column, number in found.items())
    raise ConflictError(
        f"PostgreSQL cannot keep some values: {words}",
        hint="They hold the letter U+0000, or are longer than the column. Change or remove those rows first.",
    )


def make_room(target: Store, route: Route, gone: bool) -> int:
    """Mark an empty database as one that is being filled; how many rows of an earlier try are there."""
    mark = route.source.marked(ARRIVING)
    with target.write() as connection:
        # Who looks whether it is empty at the same moment waits.
        bindings.hold_places(connection)
        there = bindings.every(connection)
        if [each.identity for each in there] == [mark.identity]:
            return sum(moving.count(connection, shape) for shape in moving.shapes())
        if gone and any(each.identity == route.target.identity for each in there):
            raise ConflictError("everything was moved there already", hint="Set DATABASE_URL or [database] url to it.")
        refuse_filled(connection, target, there)
        bindings.bind(connection, mark, keep=False)
    return 0


def refuse_filled(connection: Connection, target: Store, there: list[Binding]) -> None:
    """ConflictError when it holds anything that did not come from here."""
    if any(each.arriving for each in there):
        raise ConflictError(f"{target.name} is being filled from {there[0].label}", hint="Name another one.")
    if filled := moving.filled(connection):
        raise occupied(target.name, f"rows in {', '.join(filled[:3])}{' and others' if len(filled) > 3 else ''}")


def finish(source: Connection, target: Connection, tallies: Mapping[str, Tally], route: Route) -> None:
    """Compare both, and let this place send from the new one. ConflictError when they differ, and neither changes."""
    if different := moving.finish(source, target, tallies):
        raise ConflictError(
            f"{', '.join(different)}: the rows that arrived are not those that left; the old database stays in use",
            hint="Run the command again: it carries what differs anew. If that goes on, look at the server and disks.",
        )
    bindings.bind(target, route.target, keep=False)


def tried(program: Program, route: Route, now: datetime) -> Moved:
    """What a move would do, or the error that it would end with, without changing anything."""
    begun = 0
    with program.store.read() as leaving:
        there = bindings.every(leaving)
        if not any(each.moved for each in there):
            binding.refuse_marked(there)
            check_nobody_uses(leaving, now)
        check_fits(leaving, route.url)
        if not is_missing(route.url):
            with closing(open_store(route.url)) as target:
                begun = looked_at(target, route)
        tables = tuple(MovedTable(shape.name, moving.count(leaving, shape)) for shape in moving.shapes())
    return told(program, route, tables, begun, dry_run=True)


def is_missing(url: str) -> bool:
    """Whether it is a file that would have to be made."""
    return url.startswith("sqlite") and not Path(url.partition(":///")[2].partition("?")[0]).exists()


def looked_at(target: Store, route: Route) -> int:
    """How many rows of an earlier try are there; ConflictError where a move would end with one."""
    with target.read() as connection:
        version = migrate.revision(connection, target.name)
        if version is None:
            return 0
        if version != migrate.REVISIONS[-1]:
            raise occupied(target.name, f"tables of version {version}")
        there = bindings.every(connection)
        if [each.identity for each in there] == [route.source.marked(ARRIVING).identity]:
            return sum(moving.count(connection, shape) for shape in moving.shapes())
        refuse_filled(connection, target, there)
    return 0


class _Counted:
    """How far it is, of all rows."""

    def __init__(self, source: Connection, progress: Progress | None) -> None:
        self._all = sum(moving.count(source, shape) for shape in moving.shapes()) if progress else 0
        self._progress, self._rows = progress, 0

    def more(self, rows: int) -> None:
        self._rows += rows
        if self._progress and rows:
            self._progress(self._rows, self._rows / max(self._all, 1))


def told(program: Program, route: Route, tables: tuple[MovedTable, ...], begun: int, *, dry_run: bool) -> Moved:
    rows = sum(table.rows for table in tables)
    return Moved(route.source.label, route.target.label, tables, rows, begun, dry_run, next_steps(program, route.url))


def next_steps(program: Program, url: str) -> tuple[str, ...]:
    """What a person has to do when everything is over there."""
    shown, default = without_password(url), program.workspace.database_url("sqlite:///mailer.db")
    from_environment = bool(program.environ.get("DATABASE_URL"))
    if url == default:
        first = "take DATABASE_URL out of the environment" if from_environment else "take url out of [database]"
    elif url.startswith("sqlite"):
        inside = url.replace(f":///{program.workspace.root}/", ":///")
        first = f'set [database] url = "{inside}" in mailer.toml'
        first += ", and take DATABASE_URL out of the environment" if from_environment else ""
    else:
        first = f"set DATABASE_URL to the new address, {shown}, for every process: commands, mailer work, web"
    if not url.startswith("sqlite"):
        elsewhere = ["on each other host that sends: mailer db bind --keep"]
    elif program.settings.work.engine != "local":
        elsewhere = ['set engine = "local" under [work]: a file is one host\'s']
    else:
        elsewhere = []
    return (
        first,
        "look whether it is used: mailer db status",
        *elsewhere,
        "go on with issues that were paused for this: mailer resume NAME",
        "keep the old database until you are sure, then delete it: it holds everybody's addresses",
    )
