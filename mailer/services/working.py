"""Carrying out what is due: scheduled issues begin, and whatever waits in issues being sent is handed over.

Any number of these may run, on any number of machines: which of them begins an issue or takes a batch is decided in
the database. An alert goes before a bulletin, also one that becomes due in the middle of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mailer.delivery.schedule import span_words
from mailer.errors import MailerError, StoreError, StoreVersionError
from mailer.model import DeliveryState, IssueState
from mailer.services.binding import check_bound
from mailer.services.program import Program
from mailer.services.scheduling import begin, longest
from mailer.services.sending.results import SendOptions, SendResult, Stop, Why, never
from mailer.services.sending.sender import send_frozen
from mailer.store import issues as stored_issues
from mailer.store import scheduling
from mailer.store.issues import IssueRow
from mailer.wording import counted
from mailer.workspace.signing import make_private

POLL: Final = 2.0
"""At most so many seconds until something new is seen: a time set, an issue resumed."""

LOOK: Final = 1.0
"""So often a sender asks whether something more urgent has become due."""

PATIENCE: Final = 30.0
"""So many seconds a sender waits in an issue for what comes later, before it looks at the others."""

REST: Final = 60.0
"""The longest that an issue is left alone which could not go on."""

AWAY: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds between tries while the database cannot be reached."""

ASLEEP: Final = timedelta(minutes=10)
"""A nap of seconds that lasts so long was the machine's."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the log: begun, finished, paused, cancelled, waits, error, database. It names no person."""

    at: datetime
    what: str
    issue: str
    detail: str


Say = Callable[[Happening], None]


