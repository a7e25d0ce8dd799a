"""`mailer approve`: a second person's word for an issue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.services.approving import Approved, Signer, Withdrawn

LARGEST_KEY = 64 * 1024


def approve(
    context: typer.Context,
    issue: IssueArgument,
    content: Annotated[
        str, typer.Option("--hash", metavar="HASH", help="What is approved: the hash that plan shows.")
    ] = "",
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Your SSH private key (Ed25519), which signs.")
    ] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take back what you approved; a scheduled issue is a draft again.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Agree to an issue as it is now, as a second person.

    Look at it first: plan shows its hash. Any edit makes another one, and your word does not count for that.
    """
    from mailer.errors import UsageError
    from mailer.services.approving import approve as approved
    from mailer.services.approving import withdraw as withdrawn

    name = bare(issue)
    if withdraw == bool(content):
        raise UsageError("say either --hash or --withdraw", hint=f"mailer plan {name} shows the hash")
    with open_mailer(context) as mailer:
        signer = signer_of(key)
        if withdraw:
            back = withdrawn(mailer, name, signer)
            output.result(back, as_json, lambda: show_withdrawn(back))
            return
        done = approved(mailer, name, content, signer)
    output.result(done, as_json, lambda: show(done))


def signer_of(file: Path | None) -> Signer:
    """Whoever holds the key in a file; a passphrase is asked for when it has one."""
    from mailer.cli.arguments import hidden_text
    from mailer.services.approving import Signer
    from mailer.services.files import read_bounded
    from mailer.services.sshkeys import private_key

    if file is None:
        return Signer()
    data = read_bounded(file, LARGEST_KEY)
    return Signer(data, hidden_text("Passphrase") if private_key(data) is None else None)


def show(done: Approved) -> None:
    known = done.approvals
    output.lines([f"{known.name} {known.hash[:12]} {'was' if done.already else 'is'} approved by {done.voice.words}"])
    if known.required:
        left = f"{known.missing} more needed" if known.missing else f"somebody else may say mailer send {known.name}"
        output.lines([f"{len(known.counting)} of {known.required}: {left}"])
    else:
        output.note("no approval is required here: required under [approval] in mailer.toml")


def show_withdrawn(back: Withdrawn) -> None:
    output.lines([f"{back.who} approves {back.name} no more"])
    if back.unscheduled:
        output.lines([f"{back.name} was scheduled, and is a draft again"])
