"""Options that several commands share, so that they read and behave alike everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print the same data as JSON.")]
ListOption = Annotated[str, typer.Option("--list", "-l", metavar="NAME", help="The list, as in subscribers/NAME.toml.")]
LimitOption = Annotated[int | None, typer.Option("--limit", "-n", metavar="N", min=1, help="Print at most this many.")]
EmailArgument = Annotated[
    str,
    typer.Argument(
        metavar="EMAIL", help="The address; - reads it from standard input, which keeps it out of the process list."
    ),
]
