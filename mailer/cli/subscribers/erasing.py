"""`mailer subscribers forget, data`: what a person may ask an organisation for by law."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text
from mailer.cli.options import EmailArgument, JsonOption
from mailer.cli.session import open_mailer

app = typer.Typer()


@app.command("forget")
def forget_person(
    context: typer.Context,
    email: EmailArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase everything personal about somebody, for good. No import brings them back."""
    from mailer.errors import UsageError
    from mailer.services.forgetting import forget
    from mailer.services.subscribers import checked_address

    address = checked_address(address_text(email))
    with open_mailer(context) as mailer:
        if not dry_run and not yes:
            planned = forget(mailer, address, dry_run=True)
            if not output.interactive():
                raise UsageError("erasing somebody needs a word: --yes", hint="--dry-run shows what would be erased")
            for line in planned.summary():
                output.note(line)
            if not typer.confirm("Erase them?", err=True):
                raise UsageError("nothing was changed")
        done = forget(mailer, address, dry_run=dry_run)
    output.result(done, as_json, lambda: output.lines(done.summary()))
    done.raise_for_traces()


@app.command("data")
def show_data(
    context: typer.Context,
    email: EmailArgument,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file. Default: standard output.")
    ] = None,
) -> None:
    """Print everything that is held about somebody as JSON: the answer to who asks to see it."""
    from mailer.cli.jsontext import dumps
    from mailer.services.personal_data import personal_data
    from mailer.services.spreadsheet import write_private
    from mailer.services.subscribers import checked_address

    address = checked_address(address_text(email))
    with open_mailer(context) as mailer:
        found = personal_data(mailer, address)
    if file is None:
        output.data(found)
        return
    write_private(file, [dumps(found), "\n"], mark=False)
    output.note(f"written to {file}, which only you can read; send it to nobody but them")
