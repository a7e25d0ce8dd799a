"""`mailer db`: the database behind the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

app = typer.Typer()


@app.command("status")
def show_status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show where the database is and whether it fits this version of the program."""
    from mailer.services.database import status

    with open_mailer(context) as mailer:
        found = status(mailer)
    output.result(
        found,
        as_json,
        lambda: output.fields(
            {
                "database": found.place,
                "version": found.version or "none yet",
                "newest": found.newest,
                "state": found.state.value,
                "bytes": str(found.bytes),
            }
        ),
    )


@app.command("upgrade")
def upgrade_database(context: typer.Context, as_json: JsonOption = False) -> None:
    """Bring the database to this version of the program; a copy of an older one is made first.

    Every other command does the same when it needs the database.
    """
    from mailer.services.database import upgrade

    with open_mailer(context) as mailer:
        done = upgrade(mailer.store_as_it_is)
    output.result(done, as_json, lambda: output.lines(done.summary()))


@app.command("backup")
def back_up(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The new file. Default: in .mailer/backups, named after the time."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the database as it is now to a new file, also while another command is sending."""
    from mailer.services.database import backup

    with open_mailer(context) as mailer:
        made = backup(mailer, file, mailer.now())
    output.result(made, as_json, lambda: output.lines([str(made.file)]))
