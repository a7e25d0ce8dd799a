"""`mailer subscribers import`: people from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import is_pipe, read_argument
from mailer.cli.options import JsonOption, ListOption
from mailer.cli.session import open_mailer
from mailer.cli.subscribers.options import ConsentOption, EntryOption, state_named

if TYPE_CHECKING:
    from mailer.services.imports import Import

app = typer.Typer()


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
    from mailer.model import How
    from mailer.services.consent import entry_state, origin
    from mailer.services.imports import MAX_BYTES, Options, import_subscribers
    from mailer.services.subscribers import Entry

    data, piped = read_argument(file, MAX_BYTES), is_pipe(file)
    with open_mailer(context) as mailer:
        definition = mailer.list_named(list_name)
        words = "import" if piped else f"import of {file.name}"
        came = origin(How.IMPORT, words, consent)
        entry = Entry(definition, entry_state(definition, state_named(state), consent), came)
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
