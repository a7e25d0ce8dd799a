"""`mailer subscribers import, imports`: people from a file."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mailer.cli import output
from mailer.cli.arguments import is_pipe, read_argument
from mailer.cli.jobs import QueueOption, tell_left
from mailer.cli.options import JsonOption, LimitOption, ListOption
from mailer.cli.progress import shown_progress
from mailer.cli.session import open_mailer
from mailer.cli.signals import stop_on_signal
from mailer.cli.subscribers.options import ConsentOption, EntryOption, state_named
from mailer.cli.subscribers.people import shown_attributes, shown_tags
from mailer.errors import NoAddressColumnError, UsageError

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.audience.layout import Told
    from mailer.services.importreport import Import
    from mailer.services.imports import Options
    from mailer.services.subscribers import Entry
    from mailer.store.imports import ImportRecord

app = typer.Typer()

MOST_TOLD = 20

UpdateOption = Annotated[
    Literal["keep", "overwrite", "fill"],
    typer.Option(
        "--update",
        help="Of people who are known: keep what is known of them, overwrite it with the file's values, or fill only "
        "what is missing.",
    ),
]


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file; - for standard input.")],
    list_name: ListOption,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=NAME", help='What a column becomes: "E-mail=email"; repeatable.'),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="The file's encoding, where it is not UTF-8.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", metavar="SIGN", help="What stands between its cells; tab for a tab.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="The sheet of a workbook, by name or number.")
    ] = None,
    exporter: Annotated[
        str | None, typer.Option("--from", metavar="PROGRAM", help="Whose export it is, where that is not seen.")
    ] = None,
    update: UpdateOption = "overwrite",
    state: EntryOption = None,
    consent: ConsentOption = None,
    consent_text: Annotated[
        bool, typer.Option("--consent-text", help="They agreed to the list's consent text, word for word.")
    ] = False,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag for everybody in the file; repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also when this very file was imported before.")] = False,
    queue: QueueOption = False,
    as_json: JsonOption = False,
) -> None:
    """Import the people of a file: CSV, a workbook (XLSX), JSON lines, or a ZIP file of those.

    A column with the address, others become attributes; the exports of other programs are known. Rows that cannot be
    taken are reported with their line and written to FILE.rejected.csv to be corrected; all others are imported, and
    the exit code is 3. Who unsubscribed stays unsubscribed. Interrupted, the same command goes on.
    """
    from mailer.audience.layout import Told
    from mailer.services.imports import MAX_BYTES, Options
    from mailer.store.admission import Update

    data, piped = read_argument(file, MAX_BYTES), is_pipe(file)
    told = Told(encoding, delimiter_named(delimiter), mapped(mapping or ()), sheet, exporter)
    options = Options(told, Update(update), tags_of(tags or ()), dry_run, again, None if piped else file)
    with open_mailer(context) as mailer:
        entry = entry_of(mailer, list_name, file, (state, consent, consent_text))
        if queue and not dry_run:
            tell_left(mailer, leave(mailer, entry, data, options), as_json)
            return
        done = carried_out(mailer, entry, data, options)
    tell(done, as_json)
    output.result(done, as_json, lambda: show(done))
    done.raise_for_attention("the same command" if piped else again_words(file, list_name))


def carried_out(mailer: Mailer, entry: Entry, data: bytes, options: Options) -> Import:
    """Imports; at a terminal a person is asked which column holds the addresses, where that cannot be seen."""
    from mailer.services.imports import Watch, import_subscribers

    with shown_progress("rows") as progress, stop_on_signal(tell_stopping) as stop:
        watched = replace(options, watch=Watch(progress, stop))
        try:
            return import_subscribers(mailer.store, entry, data, watched, mailer.now())
        except NoAddressColumnError as error:
            if options.file is None or not output.interactive():
                raise
            told = asked(error, options.told)
        return import_subscribers(mailer.store, entry, data, replace(watched, told=told), mailer.now())


def leave(mailer: Mailer, entry: Entry, data: bytes, options: Options) -> int:
    """Leaves it to the workers, with the same questions."""
    from mailer.services.jobs import leave_import

    try:
        return leave_import(mailer, entry, data, options)
    except NoAddressColumnError as error:
        if options.file is None or not output.interactive():
            raise
        return leave_import(mailer, entry, data, replace(options, told=asked(error, options.told)))


def asked(error: NoAddressColumnError, told: Told) -> Told:
    """What was told, and the column that a person names."""
    titles = [output.plain(title) or "(no title)" for title in error.titles]
    for number, title in enumerate(titles, 1):
        cells = [row[number - 1] for row in error.rows[:3] if number <= len(row)]
        output.note(f"{number:>4}  {title}: {', '.join(output.plain(cell)[:30] for cell in cells)}")
    number = typer.prompt("Which column holds the addresses", type=int, err=True)
    if not 1 <= number <= len(titles):
        raise UsageError(f"there are columns 1 to {len(titles)}")
    return replace(told, mapping={**told.mapping, str(number): "email"})


def entry_of(mailer: Mailer, list_name: str, file: Path, said: tuple[Any, str | None, bool]) -> Entry:
    from mailer.model import How
    from mailer.services.consent import entry_state, needs_text, origin
    from mailer.services.subscribers import Entry

    state, consent, consent_text = said
    definition = mailer.list_named(list_name)
    if consent_text:
        needs_text(definition, consent)
    came = origin(How.IMPORT, "import" if is_pipe(file) else f"import of {file.name}", consent)
    return Entry(definition, entry_state(definition, state_named(state), consent), came, consent_text)


def mapped(texts: list[str] | tuple[()]) -> dict[str, str]:
    """`TITLE=NAME` texts. A title may have equals signs in it, a name has none."""
    mapping: dict[str, str] = {}
    for text in texts:
        title, equals, name = text.rpartition("=")
        if not equals or not title.strip() or not name.strip():
            raise UsageError("--map takes COLUMN=NAME", hint='--map "E-mail=email", --map "Notes=-" to leave it out')
        if title in mapping:
            raise UsageError(f'--map says twice what the column "{title}" becomes')
        mapping[title] = name.strip()
    return mapping


def delimiter_named(text: str | None) -> str | None:
    sign = {"tab": "\t", "\\t": "\t"}.get(text or "", text)
    if sign is not None and len(sign) != 1:
        raise UsageError("--delimiter is one sign, or the word tab")
    return sign


def tags_of(texts: list[str] | tuple[()]) -> tuple[str, ...]:
    from mailer.audience.tagging import checked_tag, tag_set

    try:
        return tag_set(map(checked_tag, texts))
    except ValueError as error:
        raise UsageError(f"--tag: {error}") from None


def tell(done: Import, as_json: bool) -> None:
    """What is to be known beside the result."""
    for warning in done.warnings:
        output.warn(warning)
    for row in done.rejected[:MOST_TOLD]:
        output.warn(row.told())
    if done.refused > MOST_TOLD:
        output.warn(f"and {done.refused - MOST_TOLD} rows more")
    if done.done_before and not as_json:
        output.note("--again does it once more")


def show(done: Import) -> None:
    if done.dry_run:
        output.lines(done.understood())
        rows = [
            (row.line, row.email, shown_tags(row.tags), row.said, shown_attributes(row.attributes))
            for row in done.sample
        ]
        output.columns(("LINE", "EMAIL", "TAGS", "SAYS", "ATTRIBUTES"), rows, right=("LINE",))
    output.lines(done.summary())


def again_words(file: Path, list_name: str) -> str:
    return f"mailer subscribers import {shlex.quote(str(file))} --list {list_name}, with the same options"


def tell_stopping() -> None:
    output.note("stopping after these rows; once more stops at once")


@app.command("imports")
def list_imports(
    context: typer.Context,
    list_name: Annotated[str | None, typer.Option("--list", "-l", metavar="NAME", help="Only onto this list.")] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the imports, newest first: what is in, and which were interrupted and wait to be finished."""
    from mailer.services.imports import imports_of

    with open_mailer(context) as mailer:
        name = mailer.list_named(list_name).name if list_name else None
        found = imports_of(mailer.store, name, limit)
    output.result(found, as_json, lambda: show_imports(found))


def show_imports(found: list[ImportRecord]) -> None:
    from mailer.model import ImportState

    rows = [
        (one.id, one.started_at, one.list_name, one.name, one.rows, one.counts.get("new", 0), one.state.value)
        for one in found
    ]
    output.columns(("ID", "STARTED", "LIST", "FILE", "ROWS", "NEW", "STATE"), rows, right=("ID", "ROWS", "NEW"))
    for one in found:
        if one.state is ImportState.RUNNING:
            file = "-" if one.name == "standard input" else one.name
            output.note(
                f"import {one.id} runs, or was interrupted after {one.rows:,} rows; to go on: "
                f"{again_words(Path(file), one.list_name)}"
            )
