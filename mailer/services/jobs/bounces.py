"""A job that reads the mailbox that bounces go to. What is left over by then, the next period reads."""

from __future__ import annotations

from mailer.errors import SourceError
from mailer.services.jobs.errand import Errand, Result
from mailer.services.readbounces import read_imap


def work(errand: Errand) -> Result:
    """Read the mailbox. One that cannot be reached fails no job: it is asked again often enough."""
    if errand.overtaken():
        return Result("the next one was due before this was done")
    try:
        taken = read_imap(errand.program, stop=errand.stop)
    except SourceError as error:
        return Result(f"failed: {error.message}")
    return Result("; ".join(taken.summary()))
