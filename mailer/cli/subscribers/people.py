"""`mailer subscribers show, list, tags, export`: looking at people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text
from mailer.cli.options import EmailArgument, JsonOption, LimitOption, ListOption
from mailer.cli.progress import shown_progress
from mailer.cli.session import open_mailer
from mailer.cli.subscribers.options import SegmentOption, StateOption, TagsOption, state_named
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.services.people import Member, Person

app = typer.Typer()


@app.command("show")
def show_subscriber(context: typer.Context, email: EmailArgument, as_json: JsonOption = False) -> None:
    """Show one person: attributes, tags, lists, the last issues, and whether they may be mailed."""
    from mailer.services.people import person
    from mailer.services.subscribers import checked_address

    address = checked_address(address_text(email))
    with open_mailer(context) as mailer:
        found = person(mailer.store, address)
        now = mailer.now()
    output.result(found, as_json, lambda: show_person(found, now))


def show_person(found: Person, now: datetime) -> None:
    output.fields(
        {
            "email": found.email,
            "known since": found.known_since,
            "tags": shown_tags(found.tags),
            "suppressed": list(suppressed_words(found)) or "no",
            "on a pause until": found.paused_until if found.paused_until and found.paused_until > now else None,
            "mail": "needs a provider that takes international addresses (SMTPUTF8)" if found.needs_smtputf8 else None,
        }
    )
    if found.attributes:
        output.lines(["", "attributes:"])
        output.fields({f"  {name}": shown_value(value) for name, value in found.attributes.items()})
    output.lines(["", "lists:" if found.lists else "on no list"])
    if found.lists:
        output.columns(
            ("LIST", "STATE", "SINCE (UTC)", "JOINED (UTC)", "ASKED TO CONFIRM (UTC)"),
            [(each.list_name, each.state.value, each.since, each.joined, each.asked_at) for each in found.lists],
        )
    output.lines(["", "last issues:" if found.issues else "no issue was sent to them yet"])
    if found.issues:
        output.columns(
            ("ISSUE", "BECAME", "WHEN (UTC)", "LIST", "SUBJECT"),
            [(each.issue, each.state.value, each.at, each.list_name, each.subject) for each in found.issues],
        )


def suppressed_words(found: Person) -> Iterator[str]:
    for entry in found.suppressed:
        where = f"on {entry.list_name}" if entry.list_name else "on every list"
        by = " by its domain" if entry.by == "domain" else ""
        note = f": {entry.note}" if entry.note else ""
        since = f" since {entry.since:%Y-%m-%d}" if entry.since else ""
        yield f"{where}{by}{since} ({entry.reason.value}{note})"


def shown_value(value: Any) -> str:
    """An attribute as it would be set: text as it is, everything else as JSON."""
    from mailer.cli.jsontext import dumps

    return value if isinstance(value, str) else dumps(value, indent=None)


def shown_tags(tags: Iterable[str]) -> str:
    """One that has a comma in it is told apart from two."""
    return ", ".join(f'"{tag}"' if "," in tag else tag for tag in tags)


def shown_attributes(attributes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={shown_value(value)}" for name, value in attributes.items())


@app.command("list")
def list_subscribers(
    context: typer.Context,
    list_name: ListOption,
    state: StateOption = None,
    segment: SegmentOption = None,
    tags: TagsOption = None,
    sort: Annotated[
        Literal["joined", "email"], typer.Option("--sort", help="In the order they came, or of their addresses.")
    ] = "joined",
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the people on a list."""
    from mailer.services.people import Asked, members, which

    with open_mailer(context) as mailer:
        asked = Asked(mailer.list_named(list_name), state_named(state), segment, tuple(tags or ()))
        found = members(mailer.store, which(mailer, asked), limit, by_email=sort == "email")
        if as_json:
            output.data_stream(found)
        else:
            output.columns(("EMAIL", "STATE", "JOINED (UTC)", "TAGS", "ATTRIBUTES"), member_rows(found))


def member_rows(found: Iterable[Member]) -> Iterable[Sequence[object]]:
    for member in found:
        yield (
            member.email,
            member.state.value,
            member.joined,
            shown_tags(member.tags),
            shown_attributes(member.attributes),
        )


@app.command("tags")
def list_tags(
    context: typer.Context,
    list_name: Annotated[
        str | None, typer.Option("--list", "-l", metavar="NAME", help="The people of this list only.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the tags that people have, with how many have each."""
    from mailer.services.people import tag_counts

    with open_mailer(context) as mailer:
        name = mailer.list_named(list_name).name if list_name else None
        found = tag_counts(mailer.store, name)
    rows = [(each.tag, each.people) for each in found]
    output.result(found, as_json, lambda: output.columns(("TAG", "PEOPLE"), rows, right=("PEOPLE",)))


@app.command("export")
def export_subscribers(
    context: typer.Context,
    list_name: ListOption,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file. Default: standard output.")
    ] = None,
    state: StateOption = None,
    segment: SegmentOption = None,
    tags: TagsOption = None,
    kind: Annotated[
        Literal["csv", "jsonl"] | None,
        typer.Option("--format", help="CSV, or JSON with a person on each line. Default: what FILE ends in, else csv."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="NAMES", help="Only these attributes, as: city,tags.")
    ] = None,
) -> None:
    """Export a list as a file that a spreadsheet opens safely and `subscribers import` reads back unchanged.

    In CSV, := behind a column's title says that its cells are JSON, such as numbers. JSON lines keep every value.
    """
    from mailer.services.exports import Wanted, export_blocks, export_file, format_of
    from mailer.services.people import Asked, number_of, which

    names = tuple(name.strip() for name in columns.split(",") if name.strip()) if columns is not None else None
    with open_mailer(context) as mailer:
        asked = Asked(mailer.list_named(list_name), state_named(state), segment, tuple(tags or ()))
        wanted = Wanted(which(mailer, asked), format_of(kind, file), names)
        if file is None:
            for text in export_blocks(mailer.store, wanted):
                output.raw(text)
            return
        total = number_of(mailer.store, wanted.which)
        with shown_progress("people") as progress:
            number = export_file(mailer.store, wanted, file, lambda done: progress(done, done / max(total, 1)))
    output.note(f"{counted(number, 'subscriber')} written to {file}")
