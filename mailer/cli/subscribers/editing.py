"""`mailer subscribers set, tag, untag, rename`: changing what is known of people, one or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import address_text, read_argument
from mailer.cli.options import JsonOption
from mailer.cli.progress import shown_progress
from mailer.cli.session import open_mailer
from mailer.cli.subscribers.options import SegmentOption, StateOption, state_named
from mailer.errors import UsageError

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.audience.edits import Edit
    from mailer.services.editing import Addresses, Edited
    from mailer.store.people import Which

app = typer.Typer()

ManyOption = Annotated[
    str | None, typer.Option("--list", "-l", metavar="NAME", help="Everybody on this list instead of one address.")
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="The addresses in this file, one on each line; - for standard input."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever the number of people.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say how many would change, and change nothing.")]
WHOM = "The address (- reads it from standard input), unless --list or --file names people; then "


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose data is to change, as the options say it."""

    list_name: str | None
    segment: str | None
    state: str | None
    file: Path | None

    @property
    def many(self) -> bool:
        """Whether people are named by an option, and not by their address."""
        return self.list_name is not None or self.file is not None

    def check(self) -> None:
        """UsageError for options that cannot go together."""
        if self.list_name is not None and self.file is not None:
            raise UsageError("either --list or --file")
        if self.list_name is None and (self.segment is not None or self.state is not None):
            raise UsageError("--segment and --state choose among the people of a list: add --list NAME")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a change is made."""

    yes: bool
    dry_run: bool
    as_json: bool


@app.command("set")
def set_attributes(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EMAIL] KEY=VALUE...", help=WHOM + "text as city=Oslo, JSON as age:=34."),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="KEY", help="Take this attribute away; repeatable.")
    ] = None,
    list_name: ManyOption = None,
    segment: SegmentOption = None,
    state: StateOption = None,
    file: FileOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set or take away attributes of one person, of a list, or of part of it.

    mailer subscribers set ada@example.org city=Oslo age:=34 --unset phone
    """
    from mailer.audience.edits import parse_edit

    whom = Whom(list_name, segment, state, file)
    email, settings = split(words or [], whom)
    try:
        edit = parse_edit(settings, unset or ())
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not edit.values and not edit.unset:
        raise UsageError("nothing to set", hint="city=Oslo, age:=34 or --unset city")
    run(context, (email, whom), edit, Manner(yes, dry_run, as_json))


@app.command("tag")
def tag_people(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="[EMAIL] TAG...", help=WHOM + "the tags.")],
    list_name: ManyOption = None,
    segment: SegmentOption = None,
    state: StateOption = None,
    file: FileOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give tags to one person, to a list, or to part of it. Case makes no difference."""
    from mailer.audience.edits import Edit

    whom = Whom(list_name, segment, state, file)
    email, tags = split(words, whom)
    run(context, (email, whom), Edit(tag=checked_tags(tags)), Manner(yes, dry_run, as_json))


@app.command("untag")
def untag_people(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="[EMAIL] TAG...", help=WHOM + "the tags.")],
    list_name: ManyOption = None,
    segment: SegmentOption = None,
    state: StateOption = None,
    file: FileOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take tags from one person, from a list, or from part of it."""
    from mailer.audience.edits import Edit

    whom = Whom(list_name, segment, state, file)
    email, tags = split(words, whom)
    run(context, (email, whom), Edit(untag=checked_tags(tags)), Manner(yes, dry_run, as_json))


@app.command("rename")
def rename_subscriber(
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The address they have; - reads a line of standard input.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The address they get; - reads a line of standard input.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="WORDS", help="Kept in the consent log, such as: asked by mail.")
    ] = "by hand",
    as_json: JsonOption = False,
) -> None:
    """Give a person another address. Lists, states, history and what they got stay theirs."""
    from mailer.services.renaming import rename
    from mailer.services.subscribers import checked_address

    addresses = [checked_address(text) for text in two_addresses(old, new)]
    with open_mailer(context) as mailer:
        done = rename(mailer, addresses[0], addresses[1], reason)
    output.result(done, as_json, lambda: output.lines([done.summary()]))


def two_addresses(old: str, new: str) -> tuple[str, str]:
    """Both; each dash takes the next line of standard input."""
    lines = iter(output.standard_input(8192).decode("utf-8", "replace").split("\n") if "-" in (old, new) else ())
    first, second = (next(lines, "") if word == "-" else word for word in (old, new))
    return first, second


def split(words: Sequence[str], whom: Whom) -> tuple[str | None, Sequence[str]]:
    """The address, which comes first unless an option names people, and what to do."""
    whom.check()
    first = words[0] if words else ""
    if not whom.many:
        if first != "-" and "@" not in first:
            raise UsageError("whose? name an address first, or people by --list NAME or --file FILE")
        return first, words[1:]
    if first == "-" or ("@" in first and "=" not in first):
        raise UsageError("either one person's address, or people by --list or --file; both is nobody's meaning")
    return None, words


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    from mailer.audience.tagging import checked_tag

    if not tags:
        raise UsageError("no tag is named")
    try:
        return tuple(checked_tag(tag) for tag in tags)
    except ValueError as error:
        raise UsageError(str(error)) from None


def run(context: typer.Context, whom: tuple[str | None, Whom], edit: Edit, manner: Manner) -> None:
    from mailer.services.editing import edit_many, edit_one, would_change
    from mailer.services.subscribers import checked_address

    email, people = whom
    address = checked_address(address_text(email)) if email is not None else None
    with open_mailer(context) as mailer:
        if address is not None:
            done = edit_one(mailer, address, edit, dry_run=manner.dry_run)
        else:
            found = those(mailer, people)
            done = would_change(mailer, found, edit)
            if done.changed and not manner.dry_run:
                confirm(mailer, done, yes=manner.yes)
                total = done.people
                with shown_progress("people") as progress:
                    done = edit_many(mailer, found, edit, lambda number: progress(number, number / total))
            elif not manner.dry_run:
                done = done.as_done()
    output.result(done, manner.as_json, lambda: output.lines([done.summary()]))
    done.raise_for_faults()


def those(mailer: Mailer, whom: Whom) -> Which | Addresses:
    """The people that the options name."""
    from mailer.services.editing import MAX_FILE, addresses_in
    from mailer.services.people import Asked, which

    if whom.file is not None:
        return addresses_in(read_argument(whom.file, MAX_FILE))
    assert whom.list_name is not None
    return which(mailer, Asked(mailer.list_named(whom.list_name), state_named(whom.state), whom.segment))


def confirm(mailer: Mailer, would: Edited, *, yes: bool) -> None:
    """Above the limit a person types the number of people: a habit of pressing y cannot do that."""
    limit = mailer.settings.limits.confirm_above
    if yes or would.changed <= limit:
        return
    question = f"this changes {would.changed:,} people"
    if not output.interactive():
        raise UsageError(f"{question}, which needs a word: --yes", hint=f"confirm_above is {limit} in mailer.toml")
    if typer.prompt(f"{question}. Type the number to do it", err=True).replace(",", "") != str(would.changed):
        raise UsageError("the number was another one; nothing was changed")
