"""What workers do beside sending: a row a job, whose state is the truth, and the bytes it works on.

Every step is a compare-and-set with the owner's name, so that any number of workers may try. Nothing here names a
person but the parts, which go when the job is done.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.address import parse_address
from mailer.model import JobKind, JobState
from mailer.store.database import insert_absent, insert_row
from mailer.store.tables import job_parts, jobs

PART = 1 << 20
"""So many bytes of a body in one row."""

MOST_CLAIMS = 20
"""So often a job is begun by workers that die of it before it waits for a person."""

LONGEST_LEASE = timedelta(hours=1)
"""A lease that ends later than that was given by a clock that is set back now."""

DIED = f"{MOST_CLAIMS} workers died while they had it"

FIRST_KEPT = -1
"""What a job leaves is numbered downwards from here, what it works on upwards from 0."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `detail`: how far it is or what came of it, in words."""

    id: int
    kind: JobKind
    key: str | None
    arguments: Mapping[str, Any]
    state: JobState
    due_at: datetime
    owner: str | None
    lease_until: datetime | None
    attempts: int
    detail: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


def add(
    connection: Connection,
    kind: JobKind,
    arguments: Mapping[str, Any],
    now: datetime,
    *,
    key: str | None = None,
    due_at: datetime | None = None,
    body: Iterable[bytes] = (),
) -> int | None:
    """Leave a job for whichever worker comes first; its number. None: one with this key is there already."""
    values = {
        "kind": kind, "key": key, "arguments": dict(arguments), "state": JobState.WAITING, "due_at": due_at or now,
        "attempts": 0, "detail": "", "created_at": now, "updated_at": now,
    }  # fmt: skip
    if key is None:
        number = insert_row(connection, jobs, values)
    elif not insert_absent(connection, jobs, values):
        return None
    else:
        number = connection.execute(sa.select(jobs.c.id).where(jobs.c.key == key)).scalar_one()
    _write_parts(connection, number, enumerate(_portions(body)))
    return number


def due(connection: Connection, now: datetime, most: int, kinds: Collection[JobKind] = tuple(JobKind)) -> list[int]:
    """The numbers of jobs that anybody may begin now: those whose worker died, then the others, oldest first.

    Two queries, so that each walks along the index and stops: a million posts may wait.
    """
    wanted = jobs.c.kind.in_(kinds) if len(kinds) < len(JobKind) else sa.true()
    died = sa.select(jobs.c.id).where(jobs.c.state == JobState.RUNNING, ~_held(now), wanted)
    found = list(connection.execute(died.order_by(jobs.c.due_at, jobs.c.id).limit(most)).scalars())
    waiting = sa.select(jobs.c.id).where(jobs.c.state == JobState.WAITING, _ready(now), wanted)
    waiting = waiting.order_by(jobs.c.due_at, jobs.c.id).limit(most - len(found))
    return [*found, *connection.execute(waiting).scalars()]


