"""`mailer bounces`: mails that came back by mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption, LimitOption
from mailer.cli.session import open_mailer
from mailer.errors import UsageError

if TYPE_CHECKING:
    from mailer.services.bounces import TakenIn
    from mailer.services.readbounces import StrayMail

app = typer.Typer()

NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The mail, as bounces list names it.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")]


@app.callback()
def bounces() -> None:
    """Read the mails that came back, and see those nobody understood."""


@app.command("read")
def read_bounces(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="One mail; - reads standard input, as a mail server's pipe.")
    ] = None,
    mbox: Annotated[Path | None, typer.Option("--mbox", metavar="FILE", help="Every mail of an mbox.")] = None,
    maildir: Annotated[
        Path | None, typer.Option("--maildir", metavar="FOLDER", help="What is unseen in a Maildir.")
    ] = None,
    imap: Annotated[bool, typer.Option("--imap", help="The mailbox that [bounces.imap] names.")] = False,
    recipient: Annotated[
        list[str] | None,
        typer.Option("--recipient", metavar="ADDRESS", help="With FILE: whom the mail server delivered it to."),
    ] = None,
    limit: LimitOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take in mails that came back: bounces, complaints. Automatic replies are none.

    A mail counts only where it carries the token of a mail of ours. What nobody understands is kept for a person.
    """
    from mailer.services.readbounces import read_imap, read_mail, read_maildir, read_mbox

    if sum((file is not None, mbox is not None, maildir is not None, imap)) != 1:
        raise UsageError("name one of FILE, --mbox, --maildir and --imap", hint="mailer bounces read --help")
    data = one_mail(file) if file is not None else b""
    with open_mailer(context) as mailer:
        if mbox is not None:
            taken = read_mbox(mailer, mbox, limit, dry_run=dry_run)
        elif maildir is not None:
            taken = read_maildir(mailer, maildir, limit, dry_run=dry_run)
        elif imap:
            taken = read_imap(mailer, limit, dry_run=dry_run)
        else:
            taken = read_mail(mailer, data, recipient or (), dry_run=dry_run)
    show_taken(taken, as_json)


def one_mail(file: Path) -> bytes:
    """The beginning of a mail. A pipe is read to its end: a mail server takes anything else for a failure."""
    from mailer.bounces.opened import LONGEST
    from mailer.cli.arguments import is_pipe
    from mailer.services.files import read_start

    if not is_pipe(file):
        return read_start(file, LONGEST + 1)
    data = output.standard_input(LONGEST + 1)
    while output.standard_input(1 << 16):
        pass
    return data


def show_taken(taken: TakenIn, as_json: bool) -> None:
    output.result(taken, as_json, lambda: output.lines(taken.summary()))


@app.command("list")
def list_strays(context: typer.Context, limit: LimitOption = None, as_json: JsonOption = False) -> None:
    """List the mails that nobody could make sense of, newest first."""
    from mailer.services.readbounces import listing

    with open_mailer(context) as mailer:
        found = listing(mailer, limit)
    output.result(found, as_json, lambda: show_list(found))


def show_list(found: list[StrayMail]) -> None:
    if not found:
        output.lines(["nothing waits"])
        return
    output.columns(
        ("MAIL", "CAME (UTC)", "WHY", "FROM", "SUBJECT"),
        [(one.number, one.received_at, one.why, one.sender, one.subject) for one in found],
        right=("MAIL",),
    )


@app.command("show")
def show_stray(
    context: typer.Context,
    number: NumberArgument,
    raw: Annotated[bool, typer.Option("--raw", help="Print the mail itself.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one of them: why nobody understood it, and what it says."""
    from mailer.services.readbounces import raw as raw_mail
    from mailer.services.readbounces import show

    with open_mailer(context) as mailer:
        if raw:
            output.raw(raw_mail(mailer, number).decode("utf-8", "replace"))
            return
        found = show(mailer, number)
    output.result(found, as_json, lambda: show_one(found))


def show_one(found: StrayMail) -> None:
    output.fields(
        {
            "mail": found.number,
            "came": found.received_at,
            "why": found.why,
            "from": found.sender,
            "subject": found.subject,
            "about": ", ".join(address for fate in found.fates for address in fate.addresses),
            "kept": "only its beginning" if found.cut else "whole",
        }
    )
    output.lines(["", *found.text.splitlines()])


@app.command("drop")
def drop_strays(
    context: typer.Context,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", min=1, help="The mails, as bounces list names them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete mails that waited for a person. They would go by themselves after [bounces] keep_stray_days."""
    from mailer.services.readbounces import drop
    from mailer.wording import counted

    if bool(numbers) == everything:
        raise UsageError("name the mails, or all of them with --all", hint="mailer bounces list")
    with open_mailer(context) as mailer:
        gone = drop(mailer, numbers or (), dry_run=dry_run)
    done = "would be deleted" if dry_run else "deleted"
    output.result(
        {"dry_run": dry_run, "dropped": gone}, as_json, lambda: output.lines([f"{counted(gone, 'mail')} {done}"])
    )
