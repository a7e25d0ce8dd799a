"""A frozen issue is handed over, batch by batch, until nothing waits."""

from __future__ import annotations

from mailer.errors import ConflictError, NotFoundError
from mailer.model import IssueState
from mailer.services.program import Program
from mailer.services.sending.access import check_access, provided
from mailer.services.sending.results import End, SendOptions, SendResult, Why, result
from mailer.services.sending.run import Run
from mailer.services.writer import MailWriter, Route
from mailer.store import issues as stored_issues
from mailer.store import ledger

DEFAULT = SendOptions()


def send_frozen(program: Program, name: str, options: SendOptions = DEFAULT) -> SendResult:
    """Hand over every batch of a frozen issue that is still waiting, then close the issue."""
    with program.store.read() as connection:
        issue = stored_issues.get(connection, name)
    if issue is None:
        raise NotFoundError(f"issue {name} was never sent", hint=f"mailer send {name}")
    if issue.state is IssueState.CANCELLED:
        raise ConflictError(f"issue {name} was cancelled", hint="write it as an issue of another name to send it")
    if issue.state is IssueState.SENT:
        return result(program.store, name)
    keys = program.workspace.secret_keys(program.environ)
    with provided(program) as provider:
        check_access(program, name, provider)
        route = Route(program.settings.provider.bounces, provider.capabilities.smtputf8)
        writer = MailWriter(name, issue.snapshot, keys, route=route)
        run = Run(program, provider, writer, (issue.kind.value,))
        stopped = run.batches(options.tell, options.stop)
    with program.store.write() as connection:
        sent = ledger.finish(connection, name, program.now())
    end = End(Why.ASKED) if stopped and not sent else End()
    return result(program.store, name, accepted_now=run.accepted, end=end)
