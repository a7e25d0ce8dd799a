"""`mailer subscribers list, export`: looking at the people of a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption, LimitOption, ListOption
from mailer.cli.session import open_mailer
from mailer.cli.subscribers.options import StateOption, state_named

if TYPE_CHECKING:
    from mailer.services.subscribers import Member

app = typer.Typer()


@app.command("list")
def list_subscribers(
    context: typer.Context,
    list_name: ListOption,
    state: StateOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the people on a list."""
    from mailer.services.subscribers import members

    with open_mailer(context) as mailer:
        found = members(mailer.store, mailer.list_named(list_name).name, state_named(state), limit)
        if as_json:
            output.data_stream(found)
        else:
            output.columns(("EMAIL", "STATE", "SINCE", "ATTRIBUTES"), member_rows(found))


def member_rows(found: Iterable[Member]) -> Iterable[Sequence[object]]:
    for member in found:
        attributes = ", ".join(f"{name}={value}" for name, value in member.attributes.items())
        yield member.email, member.state.value, member.created_at, attributes


@app.command("export")
def export_subscribers(
    context: typer.Context,
    list_name: ListOption,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file. Default: standard output.")
    ] = None,
    state: StateOption = None,
) -> None:
    """Export a list as CSV that a spreadsheet opens safely and `subscribers import` reads back unchanged."""
    from mailer.services.exports import csv_lines
    from mailer.services.spreadsheet import write_private

    with open_mailer(context) as mailer:
        lines = csv_lines(mailer.store, mailer.list_named(list_name).name, state_named(state))
        if file is None:
            for line in lines:
                output.raw(line)
            return
        number = write_private(file, lines) - 1
    output.note(f"{number} subscribers written to {file}")
