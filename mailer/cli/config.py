"""`mailer config`: the settings as the program understands them."""

from __future__ import annotations

import os

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer, workspace_of

app = typer.Typer()


@app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of mailer.toml, for editors that complete and check it."""
    from mailer.config import json_schema

    output.data(json_schema())


@app.command("show")
def show_settings(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show every setting in force, from mailer.toml, the environment and the defaults. Secrets are left out."""
    from mailer.services.settings import flattened, public_settings

    with open_mailer(context) as mailer:
        settings = public_settings(mailer.settings)
    output.result(settings, as_json, lambda: output.lines(f"{name} = {value}" for name, value in flattened(settings)))


@app.command("check")
def check_settings(context: typer.Context, as_json: JsonOption = False) -> None:
    """Check mailer.toml and the list definitions; every mistake is an error with its line."""
    from mailer.services.settings import check

    report = check(workspace_of(context), os.environ)
    output.result(report, as_json, lambda: output.lines(report.summary()))
