"""Two commands that send one issue: one works, the other says so.

Which of them is alive shows in what it holds: an owner at work takes batches, begins and ends them, a dead one's stay
as they are until its lease ends. So a sender that finds another's batches looks for a while, and either leaves the
issue to it or takes over. For a process of this machine that is gone nobody has to wait: the other batches can go on.
"""

from __future__ import annotations

import os
import platform
from datetime import datetime

from mailer.model import IssueState
from mailer.services.program import Program
from mailer.store import issues as stored_issues
from mailer.store import workers
from mailer.store.senders import Held


class Elsewhere:
    """What one sender has seen of the others."""

    def __init__(self) -> None:
        self._seen: Held | None = None

    def alive(self, held: Held) -> str:
        """An owner who moved since the last look; empty when none did."""
        seen, self._seen = self._seen, held
        if seen is None:
            return ""
        return next((owner for owner, theirs in held.items() if theirs - seen.get(owner, frozenset())), "")


def gone(owner: str) -> bool:
    """Whether it was a process of this machine that has ended. A wrong yes costs nothing: batches have one owner."""
    host, _, process = owner.rpartition("-")[0].rpartition("-")
    if os.name != "posix" or host != platform.node() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def who(owner: str) -> str:
    """The owner of a batch for people: its machine and process."""
    host, _, process = owner.rpartition("-")[0].rpartition("-")
    return f"{host}, process {process}" if host and process.isdigit() else owner


def waits_for(held: Held, now: datetime) -> str:
    """What a sender tells while it looks whether another one is alive; empty where nobody holds anything."""
    if not held:
        return ""
    owner, theirs = next(iter(held.items()))
    seconds = max((min(until for _, _, until in theirs) - now).total_seconds(), 0)
    return f"another sender ({who(owner)}) has batches and does not move: taking over in {seconds:,.0f} s"


def leave_to_workers(program: Program, name: str) -> int:
    """How many workers there are to whom a frozen issue can be left; 0: whoever asks sends it himself.

    Where an engine shares the work among hosts, they are as many as there are. A worker with the engine of one process
    would leave the issue to us.
    """
    if program.settings.work.engine == "local":
        return 0
    now = program.now()
    with program.store.read() as connection:
        if stored_issues.state_of(connection, name) is not IssueState.SENDING:
            return 0
        there = workers.listed(connection, now - workers.SILENT)
    return sum(each.ended_at is None and not each.stopping and each.engine != "local" for each in there)
