"""`mailer issues`: change which articles an issue file lists, without opening an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.services.choice import Chosen

app = typer.Typer()

KeysArgument = Annotated[
    list[str], typer.Argument(metavar="KEY...", help="Keys of articles, or as much of their start as is unique.")
]


@app.command("add")
def add(
    context: typer.Context,
    issue: IssueArgument,
    keys: KeysArgument,
    again: Annotated[bool, typer.Option("--again", help="Although a list got one of them before.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add articles to an issue file, at the end."""
    from mailer.services.choice import add_articles

    with open_mailer(context) as mailer:
        chosen = add_articles(mailer, bare(issue), keys, again=again)
    output.result(chosen, as_json, lambda: show(chosen))


@app.command("remove")
def remove(context: typer.Context, issue: IssueArgument, keys: KeysArgument, as_json: JsonOption = False) -> None:
    """Take articles out of an issue file."""
    from mailer.services.choice import remove_articles

    with open_mailer(context) as mailer:
        chosen = remove_articles(mailer, bare(issue), keys)
    output.result(chosen, as_json, lambda: show(chosen))


@app.command("order")
def order(context: typer.Context, issue: IssueArgument, keys: KeysArgument, as_json: JsonOption = False) -> None:
    """Put articles of an issue file first, in the order given; the others follow."""
    from mailer.services.choice import order_articles

    with open_mailer(context) as mailer:
        chosen = order_articles(mailer, bare(issue), keys)
    output.result(chosen, as_json, lambda: show(chosen))


def show(chosen: Chosen) -> None:
    output.columns(("KEY", "WHEN (UTC)", "TITLE"), [(each.key, each.when, each.title) for each in chosen.articles])
