"""`mailer db prune`: old issues keep their figures and lose their rows."""

from __future__ import annotations

from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.db import app
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer


@app.command("prune")
def prune_database(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete the deliveries and events of issues that ended long ago; their figures stay.

    How long they are kept is set by keep_deliveries_days and keep_events_days under [work]. Interrupted, it goes on
    where it was when it is run again.
    """
    from mailer.services.pruning import prune

    with open_mailer(context) as mailer:
        done = prune(mailer, dry_run=dry_run)
    output.result(done, as_json, lambda: output.lines(done.summary()))


__all__ = ["app"]
