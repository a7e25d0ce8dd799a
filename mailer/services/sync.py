"""Bringing the articles of all sources into the store. A source that fails never stops another.

Each source is read in a thread (a network waits there) and saved by the calling thread (SQLite has one writer):
its articles and its validators in one transaction, so that a source whose bytes could not be parsed is asked for
them again next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from mailer.articles.source import Parsed
from mailer.errors import FetchError, MailerError
from mailer.model import SourceState
from mailer.services.concurrency import concurrently
from mailer.services.merging import merge_known
from mailer.services.sources import Reading, Source, read
from mailer.store import articles as stored_articles
from mailer.store import sources as stored_sources
from mailer.store.database import Store

WORKERS = 8
# A server may ask for patience (RFC 9110 §10.2.3), but not silence a source for good.
LONGEST_WAIT = timedelta(days=1)


class Status(StrEnum):
    READ = "read"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source. `detail` says why it was not read."""

    source: str
    status: Status
    new: int = 0
    changed: int = 0
    same: int = 0
    detail: str = ""
    hint: str = ""
    warnings: tuple[str, ...] = ()


def sync(store: Store, sources: Sequence[Source], now: datetime, *, asked: bool = False) -> Iterator[Outcome]:
    """Reads the sources at the same time and yields each outcome as it is saved.

    `asked`: a person named these sources, so one that was gone is tried again. An exception that is no
    MailerError is a fault of the program: it is raised, but only after every other source is saved.
    """
    with store.read() as connection:
        states = {source.name: stored_sources.state(connection, source.name) for source in sources}
    due = []
    for source in sources:
        if reason := not_due(states[source.name], now, asked):
            yield Outcome(source.name, *reason)
        else:
            due.append(source)
    yield from read_all(store, due, states, now)


def not_due(state: SourceState, now: datetime, asked: bool) -> tuple[Status, int, int, int, str] | None:
    """Why the source must not be asked now, as the first fields of its outcome."""
    if state.gone and not asked:
        return Status.GONE, 0, 0, 0, "it said that it is gone for good (410); name it to ask again"
    if state.not_before is not None and state.not_before > now:
        return Status.WAITING, 0, 0, 0, f"it asked to be left alone until {state.not_before:%Y-%m-%d %H:%M} UTC"
    return None


def read_all(
    store: Store, sources: Sequence[Source], states: Mapping[str, SourceState], now: datetime
) -> Iterator[Outcome]:
    faults: list[Exception] = []
    tasks = [partial(read, source, states[source.name], now) for source in sources]
    for number, answer in concurrently(tasks, WORKERS):
        source = sources[number]
        match answer:
            case MailerError():
                yield save_failure(store, source, states[source.name], answer, now)
            case Exception():
                faults.append(answer)
            case _:
                yield save(store, source, answer, now)
    if faults:
        raise faults[0]


def save(store: Store, source: Source, reading: Reading, now: datetime) -> Outcome:
    with store.write() as connection:
        stored_sources.save_state(connection, source.name, reading.state, None)
        if reading.state.gone:
            return Outcome(source.name, Status.GONE, detail="it is gone for good (410) and will not be asked again")
        if reading.parsed is None:
            return Outcome(source.name, Status.UNCHANGED)
        articles = merge_known(connection, reading.parsed.articles, source.foreign_tags)
        return outcome_of(source.name, reading.parsed, stored_articles.save(connection, articles, now))


def outcome_of(name: str, parsed: Parsed, counts: stored_articles.Saved) -> Outcome:
    return Outcome(name, Status.READ, counts.new, counts.changed, counts.same, warnings=parsed.warnings)


def save_failure(store: Store, source: Source, state: SourceState, error: MailerError, now: datetime) -> Outcome:
    """Keeps the validators of the last good answer, and the pause that the server asked for."""
    wait = error.retry_after if isinstance(error, FetchError) else None
    if wait:
        state = replace(state, not_before=now + min(timedelta(seconds=wait), LONGEST_WAIT))
    with store.write() as connection:
        stored_sources.save_state(connection, source.name, state, error.message)
    return Outcome(source.name, Status.FAILED, detail=error.message, hint=error.hint or "")
