"""Beginning an issue that is due, and closing one of which nothing is left."""

from __future__ import annotations

from mailer.model import DeliveryState, IssueState
from mailer.services.program import Program
from mailer.services.scheduling import begin
from mailer.services.sending.desk import Desk
from mailer.services.sending.holding import settles_at
from mailer.services.sending.results import result
from mailer.services.working.happenings import Log, figures
from mailer.services.working.lateness import Lateness
from mailer.store import feeding, ledger
from mailer.store import issues as stored_issues
from mailer.store.issues import IssueRow
from mailer.wording import counted


class Issues:
    """What a worker does with an issue as a whole."""

    def __init__(self, program: Program, desk: Desk, log: Log, lateness: Lateness) -> None:
        self.program = program
        self.desk = desk
        self.log = log
        self.lateness = lateness

    def carry(self, issue_id: int) -> None:
        """Begin it, or close it; nothing where another worker was first."""
        with self.program.store.read() as connection:
            issue = feeding.issue_numbered(connection, issue_id)
        if issue is None:
            return
        if self.desk.resting(issue_id):
            self.desk.pass_over()
            return
        with self.desk.guarding(issue):
            if issue.state is IssueState.SCHEDULED:
                self._begin(issue)
            elif issue.state is IssueState.SENDING and self._close(issue):
                self._finished(issue.name)

    def cancelled(self, name: str) -> None:
        self.log.say("cancelled", name, figures(result(self.program.store, name)))

    def _begin(self, issue: IssueRow) -> None:
        begun = begin(self.program, issue)
        if begun is None:
            return
        counts, reason = begun
        left_out = counts.candidates - counts.recipients
        words = counted(counts.recipients, "recipient") + (f", {left_out:,} left out" if left_out else "")
        if reason:
            self.log.paused(issue.name, f"{reason}; {words}")
            return
        self.lateness.begun(issue.id)
        self.log.say("begun", issue.name, words)

    def _close(self, issue: IssueRow) -> bool:
        """Whether it is closed here and now: of any number of workers who try, one closes it, and says so."""
        provider = self.desk.provider()
        if settles_at(self.program, provider, issue.name, self.program.now()) is not None:
            return False
        with self.program.store.write() as connection:
            now = self.program.now()
            if stored_issues.locked(connection, issue.name).state is not IssueState.SENDING:
                return False
            if provider.capabilities.idempotent and ledger.resend_doubts(connection, issue.name, now, provider.name):
                return False
            return ledger.finish(connection, issue.name, now)

    def _finished(self, name: str) -> None:
        done = result(self.program.store, name, now=self.program.now())
        counts = done.figures.deliveries
        if counts[DeliveryState.REFUSED] or counts[DeliveryState.DOUBTFUL]:
            self.log.attention = True
        self.log.say("finished", name, figures(done))
        self.log.over(name)
