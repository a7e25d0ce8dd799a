"""The issues that one process has open, and how many of its threads are at each."""

from __future__ import annotations

import time
from datetime import datetime
from threading import Lock

from mailer.services.sending.run import Run
from mailer.store.issues import IssueRow

BOUNCES_SECONDS = 10.0
"""Seconds between two looks at how many mails came back."""


class Place:
    """One open issue. `began`: when it was opened here."""

    def __init__(self, issue: IssueRow, run: Run, began: datetime) -> None:
        self.issue = issue
        self.run = run
        self.began = began
        self.users = 0
        self.parted = False
        self.used_at = time.monotonic()
        self._bounces_at = self.used_at + BOUNCES_SECONDS

    def counts_bounces(self) -> bool:
        """Whether it is time to look how many mails came back."""
        if time.monotonic() < self._bounces_at:
            return False
        self._bounces_at = time.monotonic() + BOUNCES_SECONDS
        return True


class Places:
    """All of them. Every step is one that any thread may make at any time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[int, Place] = {}
        self._openings: dict[int, Lock] = {}
        self._leaving: set[Place] = set()
        self._mails = 0

    def all(self) -> list[Place]:
        with self._lock:
            return list(self._open.values())

    def of(self, issue_id: int) -> Place | None:
        with self._lock:
            return self._open.get(issue_id)

    def mails(self) -> int:
        """How many mails were accepted, also of issues that are closed."""
        with self._lock:
            return self._mails + sum(place.run.tally.accepted for place in (*self._open.values(), *self._leaving))

    def none(self) -> bool:
        """Whether no issue is open, and no thread is still at one that was."""
        with self._lock:
            return not self._open and not self._leaving

    def opening(self, issue_id: int) -> Lock:
        """Held by the one thread that opens an issue, while the others wait for it."""
        with self._lock:
            return self._openings.setdefault(issue_id, Lock())

    def enter(self, issue_id: int) -> Place | None:
        """Where the issue is open and goes on."""
        with self._lock:
            place = self._open.get(issue_id)
            if place is None or place.run.halt.asked:
                return None
            place.users += 1
            return place

    def add(self, place: Place) -> None:
        """One that was opened by a thread, which is at it."""
        with self._lock:
            self._open[place.issue.id] = place
            place.users = 1

    def leave(self, place: Place) -> bool:
        """A thread is done with a batch; whether it has to close the place."""
        with self._lock:
            place.users -= 1
            place.used_at = time.monotonic()
            if not place.parted or place.users:
                return False
            self._over(place)
            return True

    def part(self, place: Place) -> tuple[bool, bool]:
        """Let no thread in any more: whether this is the first time, and whether it is to be closed now."""
        with self._lock:
            if place.parted:
                return False, False
            place.parted = True
            del self._open[place.issue.id]
            self._leaving.add(place)
            if place.users:
                return True, False
            self._over(place)
            return True, True

    def idle(self, place: Place, seconds: float) -> bool:
        """Whether no thread was there for so long."""
        with self._lock:
            return place.users == 0 and time.monotonic() - place.used_at > seconds

    def _over(self, place: Place) -> None:
        self._leaving.discard(place)
        self._mails += place.run.tally.accepted
