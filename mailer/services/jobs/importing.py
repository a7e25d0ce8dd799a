"""A job that imports a file of people. Taken over, it goes on where it stopped, as the command does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from mailer.audience.layout import Told
from mailer.audience.reading import open_people
from mailer.model import How, SubscriptionState
from mailer.services.importreport import Import
from mailer.services.importrows import ROWS, People
from mailer.services.imports import Options, Watch, import_subscribers, imports_of
from mailer.services.jobs.errand import STOPPED, Errand, Result, folder_of, folders
from mailer.services.program import Program
from mailer.services.subscribers import Entry
from mailer.store import jobs as stored
from mailer.store.admission import Update
from mailer.store.subscriptions import Origin
from mailer.wording import counted
from mailer.workspace.signing import make_private

NAMELESS = "people"
"""What refused rows are called after that came from standard input."""


def work(errand: Errand) -> Result:
    """Import the file that was left with the job."""
    _clean(errand.program)
    make_private(errand.folder)
    entry, options, data = _entry(errand), _options(errand), errand.body()
    done = _imported(errand, entry, data, options)
    if done.stopped:
        return STOPPED
    words = "; ".join(_summary(errand, done))
    if not done.refused or _before(errand, done):
        return Result(words)
    files = done.rejected_files or _refused(errand, data, options)
    hint = f"mailer jobs show {errand.job.id} --refused FOLDER writes them out"
    return Result(f"{words}; {counted(done.refused, 'row')} refused: {hint}", refused=files)


def _imported(errand: Errand, entry: Entry, data: bytes, options: Options) -> Import:
    def imported(options: Options) -> Import:
        return import_subscribers(errand.program.store, entry, data, options, errand.program.now())

    if options.again and errand.job.attempts > 1:
        # Somebody died with this job, perhaps when all of the file was in.
        found = imported(replace(options, again=False))
        if not _before(errand, found):
            return found
    return imported(options)


def _before(errand: Errand, done: Import) -> bool:
    """Whether the file was imported before this job was left."""
    return done.done_before is not None and done.done_before < errand.job.created_at


def _summary(errand: Errand, done: Import) -> list[str]:
    """Where somebody died between the last row and the word that the job is done, what the import had written down."""
    if done.done_before is None or _before(errand, done):
        return done.summary()
    for record in imports_of(errand.program.store, done.list_name):
        if record.finished_at == done.done_before:
            said = {"list_name": done.list_name, "state": done.state, "update": done.update, "rows": record.rows}
            return Import.of(record.counts, **said, rejected=(), file=done.file, warnings=()).summary()
    return done.summary()


def _refused(errand: Errand, data: bytes, options: Options) -> tuple[Path, ...]:
    """The refused rows, from reading the file once more: it came without a name, or its import was finished before."""
    name = errand.job.arguments["file"]
    people = People(open_people(data, name, options.told), SubscriptionState.CONFIRMED)
    try:
        for _ in people.chunks(0, ROWS):
            continue
        return people.refusals.write(errand.folder / (name or NAMELESS))
    finally:
        people.refusals.close()


def _entry(errand: Errand) -> Entry:
    said = errand.job.arguments
    definition = errand.program.list_named(said["list"])
    text = said["consent_text"]
    if text is not None:
        # The text that stood there when somebody gave their word that these people agreed to it.
        definition = replace(definition, consent=text)
    origin = Origin(How.IMPORT, said["words"])
    return Entry(definition, SubscriptionState(said["state"]), origin, text is not None)


def _options(errand: Errand) -> Options:
    said: Mapping[str, Any] = errand.job.arguments
    return Options(
        Told(**said["told"]),
        Update(said["update"]),
        tuple(said["tags"]),
        again=said["again"],
        file=errand.folder / said["file"] if said["file"] else None,
        watch=Watch(lambda rows, part: errand.told(f"{rows:,} rows are done, {part:.0%} of the file"), errand.stop),
    )


def _clean(program: Program) -> None:
    """What processes of this host that were killed left behind: it may hold refused rows."""
    with program.store.read() as connection:
        held = {folder_of(program, owner) for owner in stored.owners(connection)}
    for folder in folders(program).glob("*"):
        if folder.is_dir() and folder not in held:
            rmtree(folder, ignore_errors=True)
