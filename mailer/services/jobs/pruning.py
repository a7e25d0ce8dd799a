"""A job that deletes what is kept long enough, by the settings; and jobs that ended a month ago, always."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from mailer.services.jobs.errand import STOPPED, Errand, Result
from mailer.services.pruning import prune
from mailer.services.public import once
from mailer.services.readbounces import prune_strays
from mailer.store import api, attempts, engagement, probes, workers
from mailer.store import jobs as stored
from mailer.wording import counted

KEPT: Final = timedelta(days=30)
"""So long a job that ended is kept, with the rows that it refused."""

PORTION: Final = 1000

MOST_ATTEMPTS: Final = 100_000
"""So many counts of forms whose hour or day is over go at once; what is left goes the next time."""


def work(errand: Errand) -> Result:
    """Prune what is old."""
    if errand.overtaken():
        return Result("the next one was due before this was done")
    words = [*_issues(errand), *_jobs(errand), *_strays(errand), *_readers(errand)]
    with errand.program.store.write() as connection:
        workers.forget_old(connection, errand.program.now() - KEPT)
        attempts.forget_old(connection, errand.program.now(), MOST_ATTEMPTS)
        api.forget_old(connection, errand.program.now() - once.KEPT, MOST_ATTEMPTS)
        probes.forget_old(connection, errand.program.now() - KEPT, MOST_ATTEMPTS)
    return STOPPED if errand.stop() else Result("; ".join(words) or "nothing is old enough")


def _issues(errand: Errand) -> list[str]:
    """The rows of issues that ended long ago, where the settings say how long that is."""
    work = errand.program.settings.work
    if not (work.keep_deliveries_days or work.keep_events_days):
        return []
    done = prune(errand.program, dry_run=False, stop=errand.stop)
    return done.summary() if done.issues else []


def _strays(errand: Errand) -> list[str]:
    """Mails to the bounce address that nobody understood, or looked at."""
    number = prune_strays(errand.program)
    return [f"{counted(number, 'mail')} deleted that nobody understood"] if number else []


def _readers(errand: Errand) -> list[str]:
    """Who opened and clicked, once that was long enough ago. The counts name nobody and stay."""
    program, number = errand.program, 0
    before = program.now() - timedelta(days=program.settings.privacy.keep_tracking_days)
    while not errand.stop():
        with program.store.write() as connection:
            gone = engagement.forget_old(connection, before, PORTION)
        number += gone
        if gone < PORTION:
            break
    return [f"{counted(number, 'opening or click', 'openings and clicks')} of people deleted"] if number else []


def _jobs(errand: Errand) -> list[str]:
    program, number = errand.program, 0
    while not errand.stop():
        with program.store.write() as connection:
            gone = stored.forget_old(connection, program.now() - KEPT, PORTION)
        number += gone
        if gone < PORTION:
            break
    return [f"{counted(number, 'job')} deleted that ended {KEPT.days} days ago"] if number else []
