"""The workers of all hosts as people see them, what waits for them, and what waits for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mailer.delivery.schedule import span_words
from mailer.services.program import Program
from mailer.store import backlog, doubts, workers
from mailer.store.backlog import IssueBacklog, JobBacklog, PausedIssue
from mailer.store.workers import SILENT, WorkerRow
from mailer.wording import counted

SHOWN: Final = timedelta(days=1)
"""A worker that fell silent is shown for so long, unless another one of its host has taken its place."""

SHOWN_GONE: Final = timedelta(minutes=10)
"""One that went in good order."""


class WorkerState(StrEnum):
    """`stalled`: killed, frozen, or cut off from the database. `gone`: in good order, or another took its place."""

    WORKING = "working"
    IDLE = "idle"
    STOPPING = "stopping"
    STALLED = "stalled"
    GONE = "gone"


ALIVE = frozenset({WorkerState.WORKING, WorkerState.IDLE, WorkerState.STOPPING})


@dataclass(frozen=True, slots=True)
class Worker:
    """One process. `since`: its start, or when it was last heard of if it is not there any more."""

    host: str
    process: int
    state: WorkerState
    since: datetime
    engine: str
    version: str
    threads: int
    busy: int
    issues: tuple[str, ...]
    batches: int
    mails: int
    batches_a_minute: int
    mails_a_minute: int
    provider: str = ""
    key: str = ""

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def label(self) -> str:
        return f"{self.host} (process {self.process})"


@dataclass(frozen=True, slots=True)
class Oldest:
    """What has waited longest for a worker."""

    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a worker would see to now, and what only a person can. `doubts`: mails that may have been sent."""

    issues: tuple[IssueBacklog, ...]
    to_begin: tuple[str, ...]
    jobs: JobBacklog
    oldest: Oldest | None
    doubts: int
    paused: tuple[PausedIssue, ...]

    @property
    def for_workers(self) -> bool:
        return self.oldest is not None


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that a person should see to, and what to do about it."""

    what: str
    advice: str


@dataclass(frozen=True, slots=True)
class Hosts:
    """Everything at one moment."""

    at: datetime
    hosts: int
    workers: tuple[Worker, ...]
    batches_a_minute: int
    mails_a_minute: int
    versions: tuple[str, ...]
    engines: tuple[str, ...]
    waiting: Waiting
    attention: tuple[Attention, ...]

    @property
    def alive(self) -> tuple[Worker, ...]:
        return tuple(worker for worker in self.workers if worker.alive)


def hosts(program: Program, only_host: str = "") -> Hosts:
    """How the workers stand, all of them or those of one host."""
    now = program.now()
    with program.store.read() as connection:
        rows = workers.listed(connection, now - SHOWN)
        waiting = _waiting(
            backlog.sending(connection, now),
            backlog.to_begin(connection, now),
            backlog.of_jobs(connection, now),
            sum(doubt.people for doubt in doubts.listing(connection) if not doubt.busy),
            backlog.paused(connection),
        )
    found = [worker for worker in seen(rows, now) if only_host in ("", worker.host)]
    alive = [worker for worker in found if worker.alive]
    return Hosts(
        at=now,
        hosts=len({worker.host for worker in alive}),
        workers=tuple(found),
        batches_a_minute=sum(worker.batches_a_minute for worker in alive),
        mails_a_minute=sum(worker.mails_a_minute for worker in alive),
        versions=tuple(sorted({worker.version for worker in alive})),
        engines=tuple(sorted({worker.engine for worker in alive})),
        waiting=waiting,
        attention=tuple(_nobody(alive, only_host) if only_host else _attention(found, waiting, now)),
    )


def seen(rows: Sequence[WorkerRow], now: datetime) -> list[Worker]:
    """Each worker with its state, in the order of the rows.

    A silent one counts as gone when its supervisor, or a person, has started another on its host since: one start
    stands for one.
    """
    starts: dict[str, list[datetime]] = {}
    for row in rows:
        starts.setdefault(row.host, []).append(row.started_at)
    found = []
    for row in rows:
        state = state_of(row, now)
        if state is WorkerState.STALLED:
            later = [start for start in starts[row.host] if start > row.seen_at]
            if later:
                starts[row.host].remove(later[0])
                state = WorkerState.GONE
        if state is not WorkerState.GONE or now - row.seen_at <= SHOWN_GONE:
            found.append(_worker(row, state))
    return found


def state_of(row: WorkerRow, now: datetime) -> WorkerState:
    """What one worker's last words say."""
    if row.ended_at is not None:
        return WorkerState.GONE
    if abs(now - row.seen_at) > SILENT:  # of the future: its clock was set back, and it has not spoken since
        return WorkerState.STALLED
    if row.stopping:
        return WorkerState.STOPPING
    return WorkerState.WORKING if row.busy else WorkerState.IDLE


