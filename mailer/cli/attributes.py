"""`mailer attributes`: what is known of people, and what is found fast."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.services.attributes import Attribute

app = typer.Typer()

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The attribute, as attributes list shows it.")]


@app.command("list")
def list_attributes(
    context: typer.Context,
    list_name: Annotated[
        str | None, typer.Option("--list", "-l", metavar="NAME", help="Only those of this list's people.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the attributes that people have: how many have one, of which type. Nobody's values are shown."""
    from mailer.services.attributes import attribute_list

    with open_mailer(context) as mailer:
        if list_name is not None:
            mailer.list_named(list_name)
        output.progress("reading what is known of everybody")
        found = attribute_list(mailer, list_name)
    output.result(found, as_json, lambda: show_attributes(found))


def show_attributes(found: Iterable[Attribute]) -> None:
    rows = [(each.name, each.people, types_of(each), "yes" if each.indexed else "") for each in found]
    output.columns(("NAME", "PEOPLE", "TYPES", "INDEXED"), rows, right=("PEOPLE",))


def types_of(attribute: Attribute) -> str:
    """`text`, or `text (12), number (3)` where there are several."""
    if len(attribute.types) == 1:
        return next(iter(attribute.types))
    return ", ".join(f"{kind} ({number})" for kind, number in attribute.types.items())


@app.command("index")
def index(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Make segments that compare this attribute with a text fast. Importing people takes a little longer then."""
    from mailer.services.attributes import index

    with open_mailer(context) as mailer:
        output.progress("indexing")
        done = index(mailer, name)
    sentence = f"{name} is indexed" if done.changed else f"{name} was indexed already"
    output.result(done, as_json, lambda: output.lines([sentence]))


@app.command("unindex")
def unindex(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Drop the index of an attribute; segments find the same people as before."""
    from mailer.services.attributes import unindex

    with open_mailer(context) as mailer:
        done = unindex(mailer, name)
    sentence = f"{name} is no longer indexed" if done.changed else f"{name} was not indexed"
    output.result(done, as_json, lambda: output.lines([sentence]))
