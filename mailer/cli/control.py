"""`mailer pause`, `resume` and `cancel`: an issue that is being sent is stopped, or goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.control import Resumed, Stopped


def pause(
    context: typer.Context,
    issue: IssueArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the issue's history.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Stop sending an issue for a while.

    What is on its way ends as it ends; nothing more begins.
    """
    from mailer.services.control import pause as paused

    with open_mailer(context) as mailer:
        done = paused(mailer, bare(issue), output.plain(reason).strip())
    output.result(done, as_json, lambda: show_paused(done))


def show_paused(done: Stopped) -> None:
    output.lines(done.told())
    if done.reason:
        output.lines([f"because: {done.reason}"])
    output.lines([f"go on: mailer resume {done.name}; never: mailer cancel {done.name}"])


def resume(context: typer.Context, issue: IssueArgument, as_json: JsonOption = False) -> None:
    """Let a paused issue go on where it stopped.

    It does so also when the time that was set for it is over.
    """
    from mailer.services.control import resume as resumed

    with open_mailer(context) as mailer:
        done = resumed(mailer, bare(issue))
    output.result(done, as_json, lambda: show_resumed(done))


def show_resumed(done: Resumed) -> None:
    said = "was being sent already" if done.already else "may be sent again"
    output.lines([f"{done.name} {said}: {counted(done.left, 'mail')} left"])
    if done.late:
        output.lines([f"its time ended at {done.late:%Y-%m-%d %H:%M} UTC; it goes out all the same"])
    output.lines([f"mailer send {done.name} goes on with it; mailer work does so by itself"])


def cancel(
    context: typer.Context,
    issue: IssueArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would mean and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stop an issue for good: what has not left never does.

    One that is only scheduled is a draft again.
    """
    from mailer.services.control import cancel as cancelled

    name = bare(issue)
    with open_mailer(context) as mailer:
        if not dry_run:
            confirm(mailer, name, yes=yes)
        done = cancelled(mailer, name, dry_run=dry_run)
    output.result(done, as_json, lambda: output.lines(done.told()))
    if done.recalled.left or done.recalled.unknown:
        from mailer.errors import NeedsAttention

        raise NeedsAttention(
            "the provider did not drop all that it keeps", hint=f"while there is time: mailer cancel {name} asks again"
        )


def confirm(mailer: Mailer, name: str, *, yes: bool) -> None:
    """A person types how many mails will never leave: a habit of pressing y cannot do that."""
    from mailer.errors import UsageError
    from mailer.services.control import cancel as cancelled

    meant = cancelled(mailer, name, dry_run=True)
    mails = meant.kept_back + meant.recallable
    if yes or meant.already or not mails:
        return
    question = f"{counted(mails, 'mail')} of {name} will never be sent"
    if not output.interactive():
        raise UsageError(f"{question}, which needs a word: --yes", hint=f"mailer pause {name} can be taken back")
    if typer.prompt(f"{question}. Type the number to cancel it", err=True).replace(",", "") != str(mails):
        raise UsageError("the number was another one; nothing was cancelled")
