"""Reading who a provider does not mail any more: webhooks get lost, and its lists know.

A span of time is read in pages, and each page is in together with how far it was: killed anywhere, the next reading
goes on. Nothing is ever lifted, and what a person lifted here is not brought back by what was on the list before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection

from mailer.audience.suppressing import HASH, parse_value
from mailer.errors import ConfigError
from mailer.providers.protocol import Listed, ListedPage, SuppressionSource
from mailer.services.program import Program
from mailer.store import marks, reacting, suppressions
from mailer.store.marks import Mark
from mailer.store.suppressions import Suppression
from mailer.wording import counted

AGAIN: Final = timedelta(hours=1)
"""So much of what was read is read again: a provider's lists may know of things late."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What reading one list came to. `read`: entries; `new` were not suppressed before; `unreadable`: no addresses.

    `stopped`: the rest is read the next time.
    """

    name: str
    read: int = 0
    new: int = 0
    unreadable: int = 0
    stopped: bool = False

    def told(self) -> str:
        """One line for people."""
        more = f", {self.unreadable:,} that name no address" if self.unreadable else ""
        return f"{self.name}: {self.read:,} read, {self.new:,} new{more}{'; to be gone on with' * self.stopped}"


def never() -> bool:
    """Nobody asks to stop."""
    return False


def sync(
    program: Program, *, everything: bool = False, dry_run: bool = False, stop: Callable[[], bool] = never
) -> list[Synced]:
    """Suppress whom the provider does not mail. ConfigError for one that keeps no such lists.

    `everything`: from the beginning, and not from where the last reading ended. ProviderError when the provider cannot
    be asked; what was read until then is in.
    """
    provider = program.make_provider()
    try:
        if not isinstance(provider, SuppressionSource):
            raise ConfigError(
                f"the provider {provider.name} keeps no lists of suppressed addresses that could be read",
                hint="sendgrid does: name under [provider] in mailer.toml",
            )
        return [
            Reading(program, provider, name, dry_run=dry_run).done(everything=everything, stop=stop)
            for name in provider.suppression_lists
        ]
    finally:
        provider.close()


def summary(done: Sequence[Synced]) -> str:
    """The figures of all lists in a line."""
    new = counted(sum(each.new for each in done), "new suppression")
    return f"{counted(sum(each.read for each in done), 'entry', 'entries')} read, {new}"


class Reading:
    """One list of a provider, page by page."""

    def __init__(self, program: Program, source: SuppressionSource, name: str, *, dry_run: bool) -> None:
        self.program = program
        self.source = source
        self.name = name
        self.key = f"{source.name} {name}"
        self.dry_run = dry_run
        self.synced = Synced(name)

    def done(self, *, everything: bool, stop: Callable[[], bool]) -> Synced:
        """Read until the end of the list, or of time."""
        with self.program.store.read() as connection:
            known = marks.get(connection, self.key)
        mark = self.begin(known, everything=everything)
        while not stop():
            assert mark.reading_until is not None, "it was begun"
            since = mark.read_until - AGAIN if mark.read_until else None
            page = self.source.suppressed(self.name, since, mark.reading_until, mark.entries)
            after = replace(mark, entries=mark.entries + page.read)
            if page.last:
                after = Mark(read_until=mark.reading_until)
            if not self.keep(page, known, after):
                return replace(self.synced, stopped=True)
            known = mark = after
            if page.last:
                return self.synced
        return replace(self.synced, stopped=True)

    def begin(self, known: Mark, *, everything: bool) -> Mark:
        """Where to begin: in the middle of what was interrupted, or with what is new since the last reading."""
        if everything or self.dry_run:
            return Mark(None if everything else known.read_until, self.program.now())
        return known if known.reading_until else replace(known, reading_until=self.program.now(), entries=0)

    def keep(self, page: ListedPage, before: Mark, after: Mark) -> bool:
        """A page and how far that is, together; False when another process reads the same list and was faster."""
        now = self.program.now()
        entries, unreadable = self.entries(page.entries, now)
        if self.dry_run:
            with self.program.store.read() as connection:
                wanted = {each.value for each in self.allowed(connection, entries)}
                new = len(wanted - {each.value for each in suppressions.entries(connection, wanted)})
        else:
            with self.program.store.write() as connection:
                reacting.enter(connection)
                if not marks.put(connection, self.key, before, after, now):
                    return False
                new = suppressions.add_all(connection, self.allowed(connection, entries), now)
        one = self.synced
        self.synced = Synced(self.name, one.read + page.read, one.new + new, one.unreadable + unreadable)
        return True

    def entries(self, found: Sequence[Listed], now: datetime) -> tuple[list[Suppression], int]:
        """What is suppressed because of a page, and how many entries of it are no addresses."""
        made = list(self._made(found, now))
        return made, len(found) - len(made)

    def _made(self, found: Sequence[Listed], now: datetime) -> Iterator[Suppression]:
        for each in found:
            try:
                value = parse_value(each.email)
            except ValueError:
                continue
            # A list of addresses must not suppress a domain, nor somebody by a hash.
            if not value.startswith(("@", HASH)):
                note = f"on the list {self.name} of {self.source.name}" + (f": {each.note}" if each.note else "")
                yield Suppression(value, each.reason, note, created_at=min(each.at, now) if each.at else None)

    def allowed(self, connection: Connection, entries: Sequence[Suppression]) -> list[Suppression]:
        """Without those that a person let in again since."""
        lifts = reacting.lifted(connection, (each.value for each in entries))
        return [
            each
            for each in entries
            if (lifted := lifts.get(each.value)) is None or (each.created_at is not None and each.created_at > lifted)
        ]
