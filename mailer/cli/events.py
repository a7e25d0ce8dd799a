"""`mailer events`: what providers report of mails after they took them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.jobs import QueueOption, tell_left
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

app = typer.Typer()

MEGABYTES = 256


@app.callback()
def events() -> None:
    """Take in what a provider reports of mails: delivered, bounced, deferred."""


@app.command("import")
def import_events(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What SendGrid's event webhook posted; - reads standard input.")
    ],
    queue: QueueOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take in a file with what SendGrid's event webhook posted.

    It is a JSON array, or one in each line. Each event is kept once, however often it comes; one about a mail in doubt
    proves that it was accepted.
    """
    from mailer.cli.arguments import read_argument
    from mailer.services.events import import_posts
    from mailer.services.jobs import leave_post

    body = read_argument(file, MEGABYTES << 20)
    with open_mailer(context) as mailer:
        if queue:
            tell_left(mailer, leave_post(mailer, "sendgrid", body, asked=True), as_json)
            return
        taken = import_posts(mailer, body)
    output.result(taken, as_json, lambda: output.lines(taken.summary()))
    taken.raise_for_faults()