def claim(connection: Connection, job_id: int, owner: str, lease_seconds: float, now: datetime) -> Job | None:
    """Take a job that waits and is due, or whose owner's lease has ended; None when it is not to be had.

    One that killed worker after worker is given up instead.
    """
    wanted = sa.and_(jobs.c.id == job_id, _free(now))
    # Where rows are locked, one that somebody else is just taking is passed over.
    row = connection.execute(sa.select(jobs.c.attempts).where(wanted).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    if row.attempts >= MOST_CLAIMS:
        connection.execute(sa.update(jobs).where(wanted).values(**_ended(JobState.FAILED, DIED, now)))
        return None
    values = {"owner": owner, "lease_until": now + timedelta(seconds=lease_seconds), "attempts": row.attempts + 1}
    taken = connection.execute(
        sa.update(jobs).where(wanted).values(state=JobState.RUNNING, updated_at=now, finished_at=None, **values)
    )
    return get(connection, job_id) if taken.rowcount == 1 else None


def renew(connection: Connection, job_id: int, owner: str, lease_seconds: float, now: datetime) -> bool:
    """Extend the lease; False when the job is somebody else's by now, or gone.

    One that has ended may be extended as long as nobody took the job.
    """
    until = now + timedelta(seconds=lease_seconds)
    return _ours(connection, job_id, owner, {"lease_until": until, "updated_at": now})


def tell(connection: Connection, job_id: int, owner: str, detail: str, now: datetime) -> bool:
    """Write down how far it is."""
    return _ours(connection, job_id, owner, {"detail": detail, "updated_at": now})


def finish(connection: Connection, job_id: int, owner: str, detail: str, now: datetime) -> bool:
    """The job is done: its bytes go. False when it is somebody else's by now."""
    if not _ours(connection, job_id, owner, _ended(JobState.DONE, detail, now)):
        return False
    connection.execute(sa.delete(job_parts).where(job_parts.c.job_id == job_id, job_parts.c.number >= 0))
    return True


def vanish(connection: Connection, job_id: int, owner: str) -> bool:
    """The job is done, and nobody will ask for it: there may be a million a day of them."""
    query = sa.select(jobs.c.id).where(_owned(job_id, owner)).with_for_update()
    return _delete(connection, list(connection.execute(query).scalars())) == 1


def put_off(connection: Connection, job_id: int, owner: str, detail: str, times: tuple[datetime, datetime]) -> bool:
    """It could not be done now: it waits again. `times`: until when, and now."""
    due_at, now = times
    values = {"state": JobState.WAITING, "due_at": due_at, "owner": None, "lease_until": None, "detail": detail}
    return _ours(connection, job_id, owner, values | {"updated_at": now})


def give_back(connection: Connection, job_id: int, owner: str, now: datetime) -> bool:
    """A worker that was asked to stop lays it down: it may be begun at once, and this was no attempt."""
    values = {"state": JobState.WAITING, "due_at": jobs.c.created_at, "owner": None, "lease_until": None}
    return _ours(connection, job_id, owner, values | {"attempts": jobs.c.attempts - 1, "updated_at": now})


def give_up(connection: Connection, job_id: int, owner: str, detail: str, now: datetime) -> bool:
    """It is of no use to try again: it waits for a person, and keeps its bytes."""
    return _ours(connection, job_id, owner, _ended(JobState.FAILED, detail, now))


def retry(connection: Connection, job_id: int, now: datetime) -> bool:
    """A person wants a failed job to be tried again, or one that waits to be tried at once."""
    again = jobs.c.state.in_((JobState.FAILED, JobState.WAITING))
    values = {"state": JobState.WAITING, "due_at": now, "attempts": 0, "finished_at": None}
    return _changed(connection, sa.and_(jobs.c.id == job_id, again), values | {"updated_at": now})


def drop(connection: Connection, job_id: int, now: datetime) -> bool:
    """Delete a job with all its bytes; False while a worker has it, or when it is gone."""
    query = _not_held(job_id, now).with_for_update()
    return _delete(connection, list(connection.execute(query).scalars())) == 1


def may_drop(connection: Connection, job_id: int, now: datetime) -> bool:
    """Whether `drop` would delete it."""
    return connection.execute(_not_held(job_id, now)).first() is not None


def _not_held(job_id: int, now: datetime) -> sa.Select[int]:
    return sa.select(jobs.c.id).where(jobs.c.id == job_id, ~_held(now))


def forget_old(connection: Connection, before: datetime, most: int = 1000) -> int:
    """Delete jobs that ended before that time, at most so many; how many."""
    query = sa.select(jobs.c.id).where(jobs.c.finished_at < before, jobs.c.state.in_(ENDED)).limit(most)
    return _delete(connection, list(connection.execute(query.with_for_update(skip_locked=True)).scalars()))


def erase_forms(connection: Connection, email_key: str, now: datetime) -> int:
    """Delete the forms that wait, or could not be carried out, for this address; how many. They are read one by one:
    there are as many as people sent in a moment."""
    forms = sa.select(jobs.c.id).where(jobs.c.kind == JobKind.SIGNUP, ~_held(now))
    query = sa.select(job_parts.c.job_id, job_parts.c.body).where(job_parts.c.job_id.in_(forms))
    theirs = [row.job_id for row in connection.execute(query) if _address(row.body) == email_key]
    held = sa.select(jobs.c.id).where(jobs.c.id.in_(theirs), ~_held(now)).with_for_update()
    return _delete(connection, list(connection.execute(held).scalars())) if theirs else 0


def _address(form: bytes) -> str:
    try:
        return parse_address(json.loads(form)["email"]).key
    except (ValueError, LookupError, TypeError):
        return ""


ENDED = (JobState.DONE, JobState.FAILED)


def get(connection: Connection, job_id: int) -> Job | None:
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).first()
    return Job(*row) if row else None


def newest(connection: Connection, state: JobState | None = None, limit: int | None = None) -> list[Job]:
    """The jobs, newest first: in one state, or all."""
    query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(jobs.c.state == state)
    return [Job(*row) for row in connection.execute(query)]


def counts(connection: Connection) -> dict[JobState, int]:
    """How many there are in each state."""
    found = connection.execute(sa.select(jobs.c.state, sa.func.count().label("number")).group_by(jobs.c.state))
    return {row.state: row.number for row in found}


