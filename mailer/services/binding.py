"""Which place may send from a database. A copy of it elsewhere must not: everybody would get their mails twice.

A place is a machine, a workspace's folder on it, and where its database is. The first one that sends is written into
the database itself, and goes with every copy; a copy finds itself in another place than that.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from mailer.errors import ConflictError
from mailer.services.program import Program
from mailer.store import bindings
from mailer.store.bindings import Binding
from mailer.store.database import Store

VARIABLE = "MAILER_IDENTITY"
"""Stands for the machine where machines come and go, as containers do. Never a setting of `mailer.toml`: that file is
copied with the folder."""

MOVED = "If it was moved, and nothing sends from the old place any more: mailer db bind"
ONE_MORE = "If this is one more host of several: mailer db bind --keep."

MACHINE_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@dataclass(frozen=True, slots=True)
class Bound:
    """What may send from a database. `bound`: this place may, or may as the first one that does."""

    here: str
    places: tuple[Binding, ...]
    bound: bool
    removed: tuple[Binding, ...] = ()

    @property
    def words(self) -> str:
        """For people, on one line."""
        if not self.places:
            return "no place yet; the first one that sends"
        if any(place.moved or place.arriving for place in self.places):
            return "nobody: " + "; ".join(map(marked_words, self.places))
        labels = ", ".join(place.label for place in self.places)
        return labels if self.bound else f"{labels}; not this place, {self.here}"


def marked_words(place: Binding) -> str:
    """What a mark in the place of a binding says."""
    if place.moved:
        return f"this database was moved on {place.bound_at:%Y-%m-%d} and is now at {place.label}"
    return f"this database is still being filled from {place.label}"


def refuse_marked(there: list[Binding]) -> None:
    """ConflictError where the database was moved away, or has not arrived yet."""
    for place in there:
        if place.moved:
            hint = "Set DATABASE_URL, or [database] url in mailer.toml, to the new one, and start what runs anew."
            raise ConflictError(f"{marked_words(place)}; nothing is sent from here any more", hint=hint)
        if place.arriving:
            hint = "Run the same `mailer db move` again over the old one: it goes on where it stopped."
            raise ConflictError(f"{marked_words(place)}; it cannot be used until all is here", hint=hint)


def refuse_arriving(store: Store) -> None:
    """ConflictError when the rows of this database are still arriving: a move that was interrupted goes on with what
    it finds, and what anybody wrote in between would be lost."""
    with store.read() as connection:
        refuse_marked([each for each in bindings.every(connection) if each.arriving])


def check_bound(program: Program) -> None:
    """ConflictError when the database belongs to another place; the first place that asks becomes its own."""
    place = here(program, program.now())
    with program.store.read() as connection:
        there = bindings.every(connection)
    if not there:
        with program.store.write() as connection:
            there = bindings.bind_first(connection, place)
    refuse_marked(there)
    if all(each.identity != place.identity for each in there):
        raise ConflictError(
            f"this database was bound to {there[-1].label} on {there[-1].bound_at:%Y-%m-%d} and is now at "
            f"{place.label}; a copy must not send",
            hint=MOVED if program.store.is_file else f"{ONE_MORE} {MOVED}",
        )


def show(program: Program) -> Bound:
    """Which places may send, without binding any."""
    with program.store.read() as connection:
        return told(program, bindings.every(connection), program.now())


def bind(program: Program, *, keep: bool = False, dry_run: bool = False) -> Bound:
    """Let this place send from now on, and the others no more unless they are kept.

    A database that was moved away is taken back by this, and may be written to again.
    """
    from mailer.store import moving

    place = here(program, program.now())
    with program.store.read() if dry_run else program.store.write() as connection:
        there = bindings.every(connection)
        refuse_marked([each for each in there if each.arriving])
        moved = any(each.moved for each in there)
        removed = [] if keep and not moved else [each for each in there if each.identity != place.identity]
        if dry_run:
            left = [each for each in there if each not in removed and each.identity != place.identity]
            return Bound(place.label, (*left, place), True, tuple(removed))
        if moved:
            moving.open_again(connection)
        removed = bindings.bind(connection, place, keep=keep and not moved)
        there = bindings.every(connection)
    return Bound(place.label, tuple(there), True, tuple(removed))


def told(program: Program, there: list[Binding], now: datetime) -> Bound:
    """How this place stands to the ones that are bound."""
    place = here(program, now)
    return Bound(place.label, tuple(there), not there or any(each.identity == place.identity for each in there))


def here(program: Program, now: datetime) -> Binding:
    """This place."""
    return place_of(program, program.settings.database.url, now)


def place_of(program: Program, url: str, now: datetime) -> Binding:
    """This place, if its database were the one at that address."""
    root, database = str(program.workspace.root), database_place(program, url)
    name = program.environ.get(VARIABLE, "").strip()
    parts = ("name", name) if name else ("machine", machine())
    identity = sha256("\0".join((*parts, root, database)).encode()).hexdigest()
    inside = database.removeprefix(f"{root}/")
    return Binding(identity, f"{name or platform.node() or 'host'}:{root} ({inside})", now)


def machine() -> str:
    """What tells this machine from others: the number its system was given when it was set up, else its name."""
    for file in MACHINE_FILES:
        try:
            if text := file.read_text(encoding="ascii", errors="replace").strip():
                return text
        except OSError:
            continue
    return platform.node()


def database_place(program: Program, url: str) -> str:
    """The database's file, or its server and name: nothing of who connects, and no password."""
    url = program.workspace.database_url(url)
    parts = urlsplit(url)
    if parts.scheme.startswith("sqlite"):
        return str(Path(url.partition(":///")[2].partition("?")[0]).resolve())
    asked = parse_qs(parts.query)
    host = asked.get("host", [unquote(parts.hostname or "")])[0] or program.environ.get("PGHOST", "")
    port = asked.get("port", [""])[0] or str(parts.port or program.environ.get("PGPORT", "") or 5432)
    return f"postgresql://{host}:{port}{unquote(parts.path)}"
