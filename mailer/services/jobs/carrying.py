"""Doing one job: it is claimed, done by its kind, and what came of it is written down in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import Final

from sqlalchemy.engine import Connection

from mailer.delivery.schedule import span_words
from mailer.errors import ConflictError, MailerError, SourceError, StoreError, StoreVersionError, WorkspaceError
from mailer.model import JobKind
from mailer.services.jobs.errand import Errand, Result, folder_of
from mailer.services.jobs.keeping import LEASE, Keeper
from mailer.services.program import Program
from mailer.store import jobs as stored
from mailer.store.jobs import PART, Job

# Each has a function `work(errand) -> Result`. Imported when a job of its kind comes.
KINDS: Final = {
    JobKind.IMPORT: "mailer.services.jobs.importing",
    JobKind.EVENTS: "mailer.services.jobs.reports",
    JobKind.SYNC: "mailer.services.jobs.syncing",
    JobKind.PRUNE: "mailer.services.jobs.pruning",
    JobKind.BOUNCES: "mailer.services.jobs.bounces",
    JobKind.SIGNUP: "mailer.services.jobs.signup",
    JobKind.SUPPRESSIONS: "mailer.services.jobs.suppressing",
}

BACK_OFF: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""How long a job waits after it could not be done for the first time, the second, and so on."""

MENDABLE = (ConflictError, SourceError, StoreError, WorkspaceError)
"""What may be otherwise in a while. Any other known error says that the job itself cannot be done."""


def carry(program: Program, job_id: int, owner: str, stop: Callable[[], bool]) -> str | None:
    """Do one job; what came of it, for the log. None when it was not ours to do, or is somebody else's by now.

    Raises StoreError when the database cannot be reached to write that down: the lease ends, and somebody goes on.
    """
    if stop():
        return None
    with program.store.write() as connection:
        # A name of its own for each claim: a job that was lost and taken again has another owner, also in one process.
        job = stored.claim(connection, job_id, f"{owner}.{token_hex(6)}", LEASE, program.now())
    if job is None:
        return None
    try:
        with Keeper(program, job) as keeper:
            result = _work(Errand(program, job, keeper.told, lambda: stop() or keeper.lost))
        return _written(program, job, result)
    except StoreVersionError:
        raise
    except MailerError as error:
        return _failed(program, job, error.message.splitlines()[0], mendable=isinstance(error, MENDABLE))
    except Exception as error:
        # A fault of the program. What it says may hold a row of somebody's file; what it is does not.
        return _failed(program, job, f"a fault of the program: {type(error).__name__}", mendable=True)
    finally:
        rmtree(folder_of(program, job.owner), ignore_errors=True)


def _work(errand: Errand) -> Result:
    module = import_module(KINDS[errand.job.kind])
    result: Result = module.work(errand)
    return result


def _written(program: Program, job: Job, result: Result) -> str | None:
    with program.store.write() as connection:
        now = program.now()
        if result.stopped:
            return _told(job, "laid down, to go on later") if _give_back(connection, job, now) else None
        if result.vanish:
            return _told(job, result.words) if stored.vanish(connection, job.id, job.owner or "") else None
        return _told(job, result.words) if _finish(connection, job, result, now) else None


def _give_back(connection: Connection, job: Job, now: datetime) -> bool:
    return stored.give_back(connection, job.id, job.owner or "", now)


def _finish(connection: Connection, job: Job, result: Result, now: datetime) -> bool:
    """One transaction: refused rows are kept, and that it is done."""
    owner = job.owner or ""
    if result.refused:
        # Whose job it is stands first: nothing is kept for one that is lost.
        if not stored.renew(connection, job.id, owner, LEASE, now):
            return False
        places = stored.keep(connection, job.id, [_portions(path) for path in result.refused])
        files = [
            {"name": path.name, "first": first, "parts": parts}
            for path, (first, parts) in zip(result.refused, places, strict=True)
        ]
        stored.set_arguments(connection, job.id, owner, {**job.arguments, "refused": files})
    return stored.finish(connection, job.id, owner, result.words, now)


def _portions(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART):
            yield part


def _failed(program: Program, job: Job, message: str, *, mendable: bool) -> str | None:
    """It waits for its next attempt, or for a person."""
    owner, now = job.owner or "", program.now()
    wait = BACK_OFF[job.attempts - 1] if mendable and job.attempts <= len(BACK_OFF) else None
    with program.store.write() as connection:
        if wait is None:
            ours = stored.give_up(connection, job.id, owner, message, now)
            after = f"mailer jobs retry {job.id} tries it again, mailer jobs drop {job.id} drops it"
        else:
            ours = stored.put_off(connection, job.id, owner, message, (now + wait, now))
            after = f"it is tried again in {span_words(wait)}"
    return _told(job, f"failed: {message}; {after}") if ours else None


def _told(job: Job, words: str) -> str:
    return f"job {job.id}, {job.kind.value}: {words}"
