"""`mailer subscribers add, unsubscribe`: joining and leaving a list."""

from __future__ import annotations

from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text
from mailer.cli.options import EmailArgument, JsonOption, ListOption
from mailer.cli.session import open_mailer
from mailer.cli.subscribers.options import ConsentOption, EntryOption, state_named

app = typer.Typer()


@app.command("add")
def add_subscriber(
    context: typer.Context,
    email: EmailArgument,
    list_name: ListOption,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An attribute, such as city=Oslo; repeatable."),
    ] = None,
    state: EntryOption = None,
    consent: ConsentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put one person on a list, or change their attributes."""
    from mailer.model import How
    from mailer.services.consent import entry_state, origin
    from mailer.services.subscribers import Entry, add, attributes_of, checked_address

    address, attributes = checked_address(address_text(email)), attributes_of(values or ())
    with open_mailer(context) as mailer:
        definition = mailer.list_named(list_name)
        came = origin(How.COMMAND, "added", consent)
        entry = Entry(definition, entry_state(definition, state_named(state), consent), came)
        added = add(mailer.store, entry, address, attributes, mailer.now())
    output.result(added, as_json, lambda: output.lines([added.summary()]))


@app.command("unsubscribe")
def unsubscribe(
    context: typer.Context,
    email: EmailArgument,
    list_name: ListOption,
    reason: Annotated[
        str, typer.Option("--reason", metavar="WORDS", help="Kept with the subscription, such as: asked by phone.")
    ] = "by hand",
    as_json: JsonOption = False,
) -> None:
    """Take one person off a list. No later import puts them back."""
    from mailer.services.subscribers import checked_address, unsubscribe

    address = checked_address(address_text(email))
    with open_mailer(context) as mailer:
        done = unsubscribe(mailer.store, mailer.list_named(list_name), address, reason, mailer.now())
    output.result(done, as_json, lambda: output.lines([done.summary()]))
