"""Whether something is too late to go on without a person's word."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

from mailer.delivery.schedule import span_words
from mailer.services.program import Program
from mailer.services.scheduling import longest
from mailer.services.sending.limits import out_of_time
from mailer.store import scheduling
from mailer.store.issues import IssueRow

ASLEEP: Final = timedelta(minutes=10)
"""A second that lasts so long was the machine's sleep."""


class Lateness:
    """What one worker knows of the issues being sent. What it has in hand is never left for too long."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._seen: set[int] = set()
        self._looked: tuple[datetime, float] | None = None

    def awake(self, now: datetime) -> None:
        """Asked at every look: after a sleep of the machine nothing was in hand."""
        looked, self._looked = self._looked, (now, time.monotonic())
        if looked is not None and now - looked[0] - timedelta(seconds=self._looked[1] - looked[1]) > ASLEEP:
            self._seen.clear()

    def fresh(self) -> None:
        """Looking begins anew: the time until now was not slept through."""
        self._looked = None

    def begun(self, issue_id: int) -> None:
        """This worker began it."""
        self._seen.add(issue_id)

    def only(self, sending: set[int]) -> None:
        """The issues being sent now. One that was paused and let go on is met for the first time again."""
        self._seen &= sending

    def reason(self, issue: IssueRow, now: datetime) -> str:
        """Why nothing more of an issue being sent may leave; empty while it may."""
        return out_of_time(issue, now) or self._left_too_long(issue, now)

    def _left_too_long(self, issue: IssueRow, now: datetime) -> str:
        """Asked when this worker first meets it. With a warm-up days go by."""
        if issue.id in self._seen or self.program.settings.limits.warmup:
            return ""
        with self.program.store.read() as connection:
            since = scheduling.left_since(connection, issue.id, now)
        if since is not None and now - since > longest(self.program):
            return f"nobody went on with it since {since:%Y-%m-%d %H:%M} UTC, for {span_words(now - since)}"
        self._seen.add(issue.id)
        return ""
