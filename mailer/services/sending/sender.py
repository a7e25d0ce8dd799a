"""A frozen issue is handed over, batch by batch, until nothing waits."""

from __future__ import annotations

from dataclasses import replace

from mailer.errors import ConflictError, NotFoundError
from mailer.model import IssueState
from mailer.providers import Provider
from mailer.services.binding import check_bound
from mailer.services.program import Program
from mailer.services.sending.access import check_access, provided
from mailer.services.sending.holding import settle_held, unsettled
from mailer.services.sending.results import End, SendOptions, SendResult, Why, result
from mailer.services.sending.run import Run
from mailer.services.sending.workers import Workers
from mailer.services.writer import MailWriter, Route
from mailer.store import issues as stored_issues
from mailer.store import ledger
from mailer.store.issues import StoredIssue

DEFAULT = SendOptions()


def send_frozen(program: Program, name: str, options: SendOptions = DEFAULT) -> SendResult:
    """Hand over every batch of a frozen issue that is still waiting, then close the issue."""
    with program.store.read() as connection:
        issue = stored_issues.get(connection, name)
    if issue is None:
        raise NotFoundError(f"issue {name} was never sent", hint=f"mailer send {name}")
    if issue.state is IssueState.CANCELLED:
        raise ConflictError(f"issue {name} was cancelled", hint="write it as an issue of another name to send it")
    if issue.state is IssueState.SENT and not unsettled(program, name):
        return result(program.store, name, now=program.now())
    check_bound(program)
    with provided(program) as provider:
        check_access(program, name, provider)
        end, accepted = hand_over(program, provider, issue, options)
    return closed(program, name, end, accepted)


def hand_over(program: Program, provider: Provider, issue: StoredIssue, options: SendOptions) -> tuple[End, int]:
    """Work on an issue in as many threads as the provider is worth; how that ended, and how many mails it took."""
    run = open_run(program, provider, issue, options)
    try:
        end = Workers(run, issue, threads(program, provider)).until_done()
        # Whoever stopped it may not come back in time.
        settle_held(program, provider, issue.name, program.now())
    finally:
        run.jotter.close()
    return end, run.tally.accepted


def open_run(program: Program, provider: Provider, issue: StoredIssue, options: SendOptions) -> Run:
    """A sender for one issue; what was frozen of it is compiled."""
    route = Route(program.settings.provider.bounces, provider.capabilities.smtputf8)
    keys = program.workspace.secret_keys(program.environ)
    writer = MailWriter(issue.name, issue.snapshot, keys, route=route)
    return Run(program, provider, writer, (issue.kind.value,), options)


def threads(program: Program, provider: Provider) -> int:
    """How many calls to make at once."""
    most = program.settings.provider.connections
    return min(most, provider.capabilities.calls or most)


def closed(program: Program, name: str, end: End, accepted: int) -> SendResult:
    """Close the issue where nothing is left; how it stands."""
    with program.store.write() as connection:
        sent = ledger.finish(connection, name, program.now())
        issue = stored_issues.get(connection, name)
    if sent:
        end = End()
    elif issue is not None and issue.state is IssueState.PAUSED and end.why in (Why.DONE, Why.PAUSED):
        end = replace(end, why=Why.PAUSED, detail=issue.reason)
    elif issue is not None and issue.state is IssueState.CANCELLED:
        end = replace(end, why=Why.CANCELLED)
    return result(program.store, name, accepted_now=accepted, end=end, now=program.now())
