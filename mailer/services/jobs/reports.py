"""A job that takes in what a provider reported. Taken over, it begins anew: each event is kept once."""

from __future__ import annotations

from mailer.services.events import import_posts
from mailer.services.jobs.errand import Errand, Result
from mailer.wording import counted


def work(errand: Errand) -> Result:
    """Take in the post, or the file of them."""
    taken = import_posts(errand.program, errand.body())
    words = "; ".join(taken.summary())
    if taken.faulty:
        faults = "; ".join(taken.faults)
        return Result(f"{words}; {counted(taken.faulty, 'event')} could not be read: {faults}")
    return Result(words, vanish=not errand.job.arguments.get("asked"))