def owners(connection: Connection) -> frozenset[str]:
    """Who has a job in hand, or died with it."""
    query = sa.select(jobs.c.owner).where(jobs.c.state == JobState.RUNNING, jobs.c.owner.is_not(None))
    return frozenset(connection.execute(query).scalars())


def later(connection: Connection, job: Job) -> bool:
    """Whether there is a job of the same kind that the clock added after this one."""
    after = sa.and_(jobs.c.kind == job.kind, jobs.c.id > job.id, jobs.c.key.is_not(None))
    return connection.execute(sa.select(jobs.c.id).where(after).limit(1)).first() is not None


# --- bytes ------------------------------------------------------------------------------------------------------------


def body(connection: Connection, job_id: int) -> bytes:
    """What the job works on."""
    numbers = sa.select(job_parts.c.number).where(job_parts.c.job_id == job_id, job_parts.c.number >= 0)
    found = list(connection.execute(numbers.order_by(job_parts.c.number)).scalars())
    return b"".join(_part(connection, job_id, number) for number in found)


def kept(connection: Connection, job_id: int, first: int, number: int) -> Iterator[bytes]:
    """So many parts of what the job left, from the `first` on."""
    for place in range(first, first - number, -1):
        yield _part(connection, job_id, place)


def keep(connection: Connection, job_id: int, pieces: Sequence[Iterable[bytes]]) -> list[tuple[int, int]]:
    """Keep what a job leaves for a person in place of what it left before: for each piece its first part and how many.

    The bytes stay when the job is done, until it is dropped or forgotten.
    """
    connection.execute(sa.delete(job_parts).where(job_parts.c.job_id == job_id, job_parts.c.number < 0))
    place, found = FIRST_KEPT, []
    for piece in pieces:
        first = place
        for part in _portions(piece):
            _write_parts(connection, job_id, [(place, part)])
            place -= 1
        found.append((first, first - place))
    return found


def set_arguments(connection: Connection, job_id: int, owner: str, arguments: Mapping[str, Any]) -> bool:
    """Write down more about the job."""
    return _ours(connection, job_id, owner, {"arguments": dict(arguments)})


def holding_bytes(connection: Connection) -> list[int]:
    """The numbers of the jobs whose bytes are there: files of people, or reports about them."""
    query = sa.select(job_parts.c.job_id).distinct().order_by(job_parts.c.job_id)
    return list(connection.execute(query).scalars())


# --- rows -------------------------------------------------------------------------------------------------------------


def _free(now: datetime) -> sa.ColumnElement[bool]:
    """Whether anybody may begin it."""
    waits = sa.and_(jobs.c.state == JobState.WAITING, _ready(now))
    return sa.or_(waits, sa.and_(jobs.c.state == JobState.RUNNING, ~_held(now)))


def _ready(now: datetime) -> sa.ColumnElement[bool]:
    """What was due when it was added is due, also for a clock that was set back since."""
    return sa.or_(jobs.c.due_at <= now, jobs.c.due_at <= jobs.c.created_at)


def _held(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a worker has it that is alive."""
    lives = sa.and_(jobs.c.lease_until > now, jobs.c.lease_until <= now + LONGEST_LEASE)
    return sa.and_(jobs.c.state == JobState.RUNNING, lives)


def _ours(connection: Connection, job_id: int, owner: str, values: Mapping[str, Any]) -> bool:
    return _changed(connection, _owned(job_id, owner), values)


def _owned(job_id: int, owner: str) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.state == JobState.RUNNING)


def _changed(connection: Connection, where: sa.ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    return connection.execute(sa.update(jobs).where(where).values(**values)).rowcount == 1


def _ended(state: JobState, detail: str, now: datetime) -> dict[str, Any]:
    ended = {"state": state, "owner": None, "lease_until": None, "detail": detail}
    return ended | {"updated_at": now, "finished_at": now}


def _delete(connection: Connection, numbers: Sequence[int]) -> int:
    connection.execute(sa.delete(job_parts).where(job_parts.c.job_id.in_(numbers)))
    return connection.execute(sa.delete(jobs).where(jobs.c.id.in_(numbers))).rowcount


def _portions(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), PART):
            yield piece[start : start + PART]


def _part(connection: Connection, job_id: int, number: int) -> bytes:
    """One at a time: the whole may be large."""
    query = sa.select(job_parts.c.body).where(job_parts.c.job_id == job_id, job_parts.c.number == number)
    found: bytes = connection.execute(query).scalar_one()
    return found


def _write_parts(connection: Connection, job_id: int, parts: Iterable[tuple[int, bytes]]) -> None:
    for number, part in parts:
        connection.execute(sa.insert(job_parts).values(job_id=job_id, number=number, body=part))
