"""A job that reads all sources. What fails is tried with the next period: a source is asked often enough."""

from __future__ import annotations

from mailer.services.jobs.errand import Errand, Result
from mailer.services.sources import chosen_sources
from mailer.services.sync import Status, sync
from mailer.wording import counted


def work(errand: Errand) -> Result:
    """Read every source that is enabled."""
    if errand.overtaken():
        return Result("the next one was due before this was done")
    program = errand.program
    sources = chosen_sources(program.settings, program.workspace, ())
    outcomes = list(sync(program.store, sources, program.now()))
    new = counted(sum(outcome.new for outcome in outcomes), "new article")
    words = f"{counted(len(outcomes), 'source')} read, {new}"
    failed = sorted(outcome.source for outcome in outcomes if outcome.status is Status.FAILED)
    return Result(f"{words}; failed: {', '.join(failed)}" if failed else words)
