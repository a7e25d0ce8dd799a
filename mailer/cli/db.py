"""`mailer db`: the database behind the workspace."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import hidden_text
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.services.binding import Bound
    from mailer.services.moving import Moved
    from mailer.store.bindings import Binding

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
                "may send": found.sends_from,
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


@app.command("bind")
def bind_database(
    context: typer.Context,
    keep: Annotated[
        bool, typer.Option("--keep", help="Let the places that are bound send as well: for several hosts.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be bound and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Let this place send from the database: after it was moved, or as one host of several.

    The first place that sends is bound by itself, and a copy of the database elsewhere refuses to send.
    """
    from mailer.errors import UsageError
    from mailer.services import binding

    with open_mailer(context) as mailer:
        before = binding.show(mailer)
        planned = binding.bind(mailer, keep=keep, dry_run=True)
        if planned.removed and not (dry_run or yes):
            output.note(f"may send now: {before.words}")
            if not output.interactive():
                raise UsageError(
                    f"{labels(planned.removed)} could not send from this database any more, which needs a word: --yes",
                    hint="--keep lets both send; --dry-run shows it and changes nothing.",
                )
            if not typer.confirm(f"Let only {planned.here} send from now on?", err=True):
                raise UsageError("nothing was changed")
        done = planned if dry_run else binding.bind(mailer, keep=keep)
    output.result(done, as_json, lambda: output.lines(bound_lines(done)))


@app.command("move")
def move_database(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            envvar="MAILER_MOVE_TO",
            help="The new database: postgresql://USER@HOST/NAME or sqlite:///FILE, empty or not there yet. An address "
            "with a password is read from the environment, or from standard input with --to -.",
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be moved and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Carry everything into another database, SQLite or PostgreSQL, compare both, and shut the old one.

    Interrupted, the same command goes on where it stopped; until it is done the old one stays in use.
    """
    from mailer.cli.progress import shown_progress
    from mailer.services import moving

    url = moving_address(context, to)
    with open_mailer(context) as mailer, shown_progress("rows") as progress:
        done = moving.move(mailer, url, dry_run=dry_run, progress=progress)
    output.result(done, as_json, lambda: show_moved(done))


def moving_address(context: typer.Context, to: str) -> str:
    """The new address; one that says a password must not come from the command line."""
    from mailer.errors import UsageError
    from mailer.services.moving import has_password

    if to == "-":
        return hidden_text("Address of the new database")
    named = context.get_parameter_source("to")
    if named is not None and named.name == "COMMANDLINE" and has_password(to):
        raise UsageError(
            "--to holds a password, which everybody on this machine can read there",
            hint="Put the address into MAILER_MOVE_TO and leave --to out, or give it on standard input: --to -",
        )
    return to


def show_moved(done: Moved) -> None:
    output.columns(
        ("table", "rows", "checksum"),
        [(table.name, f"{table.rows:,}", table.checksum) for table in done.tables],
        right=("rows",),
    )
    begun = f", {done.begun:,} of them by an earlier try" if done.begun else ""
    if done.dry_run:
        output.note(f"would move {done.rows:,} rows{begun}, from {done.source} to {done.target}; nothing was changed")
        return
    output.note(f"moved {done.rows:,} rows{begun}, the same on both sides, from {done.source} to {done.target}")
    output.note("nothing may be written to the old one any more. Now:")
    for step in done.next:
        output.note(f"- {step}")


def labels(places: Iterable[Binding]) -> str:
    return ", ".join(place.label for place in places)


def bound_lines(done: Bound) -> list[str]:
    lines = [f"may send: {done.words}"]
    return [*lines, f"may not send any more: {labels(done.removed)}"] if done.removed else lines
