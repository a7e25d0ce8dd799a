"""Importing a file of people onto a list: whole, with each refused row reported and every other one in.

The rows go in by chunks. A chunk is one transaction, and so is the word how far the import has come: whenever it is
cut off, running it again reads the file from its beginning, leaves alone what is in, and goes on. The end is the same.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from mailer.audience.layout import Told
from mailer.audience.reading import open_people
from mailer.errors import ConflictError
from mailer.model import ImportState
from mailer.services.importreport import FileRead, Import, SampleRow
from mailer.services.importrows import ROWS, People, Prepared
from mailer.services.lists import figures
from mailer.services.readahead import read_ahead
from mailer.services.subscribers import Entry
from mailer.store import consents, importing
from mailer.store import imports as stored
from mailer.store import lists as stored_lists
from mailer.store.admission import Update
from mailer.store.database import Store
from mailer.store.importing import Tally, Target
from mailer.store.imports import ImportRecord, NewImport

MAX_BYTES = 1 << 29
SAMPLE = 10


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on: is told the rows that are done and the part of the file, and may ask to stop between chunks."""

    progress: Callable[[int, float], None] = lambda rows, part: None
    stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Options:
    """`file` is where the bytes come from; refused rows are written beside it. `again`: also if it was done before."""

    told: Told = Told()  # noqa: RUF009 - frozen
    update: Update = Update.OVERWRITE
    tags: tuple[str, ...] = ()
    dry_run: bool = False
    again: bool = False
    file: Path | None = None
    watch: Watch = Watch()
    chunk: int = ROWS


@dataclass(slots=True)
class _Running:
    """An import under way: where it stands, and what its rows did."""

    store: Store
    entry: Entry
    people: People
    options: Options
    now: datetime
    number: int = 0
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    resumed_at: int = 0


def import_subscribers(store: Store, entry: Entry, data: bytes, options: Options, now: datetime) -> Import:
    """Imports the rows of a file. Raises ImportFileError when it cannot be read at all.

    The same file with the same options goes on where it was cut off. One that was finished is only looked at.
    """
    file = options.file
    people = People(open_people(data, file.name if file else "", options.told), entry.state, options.tags)
    people.name = file.name if file else ""
    running = _Running(store, entry, people, options, now)
    collects = gc.isenabled()
    # Rows refer to each other in no circle: looking for some among millions of them takes a tenth of the time.
    gc.disable()
    try:
        fingerprint = _fingerprint(data, entry, options)
        known = _known(store, fingerprint, options)
        before = known if known and known.state is ImportState.DONE and not options.again else None
        if options.dry_run or before:
            return _looked_at(running, before)
        _begin(running, fingerprint, known)
        return _carried_out(running)
    finally:
        people.refusals.close()
        if collects:
            gc.enable()


def imports_of(store: Store, list_name: str | None = None, limit: int | None = None) -> list[ImportRecord]:
    """The imports, newest first."""
    with store.read() as connection:
        return stored.newest(connection, list_name, limit)


def _known(store: Store, fingerprint: str, options: Options) -> ImportRecord | None:
    """The last import of this file; what is to be gone on with as it is when nobody else is at it."""
    with store.read() as connection:
        known = stored.latest(connection, fingerprint)
    if known is None or known.state is ImportState.DONE or options.dry_run:
        return known
    with store.write() as connection:
        return stored.held(connection, known.id)


def _fingerprint(data: bytes, entry: Entry, options: Options) -> str:
    """Names the bytes and everything that decides what becomes of them."""
    told = options.told
    said = [
        entry.definition.name, entry.state, entry.origin.words, entry.agreed_to_text, options.update, options.tags,
        options.file.name if options.file else "",
        told.encoding, told.delimiter, sorted(told.mapping.items()), told.sheet, told.exporter,
    ]  # fmt: skip
    digest = hashlib.sha256(data)
    digest.update(json.dumps(said).encode())
    return digest.hexdigest()