class Worker:
    """Does one piece of work after the other. `attention`: something waits for a person."""

    def __init__(self, program: Program, say: Say, stop: Stop = never) -> None:
        self.program = program
        self.stop = stop
        self.attention = False
        self._say = say
        # By name: until when it is left alone, on a clock that nobody sets; which of these the rate keeps back for a
        # moment; which this process has in hand; what was said of it last.
        self._rests: dict[str, float] = {}
        self._paced: set[str] = set()
        self._seen: set[str] = set()
        self._told: dict[str, str] = {}
        self._looked_at = 0.0

    def once(self) -> None:
        """Everything that is due now. What the rate keeps back for less than a minute is waited for."""
        check_bound(self.program)
        while not self.stop():
            if self.step():
                continue
            paced = [self._rests[issue.name] for issue in self._candidates() if issue.name in self._paced]
            if not paced:
                return
            self._nap(min(paced) - time.monotonic())

    def forever(self) -> None:
        """Until somebody asks to stop. A database that is away for a while is waited for."""
        check_bound(self.program)
        failures = 0
        while not self.stop():
            try:
                busy = self.step()
                seconds = 0.0 if busy else self._until_next()
            except StoreVersionError:
                raise
            except StoreError as error:
                seconds = AWAY[min(failures, len(AWAY) - 1)]
                failures += 1
                self.say("database", "", f"{error.message}; trying again in {seconds:g} s")
            else:
                if failures:
                    self.say("database", "", "it answers again")
                failures = 0
            self._nap(seconds)

    def step(self) -> bool:
        """The most urgent piece of work; False when there is nothing to do now."""
        issue = self._next()
        if issue is None:
            return False
        try:
            if issue.state is IssueState.SCHEDULED:
                self._begin(issue)
            elif reason := self._left_too_long(issue):
                self._pause(issue, reason)
            else:
                self._go_on(issue)
        except StoreError:
            raise
        except MailerError as error:
            self.attention = True
            self._say_once("error", issue.name, error.message)
            self._rest(issue.name, REST)
        return True

    def say(self, what: str, issue: str, detail: str) -> None:
        self._say(Happening(self.program.now(), what, issue, detail))

    # --- choosing ---------------------------------------------------------------------------------------------------

    def _candidates(self) -> list[IssueRow]:
        """The issues with something to do, the most urgent first, also those that are left alone for a moment."""
        now, clock = self.program.now(), time.monotonic()
        self._rests = {name: until for name, until in self._rests.items() if until > clock}
        self._paced &= self._rests.keys()
        with self.program.store.read() as connection:
            return sorted([*scheduling.due(connection, now), *scheduling.ready(connection, now)], key=_place)

    def _next(self) -> IssueRow | None:
        return next((issue for issue in self._candidates() if issue.name not in self._rests), None)

    def _more_urgent(self, current: IssueRow) -> bool:
        """Whether to leave this issue for a moment: something is to begin, or an alert waits."""
        if (clock := time.monotonic()) < self._looked_at:
            return False
        self._looked_at = clock + LOOK
        other = self._next()
        return other is not None and other.name != current.name and _place(other) < _place(current)

    def _until_next(self) -> float:
        with self.program.store.read() as connection:
            moment = scheduling.next_moment(connection)
        if moment is None:
            return POLL
        return min(POLL, max(0.05, (moment - self.program.now()).total_seconds()))

    # --- one issue --------------------------------------------------------------------------------------------------

    def _begin(self, issue: IssueRow) -> None:
        begun = begin(self.program, issue)
        if begun is None:
            return
        counts, reason = begun
        left_out = counts.candidates - counts.recipients
        words = counted(counts.recipients, "recipient") + (f", {left_out:,} left out" if left_out else "")
        if reason:
            self._paused(issue.name, f"{reason}; {words}")
            return
        self._seen.add(issue.name)
        self.say("begun", issue.name, words)

    def _left_too_long(self, issue: IssueRow) -> str:
        """Why an issue that somebody left in the middle may not go on by itself.

        Asked when this process first meets it: what it has in hand is never left. With a warm-up days go by.
        """
        if issue.name in self._seen or self.program.settings.limits.warmup:
            return ""
        now = self.program.now()
        with self.program.store.read() as connection:
            since = scheduling.left_since(connection, issue.id, now)
        if since is not None and now - since > longest(self.program):
            return f"nobody went on with it since {since:%Y-%m-%d %H:%M} UTC, for {span_words(now - since)}"
        self._seen.add(issue.name)
        return ""

    def _pause(self, issue: IssueRow, reason: str) -> None:
        with self.program.store.write() as connection:
            stored_issues.pause(connection, issue.name, reason, self.program.now())
        self._paused(issue.name, reason)

    def _paused(self, name: str, reason: str) -> None:
        self.attention = True
        self._seen.discard(name)
        self.say("paused", name, f"{reason}; mailer resume {name} sends it, mailer cancel {name} drops it")

    def _go_on(self, issue: IssueRow) -> None:
        asked = SendOptions(stop=lambda: self.stop() or self._more_urgent(issue), wait=PATIENCE, alone=True)
        done = send_frozen(self.program, issue.name, asked)
        if done.state is IssueState.SENT:
            self._finished(done)
        elif done.state is IssueState.PAUSED:
            self._paused(done.name, done.detail or "somebody paused it")
        elif done.state is IssueState.CANCELLED:
            self.say("cancelled", done.name, figures(done))
        elif done.why is not Why.ASKED:
            if done.why is Why.CAP:
                until = f"{done.resume_at:%Y-%m-%d %H:%M} UTC" if done.resume_at else "tomorrow"
                self._say_once("waits", done.name, f"the day's share of the warm-up is used up until {until}")
            seconds = self._rest_of(done)
            self._rest(done.name, seconds)
            if done.why is Why.WAITS and seconds < REST:
                self._paced.add(done.name)

    def _finished(self, done: SendResult) -> None:
        self._seen.discard(done.name)
        counts = done.figures.deliveries
        if counts[DeliveryState.REFUSED] or counts[DeliveryState.DOUBTFUL]:
            self.attention = True
        self.say("finished", done.name, figures(done))

    def _rest_of(self, done: SendResult) -> float:
        if done.resume_at is None:
            return REST / 2 if done.why is Why.ELSEWHERE else POLL
        return min(REST, max(0.1, (done.resume_at - self.program.now()).total_seconds()))

    def _rest(self, name: str, seconds: float) -> None:
        self._rests[name] = time.monotonic() + seconds

    def _say_once(self, what: str, name: str, detail: str) -> None:
        """What does not change is not said every minute."""
        if self._told.get(name) != detail:
            self._told[name] = detail
            self.say(what, name, detail)

    def _nap(self, seconds: float) -> None:
        until, before = time.monotonic() + seconds, self.program.now()
        while not self.stop() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
        if self.program.now() - before > ASLEEP:
            self._seen.clear()


def _place(issue: IssueRow) -> tuple[int, bool, datetime, int]:
    """The place of a piece of work among the others.

    What begins goes before what goes on: it is quick, and then both are there to choose from.
    """
    begins = issue.state is IssueState.SCHEDULED
    since = issue.due_at if begins else issue.started_at
    return scheduling.urgency(issue.kind), not begins, since or issue.frozen_at, issue.id


def figures(done: SendResult) -> str:
    """How an issue ended, in numbers."""
    counts = {state.value: number for state, number in done.figures.deliveries.items()}
    words = [f"{counts.pop('accepted'):,} accepted", f"{done.twice:,} twice", f"{counts.pop('doubtful'):,} in doubt"]
    return ", ".join([*words, *(f"{number:,} {state}" for state, number in counts.items() if number)])


@contextmanager
def only_one(program: Program) -> Iterator[bool]:
    """Whether nobody else on this machine carries out what is due in this workspace; until the end nobody else does.

    For the quiet of a crontab whose runs overlap. That nothing is sent twice does not depend on it.
    """
    folder = program.workspace.private_dir
    make_private(folder)
    with (folder / "work.lock").open("a") as file:
        try:
            import fcntl
        except ImportError:  # Windows has no such lock
            yield True
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
