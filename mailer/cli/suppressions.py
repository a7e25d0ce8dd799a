"""`mailer suppressions`: addresses and domains that must not be mailed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text, is_pipe, read_argument
from mailer.cli.options import JsonOption, LimitOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.services.suppressions import Entry, Shown

app = typer.Typer()

ValueArgument = Annotated[
    str,
    typer.Argument(
        metavar="VALUE",
        help="An address, or @example.org for exactly that domain; - reads it from standard input, which keeps it out "
        "of the process list.",
    ),
]
OneListOption = Annotated[
    str | None, typer.Option("--list", "-l", metavar="NAME", help="Only on this list. Default: on every list.")
]
ReasonOption = Annotated[
    str | None,
    typer.Option(
        "--reason", metavar="REASON", help="manual, bounced, complained, unsubscribed or invalid. Default: manual."
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")]


@app.command("add")
def add_suppression(
    context: typer.Context,
    value: ValueArgument,
    list_name: OneListOption = None,
    reason: ReasonOption = None,
    note: Annotated[str, typer.Option("--note", metavar="WORDS", help="Kept with it: who asked for it, and how.")] = "",
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Keep an address or a whole domain from being mailed, also by later imports."""
    from mailer.model import SuppressionReason
    from mailer.services.suppressions import Suppression, add, checked_note, reason_named, value_of

    entry = Suppression(
        value_of(address_text(value, "Address or @domain")),
        reason_named(reason) or SuppressionReason.MANUAL,
        checked_note(note) if note else "",
    )
    with open_mailer(context) as mailer:
        done = add(mailer, entry, list_name, dry_run=dry_run)
    tell_here(done.here)
    output.result(done, as_json, lambda: output.lines([done.summary()]))


@app.command("remove")
def remove_suppression(
    context: typer.Context,
    value: ValueArgument,
    note: Annotated[str, typer.Option("--note", metavar="WORDS", help="Why it is lifted. Kept for ever.")],
    list_name: OneListOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lift a suppression, because the person asked for mail again. Their subscriptions are as they were."""
    from mailer.services.suppressions import checked_note, remove, value_of

    wanted, words = value_of(address_text(value, "Address or @domain")), checked_note(note)
    with open_mailer(context) as mailer:
        done = remove(mailer, wanted, list_name, words, dry_run=dry_run)
    output.result(done, as_json, lambda: output.lines(done.summary()))


@app.command("list")
def list_suppressions(
    context: typer.Context,
    list_name: Annotated[
        str | None, typer.Option("--list", "-l", metavar="NAME", help="Only the entries of this list alone.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="REASON", help="Only those of this reason.")] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is suppressed, where and why. Forgotten addresses stand as keyed hashes."""
    from itertools import islice

    from mailer.services.suppressions import any_reason, listing

    wanted = any_reason(reason)
    with open_mailer(context) as mailer:
        found = islice(listing(mailer, list_name, wanted), limit)
        if as_json:
            output.data_stream(found)
        else:
            output.columns(HEADERS, rows_of(found))


@app.command("show")
def show_suppression(context: typer.Context, value: ValueArgument, as_json: JsonOption = False) -> None:
    """Show whether and why an address or a domain is suppressed, and what was ever added or lifted."""
    from mailer.services.suppressions import show, value_of

    wanted = value_of(address_text(value, "Address or @domain"))
    with open_mailer(context) as mailer:
        shown = show(mailer, wanted)
    output.result(shown, as_json, lambda: print_shown(shown))


@app.command("import")
def import_suppressions(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; - for standard input.")],
    list_name: Annotated[
        str | None, typer.Option("--list", "-l", metavar="NAME", help="For rows without a list. Default: every list.")
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            metavar="REASON",
            help="For rows without a reason. Default: what the file's name says, or manual.",
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="The file's encoding, where it is not UTF-8.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Suppress everybody in a file: our own export, a provider's, or one address or domain a line.

    Nothing is ever lifted. Rows that cannot be taken are reported with their line, and the exit code is 3.
    """
    from mailer.services.suppressions import MAX_BYTES, ImportOptions, import_file, reason_named
    from mailer.wording import counted

    data = read_argument(file, MAX_BYTES)
    options = ImportOptions(list_name, reason_named(reason), encoding, "" if is_pipe(file) else file.name, dry_run)
    with open_mailer(context) as mailer:
        done = import_file(mailer, data, options)
    for row in done.rejected:
        output.warn(f"line {row.line}: {row.reason}")
    if done.foreign:
        hashes = counted(done.foreign, "hash", "hashes")
        output.warn(f"{hashes} of a key that this workspace does not have: keeps nobody out")
    tell_here(done.here)
    output.result(done, as_json, lambda: output.lines(done.summary()))
    done.raise_for_rejected()


def tell_here(number: int) -> None:
    """That somebody is here who asked to be erased, most likely out of a backup."""
    from mailer.wording import counted

    if number:
        people = counted(number, "person who was forgotten is", "people who were forgotten are")
        output.warn(f"{people} still here, and not mailed from now on; erase them: mailer subscribers forget -")
        output.note("their addresses: mailer suppressions list --reason forgotten")


@app.command("export")
def export_suppressions(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file. Default: standard output.")
    ] = None,
) -> None:
    """Export all of it as CSV that a spreadsheet opens safely and `suppressions import` reads back unchanged."""
    from mailer.services.spreadsheet import write_private
    from mailer.services.suppressions import csv_lines, listing

    with open_mailer(context) as mailer:
        lines = csv_lines(listing(mailer))
        if file is None:
            for line in lines:
                output.raw(line)
            return
        number = write_private(file, lines) - 1
    output.note(f"{number} suppressions written to {file}")


HEADERS = ("VALUE", "LIST", "REASON", "SINCE (UTC)", "NOTE")


def where(list_name: str | None) -> str:
    return list_name or "(every list)"


def rows_of(entries: Iterable[Entry]) -> Iterable[Sequence[object]]:
    for one in entries:
        yield one.value, where(one.list_name), one.reason.value, one.created_at, one.note


def print_shown(shown: Shown) -> None:
    if shown.entries:
        output.columns(HEADERS, rows_of(shown.entries))
    else:
        output.lines(["not suppressed"])
    if shown.history:
        rows = [
            (one.at, "added" if one.added else "lifted", one.value, where(one.list_name), one.reason.value, one.note)
            for one in shown.history
        ]
        output.lines(["", "history"])
        output.columns(("WHEN (UTC)", "WHAT", "VALUE", "LIST", "REASON", "NOTE"), rows)


@app.command("sync")
def sync_suppressions(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="From the beginning, and not from where the last reading ended.")
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read whom the provider does not mail any more, and suppress them here as well.

    Interrupted, the next one goes on. Nothing is lifted.
    """
    from mailer.services.suppressionsync import sync

    with open_mailer(context) as mailer:
        done = sync(mailer, everything=everything, dry_run=dry_run)
    output.result(done, as_json, lambda: output.lines([each.told() for each in done]))
