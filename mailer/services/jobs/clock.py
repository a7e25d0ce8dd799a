"""What is to be done every so often. Every worker on every host adds it, and a unique key makes one of them all.

Only the period that is now is added: whatever was missed while nobody worked is done once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Connection, Engine

from mailer.model import JobKind
from mailer.services.program import Program
from mailer.store import jobs as stored

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

# Of each open database the keys that were seen to be there. Nothing is asked again before there are others.
_seen: WeakKeyDictionary[Engine, dict[JobKind, str]] = WeakKeyDictionary()


def due_by_clock(program: Program, connection: Connection, now: datetime) -> None:
    """Add the jobs of the periods that `now` is in, unless somebody did."""
    seen = _seen.setdefault(program.store.engine, {})
    for kind, key in _keys(program, now):
        # Remembered when it is seen to be there and not when it is added: the caller may still roll back.
        if seen.get(kind) != key and stored.add(connection, kind, {}, now, key=key) is None:
            seen[kind] = key


def all_seen(program: Program, now: datetime) -> bool:
    """Whether this process saw all of them to be there, so that nothing has to be asked."""
    seen = _seen.get(program.store.engine, {})
    return all(seen.get(kind) == key for kind, key in _keys(program, now))


def _keys(program: Program, now: datetime) -> Iterator[tuple[JobKind, str]]:
    if program.settings.work.sync_minutes and program.settings.sources:
        begin = _begin(now, timedelta(minutes=program.settings.work.sync_minutes))
        yield JobKind.SYNC, f"sync {begin:%Y-%m-%dT%H:%MZ}"
    if program.settings.work.suppressions_hours and program.settings.provider.name == "sendgrid":
        begin = _begin(now, timedelta(hours=program.settings.work.suppressions_hours))
        yield JobKind.SUPPRESSIONS, f"suppressions {begin:%Y-%m-%dT%HZ}"
    imap = program.settings.bounces.imap
    if imap.minutes and imap.host:
        yield JobKind.BOUNCES, f"bounces {_begin(now, timedelta(minutes=imap.minutes)):%Y-%m-%dT%H:%MZ}"
    yield JobKind.PRUNE, f"prune {_begin(now, DAY):%Y-%m-%d}"


def _begin(now: datetime, period: timedelta) -> datetime:
    return now - (now - EPOCH) % period
