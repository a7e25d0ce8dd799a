"""Batches by their numbers, of whatever issues: one sender an issue, opened when its first batch comes.

Who brings the numbers is no matter of this: a number that comes twice, late, or for what another process has, claims
nothing. Opening an issue reads and compiles what was frozen, so each is opened once, and closed when nothing came for
it for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock

from mailer.errors import ConflictError, MailerError, StoreError
from mailer.model import IssueState
from mailer.providers import Provider
from mailer.services.binding import check_bound
from mailer.services.program import Program
from mailer.services.sending.access import check_access
from mailer.services.sending.places import Place, Places
from mailer.services.sending.results import End, SendOptions, Why
from mailer.services.sending.run import Run, TooSlowError
from mailer.services.sending.sender import open_run
from mailer.services.sending.sharing import WORKER, Shared, process_name
from mailer.store import feeding
from mailer.store import issues as stored_issues
from mailer.store.bounces import came_back
from mailer.store.feeding import Standing
from mailer.store.issues import IssueRow

AHEAD = 2.0
"""Seconds for which a slot is waited for with a batch in hand: what is more urgent must not wait much longer."""

STAY = 1.0
"""Seconds after which a thread leaves what is left of a divided batch to whoever comes next."""

REST = 60.0
"""Seconds for which an issue is left alone that could not go on."""

PASS_OVER = 0.5
"""Seconds a thread waits before it passes over a batch: a process in trouble must not empty the queue of the others."""

IDLE = 60.0
"""Seconds after which an issue that nothing came for is closed."""

Tell = Callable[[str, str, str], None]
"""Hears what, of which issue, and the words: paused, cancelled, error."""


class Desk:
    """Sends batches of any number of issues with one provider. May be used by many threads."""

    def __init__(self, program: Program, tell: Tell, name: str = "") -> None:
        self.program = program
        self.name = name or process_name()
        self.tell = tell
        self.batches = self.busy = 0
        self._shared = Shared(program.store, self.name, WORKER)
        self._places = Places()
        self._lock, self._closing = Lock(), Lock()
        self._rests: dict[int, float] = {}
        self._provider: Provider | None = None
        self._stopping = Event()

    @property
    def mails(self) -> int:
        """How many mails were accepted."""
        return self._places.mails()

    def issues(self) -> tuple[str, ...]:
        """The names of the issues that are open."""
        return tuple(sorted(place.issue.name for place in self._places.all()))

    def provider(self) -> Provider:
        """The one of this process. MailerError when there is none to be had."""
        with self._lock:
            if self._provider is None:
                self._provider = self.program.make_provider()
            return self._provider

    def open(self) -> None:
        """Take batches, also after a stop."""
        self._stopping.clear()

    # --- one batch --------------------------------------------------------------------------------------------------

    def carry(self, batch_id: int) -> None:
        """See to this batch, or to parts of it for about a second. StoreError: the database does not answer."""
        if self._stopping.is_set():
            return
        self._count(busy=1)
        try:
            with self.program.store.read() as connection:
                issue = feeding.issue_of(connection, batch_id)
            if issue is None:
                return
            with self.guarding(issue), self._at(issue) as run:
                if run is not None:
                    self._hand_over(run, batch_id)
        finally:
            self._count(busy=-1)

    def _hand_over(self, run: Run, batch_id: int) -> None:
        until = time.monotonic() + STAY
        while not run.halt.asked and (batch := run.claim_of(batch_id, AHEAD)) is not None:
            run.one(batch, last=True)
            self._count(batches=1)
            if batch.id == batch_id or time.monotonic() >= until:
                return

    def _count(self, busy: int = 0, batches: int = 0) -> None:
        with self._lock:
            self.busy += busy
            self.batches += batches

    # --- issues in trouble ------------------------------------------------------------------------------------------

    @contextmanager
    def guarding(self, issue: IssueRow) -> Iterator[None]:
        """What goes wrong with an issue is told, and it is left alone for a while. StoreErrors concern all."""
        try:
            yield
        except TooSlowError as error:
            self._trouble(issue, error)
        except StoreError:
            raise
        except MailerError as error:
            self._trouble(issue, error)

    def resting(self, issue_id: int) -> bool:
        """Whether an issue is left alone for a while."""
        return self._rests.get(issue_id, 0.0) > time.monotonic()

    def pass_over(self) -> None:
        """A short wait, until somebody asks to stop at the latest."""
        self._stopping.wait(PASS_OVER)

    def _trouble(self, issue: IssueRow, error: MailerError) -> None:
        self._rests[issue.id] = time.monotonic() + REST
        self.tell("error", issue.name, error.message)
        if (place := self._places.of(issue.id)) is not None:
            self._part(place, End())

    # --- open issues ------------------------------------------------------------------------------------------------

    @contextmanager
    def _at(self, issue: IssueRow) -> Iterator[Run | None]:
        """Its sender, for one batch. None: it is left alone for a while."""
        place = self._enter(issue)
        if place is None:
            self.pass_over()
            yield None
            return
        try:
            yield place.run
        finally:
            if self._places.leave(place):
                self._close(place)
            elif place.run.halt.asked:
                self._part(place)

    def _enter(self, issue: IssueRow) -> Place | None:
        with self._places.opening(issue.id):
            place = self._places.enter(issue.id)
            if place is not None or self.resting(issue.id):
                return place
            if (halted := self._places.of(issue.id)) is not None:
                self._part(halted)
            try:
                run = self._open(issue)
            except StoreError:
                raise
            except MailerError as error:
                # Before the next thread tries it.
                self._trouble(issue, error)
                return None
            place = Place(issue, run, self.program.now())
            self._places.add(place)
        if self._stopping.is_set():
            run.halt.because(End(Why.ASKED))
        return place

    def _open(self, issue: IssueRow) -> Run:
        check_bound(self.program)
        provider = self.provider()
        check_access(self.program, issue.name, provider)
        with self.program.store.read() as connection:
            stored = stored_issues.get(connection, issue.name)
        if stored is None:
            raise ConflictError(f"issue {issue.name} is a draft again")
        return open_run(self.program, provider, stored, SendOptions(shared=self._shared))

    def _part(self, place: Place, end: End | None = None) -> None:
        """No batch of the issue is begun here any more. Why, is told once."""
        if end is not None:
            place.run.halt.because(end)
        first, unused = self._places.part(place)
        if first:
            self._tell_why(place)
        if unused:
            self._close(place)

    def _tell_why(self, place: Place) -> None:
        end = place.run.halt.end or End()
        if end.why in (Why.PAUSED, Why.TRIPPED):
            self.tell("paused", place.issue.name, end.detail)
        elif end.why is Why.CANCELLED:
            self.tell("cancelled", place.issue.name, "")

    def _close(self, place: Place) -> None:
        place.run.jotter.close()
        if self._places.none():
            self._close_provider()

    def _close_provider(self) -> None:
        """Have it finish what was left open. When it is used again, it opens its connections again."""
        with self._closing:
            try:
                if self._provider is not None:
                    self._provider.close()
            except MailerError as error:
                self.tell("error", "", error.message)

    # --- looking after them -----------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Leave what is not to be sent any more, and what nothing came for. To be called a few times a second."""
        places = self._places.all()
        if not places:
            return
        with self.program.store.read() as connection:
            found = feeding.standings(connection, [place.issue.id for place in places])
        for place in places:
            self._look(place, found.get(place.issue.id))

    def _look(self, place: Place, standing: Standing | None) -> None:
        if standing is None or standing.state is IssueState.SENT:
            self._part(place, End())
        elif standing.state is IssueState.PAUSED:
            self._part(place, End(Why.PAUSED, standing.reason or "somebody paused it"))
        elif standing.state is IssueState.CANCELLED:
            self._part(place, End(Why.CANCELLED))
        elif place.run.halt.asked:
            self._part(place)
        elif self._places.idle(place, IDLE):
            self._part(place, End())
        elif place.counts_bounces():
            with self.program.store.read() as connection:
                bounced = came_back(connection, place.issue.id, place.began, place.run.name)
            if bounced:
                place.run.look(bounced)

    def pause(self, issue: IssueRow, reason: str) -> None:
        """Stop an issue for everybody, which is told once."""
        place = self._places.of(issue.id)
        with suppress(ConflictError), self.program.store.write() as connection:
            stored_issues.pause(connection, issue.name, reason, self.program.now())
            if place is None:
                self.tell("paused", issue.name, reason)
        if place is not None:
            self._part(place, End(Why.PAUSED, reason))

    def stop(self) -> None:
        """Begin nothing more. What is in flight is finished, and what was only claimed given back."""
        self._stopping.set()
        for place in self._places.all():
            place.run.halt.because(End(Why.ASKED))

    def close(self) -> None:
        """Give back everything that is open."""
        self.stop()
        for place in self._places.all():
            self._part(place)
        self._close_provider()
