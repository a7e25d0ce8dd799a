"""Reading what an argument names: a file, or standard input where it is a dash."""

from __future__ import annotations

from pathlib import Path

from mailer.cli import output
from mailer.errors import UsageError


def is_pipe(file: Path) -> bool:
    return str(file) == "-"


def read_argument(file: Path, limit: int) -> bytes:
    """The bytes of the file, at most `limit` of them."""
    from mailer.services.files import MEGABYTE, read_bounded

    if not is_pipe(file):
        return read_bounded(file, limit)
    data = output.standard_input(limit + 1)
    if len(data) > limit:
        raise UsageError(f"standard input holds more than {limit // MEGABYTE} MB")
    return data


def address_text(argument: str, what: str = "E-mail address") -> str:
    """An address from the command line, or from standard input, which keeps it out of the process list.

    At a terminal it is asked for: waiting in silence for the end of a file looks like a program that hangs.
    """
    if argument != "-":
        return argument
    if output.interactive():
        import typer

        return str(typer.prompt(what, err=True)).strip()
    return output.standard_input(4096).decode("utf-8", "replace").strip()


def hidden_text(what: str) -> str:
    """A secret from standard input; at a terminal it is asked for, and not shown."""
    if output.interactive():
        import typer

        return str(typer.prompt(what, err=True, hide_input=True)).strip()
    return output.standard_input(4096).decode("utf-8", "replace").strip()
