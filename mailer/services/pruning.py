"""Pruning: issues that ended long ago keep their figures and lose their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.services.program import Program
from mailer.store import pruning as stored
from mailer.store.pruning import Limits, Old
from mailer.wording import counted

PORTION = 5000
"""So many rows are deleted in one transaction: others wait for that long."""


@dataclass(frozen=True, slots=True)
class PrunedIssue:
    """An issue that was pruned, or would be: `whole`, or only what was reported of it.

    `left_alone` says why it was not, though it ended long enough ago.
    """

    name: str
    ended_at: datetime
    whole: bool
    rows: int
    left_alone: str = ""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning did, or would do. `kept_days`: the settings; 0 keeps everything."""

    issues: tuple[PrunedIssue, ...]
    keep_deliveries_days: int
    keep_events_days: int
    dry_run: bool = False
    stopped: bool = False

    @property
    def rows(self) -> int:
        return sum(issue.rows for issue in self.issues)

    def summary(self) -> list[str]:
        """The same for people."""
        if not (self.keep_deliveries_days or self.keep_events_days):
            return ["everything is kept: keep_deliveries_days and keep_events_days under [work] are 0"]
        done = [issue for issue in self.issues if not issue.left_alone]
        verb = "would be deleted" if self.dry_run else "deleted"
        lines = [_line(issue, verb) for issue in done] or ["nothing is old enough"]
        lines += [f"{issue.name}: left alone, {issue.left_alone}" for issue in self.issues if issue.left_alone]
        return [*lines, "stopped before the end; the next one goes on"] if self.stopped else lines


def _line(issue: PrunedIssue, verb: str) -> str:
    what = "its deliveries and what was reported of them" if issue.whole else "what was reported of its mails"
    ended = f"ended on {issue.ended_at:%Y-%m-%d}"
    return f"{issue.name}: {counted(issue.rows, 'row')} {verb}, {what}; {ended}, its figures stay"


def prune(program: Program, *, dry_run: bool, stop: Callable[[], bool] = lambda: False) -> Pruned:
    """Count the issues that ended long enough ago, then delete their rows by portions, until that is done or `stop`."""
    work, now = program.settings.work, program.now()
    limits = limits_of(work.keep_deliveries_days, work.keep_events_days, now)
    with program.store.read() as connection:
        begun = stored.closed(connection)
        old = [(issue, stored.unsettled(connection, issue.id, now)) for issue in stored.old(connection, limits, now)]
        rows = {issue.id: stored.rows_of(connection, issue) for issue, why in old if not why} if dry_run else {}
        rows |= {issue.id: stored.rows_of(connection, issue) for issue in begun} if dry_run else {}
    told = [_told(issue, 0, why) for issue, why in old if why]
    todo = {issue.id: issue for issue in begun} | {issue.id: issue for issue, why in old if not why}
    if dry_run:
        told += [_told(issue, rows[issue.id]) for issue in todo.values()]
    else:
        told += _prune(program, list(todo.values()), stop)
    done = tuple(sorted(told, key=lambda issue: (issue.ended_at, issue.name)))
    return Pruned(done, work.keep_deliveries_days, work.keep_events_days, dry_run, not dry_run and stop())


def limits_of(deliveries_days: int, events_days: int, now: datetime) -> Limits:
    """Before which moments issues must have ended; 0 days: nothing is deleted."""
    deliveries, events = (now - timedelta(days=days) if days else None for days in (deliveries_days, events_days))
    return Limits(deliveries, events)


def _prune(program: Program, todo: list[Old], stop: Callable[[], bool]) -> list[PrunedIssue]:
    told = []
    for issue in todo:
        if stop():
            break
        with program.store.write() as connection:
            # False also for one that an earlier run had counted; what is not counted is not deleted.
            stored.close(connection, issue, program.now())
        rows = _delete(program, issue, stop)
        if rows:
            told.append(_told(issue, rows))
    if told:
        # What was deleted leaves the journal too. The file keeps its size: its free pages are filled by new issues.
        program.store.purge("")
    return told


def _delete(program: Program, issue: Old, stop: Callable[[], bool]) -> int:
    rows = 0
    while not stop():
        with program.store.write() as connection:
            gone = stored.delete(connection, issue, PORTION)
        rows += gone
        if not gone:
            break
    return rows


def _told(issue: Old, rows: int, why: str = "") -> PrunedIssue:
    return PrunedIssue(issue.name, issue.ended_at, issue.whole, rows, why)
