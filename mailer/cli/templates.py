"""`mailer templates`: which designs there are, and how to make one your own."""

from __future__ import annotations

from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import workspace_of

app = typer.Typer()


@app.command("list")
def list_templates(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the template files and where each comes from."""
    from mailer.services.templates import template_files

    files = template_files(workspace_of(context))
    output.result(
        files,
        as_json,
        lambda: output.columns(("NAME", "FROM", "FILE"), [(each.name, each.origin, each.path) for each in files]),
    )


@app.command("eject")
def eject_template(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A shipped file, as `mailer templates list` names it.")],
    as_json: JsonOption = False,
) -> None:
    """Copy one shipped template file into the workspace, where it replaces the shipped one."""
    from mailer.services.templates import eject

    file = eject(workspace_of(context), name)
    output.result(file, as_json, lambda: output.lines([f"{file.path}"]))
