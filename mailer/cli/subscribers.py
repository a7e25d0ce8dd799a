"""`mailer subscribers`: people and the lists they are on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text, is_pipe, read_argument
from mailer.cli.options import EmailArgument, JsonOption, LimitOption, ListOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.model import SubscriptionState
    from mailer.services.imports import Import
    from mailer.services.subscribers import Member

app = typer.Typer()

EntryState = Literal["confirmed", "pending"]
EntryOption = Annotated[
    EntryState | None,
    typer.Option("--state", help="Their state. Default: pending on a double opt-in list, confirmed on a single one."),
]
ConsentOption = Annotated[
    str | None,
    typer.Option(
        "--consent",
        metavar="WORDS",
        help="How and when they agreed. Kept as proof; needed for confirmed on a double opt-in list.",
    ),
]
StateOption = Annotated[
    Literal["pending", "confirmed", "unsubscribed"] | None, typer.Option("--state", help="Only those in this state.")
]


def state_named(name: str | None) -> SubscriptionState | None:
    from mailer.model import SubscriptionState

    return SubscriptionState(name) if name else None


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; - for standard input.")],
    list_name: ListOption,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="The file's encoding, where it is not UTF-8.")
    ] = None,
    state: EntryOption = None,
    consent: ConsentOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import the people of a CSV file: a column with the address, others become attributes.

    Rows that cannot be taken are reported with their line and written to FILE.rejected.csv to be corrected; all
    others are imported, and the exit code is 3. Who unsubscribed stays unsubscribed.
    """
    from mailer.services.consent import entry_state, proof
    from mailer.services.imports import MAX_BYTES, Options, import_subscribers
    from mailer.services.subscribers import Entry

    data, piped = read_argument(file, MAX_BYTES), is_pipe(file)
    with open_mailer(context) as mailer:
        definition = mailer.list_named(list_name)
        origin = "import" if piped else f"import of {file.name}"
        entry = Entry(definition, entry_state(definition, state_named(state), consent), proof(origin, consent))
        options = Options(encoding, dry_run, None if piped else file)
        done = import_subscribers(mailer.store, entry, data, options, mailer.now())
    tell_rejected(done)
    output.result(done, as_json, lambda: output.lines(done.summary()))
    done.raise_for_rejected()


def tell_rejected(done: Import) -> None:
    for warning in done.warnings:
        output.warn(warning)
    for row in done.rejected:
        output.warn(f"line {row.line}: {row.reason}")


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
    from mailer.services.consent import entry_state, proof
    from mailer.services.subscribers import Entry, add, attributes_of, checked_address

    address, attributes = checked_address(address_text(email)), attributes_of(values or ())
    with open_mailer(context) as mailer:
        definition = mailer.list_named(list_name)
        entry = Entry(definition, entry_state(definition, state_named(state), consent), proof("added", consent))
        added = add(mailer.store, entry, address, attributes, mailer.now())
    output.result(added, as_json, lambda: output.lines([added.summary()]))


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
