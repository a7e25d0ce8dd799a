"""Looking at jobs, and what a person may do about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mailer.errors import ConflictError, NotFoundError
from mailer.model import JobKind, JobState
from mailer.services.program import Program
from mailer.store import jobs as stored
from mailer.store import workers
from mailer.store.jobs import Job
from mailer.workspace.writing import PRIVATE, make_folder, write_new


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as people see it. `what`: the file or the period; `worker`: who has it in hand."""

    id: int
    kind: JobKind
    what: str
    state: JobState
    attempts: int
    detail: str
    worker: str
    created_at: datetime
    due_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    refused: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Job) -> JobLine:
        return cls(
            job.id, job.kind, what(job), job.state, job.attempts, job.detail, (job.owner or "").rpartition(".")[0],
            job.created_at, job.due_at, job.updated_at, job.finished_at,
            tuple(each["name"] for each in job.arguments.get("refused", ())),
        )  # fmt: skip


def what(job: Job) -> str:
    """What the job is about, without anybody's data."""
    said: Mapping[str, Any] = job.arguments
    if job.kind is JobKind.IMPORT:
        return f"{said['file'] or 'standard input'} onto {said['list']}"
    # Of a job by the clock the period, which its key says after the kind.
    return said.get("provider") or (job.key or "").partition(" ")[2]


def listed(program: Program, state: JobState | None = None, limit: int | None = None) -> list[JobLine]:
    """The jobs, newest first."""
    with program.store.read() as connection:
        return [JobLine.of(job) for job in stored.newest(connection, state, limit)]


def shown(program: Program, number: int) -> JobLine:
    """One job. NotFoundError when there is none of that number."""
    return JobLine.of(_job(program, number))


def workers_at_work(program: Program) -> int:
    """How many processes of `mailer work` there are on all hosts."""
    now = program.now()
    with program.store.read() as connection:
        return sum(row.ended_at is None for row in workers.listed(connection, now - workers.SILENT))


def retry(program: Program, number: int) -> JobLine:
    """Have a job tried again that failed, or at once that waits."""
    before = _job(program, number).state
    with program.store.write() as connection:
        if not stored.retry(connection, number, program.now()):
            why = f"job {number} is done" if before is JobState.DONE else f"a worker has job {number} in hand"
            raise ConflictError(f"{why}; there is nothing to try again", hint=f"mailer jobs show {number}")
    return shown(program, number)


def drop(program: Program, number: int, *, dry_run: bool = False) -> JobLine:
    """Delete a job with its bytes; what it was. ConflictError while a worker has it."""
    job = JobLine.of(_job(program, number))
    held = ConflictError(
        f"a worker has job {number} in hand", hint=f"Wait for it, or stop that worker: mailer jobs show {number}"
    )
    if dry_run:
        with program.store.read() as connection:
            if not stored.may_drop(connection, number, program.now()):
                raise held
        return job
    with program.store.write() as connection:
        if not stored.drop(connection, number, program.now()):
            raise held
    return job


def write_refused(program: Program, number: int, folder: Path) -> tuple[Path, ...]:
    """Write the rows that an import refused into a folder, for their owner alone and over no other file."""
    job = _job(program, number)
    files = job.arguments.get("refused", ())
    if not files:
        raise NotFoundError(f"job {number} refused no rows")
    make_folder(folder)
    written = []
    for each in files:
        with program.store.read() as connection:
            data = b"".join(stored.kept(connection, number, each["first"], each["parts"]))
        written.append(write_new(folder / each["name"], data, PRIVATE))
    return tuple(written)


def _job(program: Program, number: int) -> Job:
    with program.store.read() as connection:
        job = stored.get(connection, number)
    if job is None:
        raise NotFoundError(f"there is no job {number}", hint="mailer jobs list; what ended a month ago is gone")
    return job
