"""A job that reads who the provider does not mail any more. Taken over, it goes on where the last one was."""

from __future__ import annotations

from mailer.errors import ProviderError
from mailer.services.jobs.errand import STOPPED, Errand, Result
from mailer.services.suppressionsync import summary, sync


def work(errand: Errand) -> Result:
    """Read every list. What fails is gone on with in the next period."""
    if errand.overtaken():
        return Result("the next one was due before this was done")
    try:
        done = sync(errand.program, stop=errand.stop)
    except ProviderError as error:
        return Result(f"could not be read: {error.message.splitlines()[0]}")
    return STOPPED if errand.stop() else Result(summary(done))
