"""`mailer lists`: the lists that the workspace defines."""

from __future__ import annotations

from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

app = typer.Typer()


@app.command("list")
def list_lists(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the subscriber lists with the number of people on each."""
    from mailer.model import SubscriptionState
    from mailer.services.lists import list_figures

    with open_mailer(context) as mailer:
        figures = list_figures(mailer.store, mailer.lists)
    headers = ("NAME", "TITLE", "OPT-IN", *(state.value.upper() for state in SubscriptionState), "MAILABLE")
    rows = [
        (each.name, each.definition.title, each.definition.opt_in, *each.counts.values(), each.mailable)
        for each in figures
    ]
    output.result(figures, as_json, lambda: output.columns(headers, rows, right=headers[3:]))


@app.command("show")
def show_list(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The list, as in subscribers/NAME.toml.")],
    as_json: JsonOption = False,
) -> None:
    """Show one list: what its file says and who is on it, in numbers."""
    from mailer.services.lists import list_figures

    with open_mailer(context) as mailer:
        (figures,) = list_figures(mailer.store, {name: mailer.list_named(name)})
    definition = figures.definition
    output.result(
        figures,
        as_json,
        lambda: output.fields(
            {
                "name": definition.name,
                "title": definition.title,
                "description": definition.description,
                "opt-in": definition.opt_in,
                "from": definition.sender,
                "reply to": definition.reply_to,
                "language": definition.language,
                **{state.value: str(number) for state, number in figures.counts.items()},
                "can be mailed": str(figures.mailable),
            }
        ),
    )