def _begin(running: _Running, fingerprint: str, known: ImportRecord | None) -> None:
    entry, now = running.entry, running.now
    if known and known.state is ImportState.RUNNING:
        running.number, running.rows, running.resumed_at = known.id, known.rows, known.rows
        running.counts.update(known.counts)
        return
    with running.store.write() as connection:
        list_id = stored_lists.ensure(connection, entry.definition)
        name = running.people.name or "standard input"
        running.number = stored.begin(connection, NewImport(list_id, name, fingerprint, entry.origin.words), now)


def _carried_out(running: _Running) -> Import:
    watch = running.options.watch
    stopped = False
    with read_ahead(running.people.chunks(running.rows, running.options.chunk)) as chunks:
        for prepared in chunks:
            _write(running, prepared)
            watch.progress(running.rows, prepared.read)
            if stopped := watch.stop():
                break
    if stopped:
        return _report(running, stopped=True)
    files = running.people.refusals.write(running.options.file)
    with running.store.write() as connection:
        importing.settle(connection)
        if not stored.finish(connection, running.number, running.rows, running.now):
            raise _another()
        return replace(
            _report(running), rejected_files=files, after=figures(connection, running.entry.definition, running.now)
        )


def _write(running: _Running, prepared: Prepared) -> None:
    """One transaction: the rows of a chunk, and that they are done."""
    running.people.refusals.check(running.options.file)
    rows = (running.rows, running.rows + prepared.rows)
    with running.store.write() as connection:
        if not stored.advance(connection, running.number, rows, running.now):
            raise _another()
        importing.prepare(connection)
        list_id = stored_lists.ensure(connection, running.entry.definition)
        origin = replace(running.entry.origin, words="", import_id=running.number)
        if running.entry.agreed_to_text:
            text = running.entry.definition.consent
            origin = replace(origin, consent_id=consents.ensure(connection, text, running.now))
        target = Target(list_id, origin, running.now, running.options.update)
        counts = _counts(running, prepared, importing.bring_in(connection, prepared.people, target))
        stored.count(connection, running.number, counts)
    running.rows, running.counts = rows[1], counts


def _looked_at(running: _Running, before: ImportRecord | None) -> Import:
    """What the import would do. Each chunk is looked at in a moment of its own: nobody has to wait."""
    watch = running.options.watch
    stopped = False
    with read_ahead(running.people.chunks(0, running.options.chunk)) as chunks:
        for prepared in chunks:
            with running.store.read() as connection:
                list_id = stored_lists.number(connection, running.entry.definition.name) or -1
                target = Target(list_id, running.entry.origin, running.now, running.options.update)
                found = importing.foresee(connection, prepared.people, target)
            running.counts = _counts(running, prepared, found)
            running.rows += prepared.rows
            watch.progress(running.rows, prepared.read)
            if stopped := watch.stop():
                break
    with running.store.read() as connection:
        after = figures(connection, running.entry.definition, running.now)
    sample = tuple(map(SampleRow.of, running.people.sample(SAMPLE))) if running.options.dry_run else ()
    return replace(
        _report(running, stopped=stopped), dry_run=running.options.dry_run, after=after, sample=sample,
        done_before=before.finished_at if before else None,
    )  # fmt: skip


def _counts(running: _Running, prepared: Prepared, tally: Tally) -> Counter[str]:
    found = Counter({str(name): number for name, number in tally.items() if number})
    found.update(refused=prepared.refused, not_mailable=prepared.not_mailable)
    return running.counts + found


def _report(running: _Running, stopped: bool = False) -> Import:
    summary = running.people.summary
    return Import.of(
        running.counts,
        list_name=running.entry.definition.name, state=running.entry.state, update=running.options.update.value,
        rows=running.rows, resumed_at=running.resumed_at, stopped=stopped,
        file=FileRead.of(summary), warnings=summary.notes, rejected=tuple(running.people.refusals.told),
    )  # fmt: skip


def _another() -> ConflictError:
    return ConflictError(
        "another process is importing this file at the same moment",
        hint="See how far it is: mailer subscribers imports",
    )