def _worker(row: WorkerRow, state: WorkerState) -> Worker:
    alive = state in ALIVE
    return Worker(
        host=row.host,
        process=row.process,
        state=state,
        since=row.started_at if alive else row.seen_at,
        engine=row.engine,
        version=row.version,
        threads=row.threads,
        busy=row.busy if alive else 0,
        issues=row.issues,
        batches=row.batches,
        mails=row.mails,
        batches_a_minute=row.batches_a_minute if alive else 0,
        mails_a_minute=row.mails_a_minute if alive else 0,
        provider=row.provider,
        key=row.key,
    )


def _waiting(
    sending: list[IssueBacklog],
    to_begin: list[tuple[str, datetime]],
    jobs: JobBacklog,
    open_doubts: int,
    paused: list[PausedIssue],
) -> Waiting:
    waits = [Oldest(f"a batch of {issue.name}", issue.since) for issue in sending if issue.since]
    waits += [Oldest(f"{name}, which is to begin", since) for name, since in to_begin]
    waits += [Oldest("a job", jobs.since)] if jobs.since else []
    return Waiting(
        issues=tuple(sending),
        to_begin=tuple(name for name, _ in to_begin),
        jobs=jobs,
        oldest=min(waits, key=lambda each: each.since, default=None),
        doubts=open_doubts,
        paused=tuple(paused),
    )


def _attention(found: Sequence[Worker], waiting: Waiting, now: datetime) -> Iterator[Attention]:
    """What a person should see to, the most urgent first."""
    # A `mailer send` at somebody's terminal has no heart, but what it holds shows that it is there.
    sender = any(worker.alive for worker in found) or any(issue.in_hand for issue in waiting.issues)
    if waiting.for_workers and not sender:
        yield Attention("work waits and no worker is there", "start one: mailer work")
    yield from _not_alike([worker for worker in found if worker.alive])
    for worker in found:
        if worker.state is WorkerState.STALLED:
            silent = span_words(now - worker.since) or "some seconds"
            yield Attention(
                f"{worker.label} has been silent for {silent}",
                "others take over what it had; look at that host, and start it again: mailer work",
            )
    for issue in waiting.paused:
        yield Attention(
            f"{issue.name} is paused" + (f": {issue.reason}" if issue.reason else ""),
            f"mailer resume {issue.name} goes on with it, mailer cancel {issue.name} drops it",
        )
    if waiting.jobs.failed:
        yield Attention(f"{counted(waiting.jobs.failed, 'job')} failed", "mailer jobs list --state failed")
    if waiting.doubts:
        yield Attention(f"{counted(waiting.doubts, 'mail')} in doubt", "mailer doubts list")


def _not_alike(alive: Sequence[Worker]) -> Iterator[Attention]:
    """Any of them may send any batch, so what readers notice must not depend on which one it was."""
    providers = {worker.provider for worker in alive} - {""}
    keys = {worker.key for worker in alive} - {""}
    if len(providers) > 1:
        yield Attention(
            f"workers send through different providers: {', '.join(sorted(providers))}",
            "stop those that are wrong, and give every host the same mailer.toml",
        )
    if len(keys) > 1:
        yield Attention(
            f"workers sign links with different keys: {', '.join(sorted(keys))}",
            "give every host the same MAILER_SECRET_KEY; mailer keys list names a host's own",
        )


def _nobody(alive: Sequence[Worker], host: str) -> Iterator[Attention]:
    if not alive:
        yield Attention(f"no worker is there on {host}", "start one: mailer work")
