"""Forgetting a person who asks for it: the database, the mails that the provider keeps, and what is out of reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mailer.audience.address import Address
from mailer.errors import NeedsAttention, NotFoundError
from mailer.model import How
from mailer.providers import KeepsMails, Provider
from mailer.services.confirmation_mail import BATCH_NAME
from mailer.services.program import Program
from mailer.services.recognising import Recogniser
from mailer.services.sending.access import provided
from mailer.store import erasing, jobs
from mailer.store.erasing import Traces
from mailer.wording import counted

# What is told of each table's rows.
WORDS = {
    "subscription_events": "line of the consent log",
    "confirmations": "mail that asked to confirm",
    "deliveries": "delivery",
    "engagements": "opening or click",
    "suppressions": "suppression",
    "suppression_events": "line of the suppressions' history",
}
PLURALS = {
    "subscription_events": "lines of the consent log",
    "confirmations": "mails that asked to confirm",
    "deliveries": "deliveries",
    "engagements": "openings and clicks",
    "suppression_events": "lines of the suppressions' history",
}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased, or with `dry_run` would be. `files`: mails that the provider kept.

    `again`: only the hash of the address was there. `purged`: what was deleted has left the database's files too.
    """

    dry_run: bool
    again: bool
    lists: tuple[str, ...]
    rows: Mapping[str, int]
    files: int
    purged: bool
    out_of_reach: tuple[str, ...]

    def summary(self) -> list[str]:
        """What happened, without the address."""
        if self.again:
            return ["forgotten already: only the keyed hash of the address is held, which keeps it out"]
        done = "would be erased" if self.dry_run else "erased"
        there = [counted(number, WORDS[name], PLURALS.get(name, "")) for name, number in self.rows.items() if number]
        on = f"on {', '.join(self.lists)}" if self.lists else "on no list"
        kept = "would be kept" if self.dry_run else "is kept"
        return [
            f"{done}: the person, {on}" + (f", with {', '.join(there)}" if there else ""),
            *([f"{done}: {counted(self.files, 'mail')} in files"] if self.files else []),
            f"a keyed hash of the address {kept}, so that no import brings it back",
            *(f"out of reach: {place}" for place in self.out_of_reach),
        ]

    def raise_for_traces(self) -> None:
        """NeedsAttention while the database's files still hold what was deleted."""
        if not self.purged:
            raise NeedsAttention(
                "erased, but another process is reading the database, whose journal still holds what was there",
                hint="When it is done, run the same command again.",
            )


def forget(program: Program, address: Address, *, dry_run: bool = False, how: How = How.COMMAND) -> Forgotten:
    """Erase everything personal. NotFoundError for somebody of whom nothing is held. `how` they asked for it."""
    hashed = recogniser(program)(address.key)
    with provided(program) as provider:
        if dry_run:
            with program.store.read() as connection:
                found = erasing.traces(connection, address.key, hashed)
            return told(program, provider, found, dry_run=True)
        files = 0
        with program.store.write() as connection:
            found = erasing.traces(connection, address.key, hashed)
            if not found.nothing:
                found = erasing.forget(connection, address.key, hashed, program.now(), how)
                # Before the commit: files that cannot be deleted leave everything as it was, to be tried again.
                files = erase_mails(provider, found)
        purged = program.store.purge(found.public_id)
        return told(program, provider, found, files=files, purged=purged)


def recogniser(program: Program) -> Recogniser:
    return Recogniser(program.workspace.key_file, program.environ)


def told(
    program: Program,
    provider: Provider,
    found: Traces,
    *,
    dry_run: bool = False,
    files: int = 0,
    purged: bool = True,
) -> Forgotten:
    if found.nothing and not found.forgotten:
        raise NotFoundError(
            "nothing is held about that address", hint="To keep it out all the same: mailer suppressions add -"
        )
    rows = {name: found.counts[name] for name in WORDS}
    places = () if found.nothing else out_of_reach(program, provider, found)
    return Forgotten(dry_run, found.nothing, found.lists, rows, files, purged, places)


def folders(found: Traces) -> dict[str, tuple[int, ...]]:
    """Under which name the provider got which mails."""
    return {**found.mails, **{BATCH_NAME.format(name): numbers for name, numbers in found.asks.items()}}


def erase_mails(provider: Provider, found: Traces) -> int:
    if not isinstance(provider, KeepsMails):
        return 0
    return sum(provider.erase(name, numbers) for name, numbers in folders(found).items())


def out_of_reach(program: Program, provider: Provider, found: Traces) -> tuple[str, ...]:
    """Where the person may still stand, for somebody to look."""
    places = [f"the backup {path}" for path in backups(program.workspace.backup_dir)]
    if not program.store.is_file:
        places.append("the server's own backups, and its files until it vacuums them")
    places.append("files that were exported or imported, and the refused rows beside them")
    with program.store.read() as connection:
        if files := jobs.holding_bytes(connection):
            named = ", ".join(map(str, files))
            places.append(f"the files of jobs and their refused rows (mailer jobs drop deletes one): {named}")
    if not isinstance(provider, KeepsMails) and folders(found):
        places.append(f"what {provider.name} keeps of the mails to them")
    return (*places, "the mails in their own mailbox")


def backups(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
