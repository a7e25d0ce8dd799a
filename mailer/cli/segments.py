"""`mailer segments`: who would be chosen, before anything is sent to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption, ListOption
from mailer.cli.pointing import pointing
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.model import Subscriber
    from mailer.services.segments import NamedSegment

app = typer.Typer()

SegmentArgument = Annotated[
    str, typer.Argument(metavar="SEGMENT", help="An expression, or the name of a segment in the list's file.")
]


@app.command("count")
def count(context: typer.Context, segment: SegmentArgument, list_name: ListOption, as_json: JsonOption = False) -> None:
    """Count the confirmed people of a list whom a segment chooses."""
    from mailer.services.segments import count

    with pointing(), open_mailer(context) as mailer:
        found = count(mailer, segment, list_name)
    sentence = f"{found.people:,} of {found.confirmed:,} confirmed people on {list_name}"
    output.result(found, as_json, lambda: output.lines([sentence]))


@app.command("sample")
def sample(
    context: typer.Context,
    segment: SegmentArgument,
    list_name: ListOption,
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=1000, help="So many people.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show some of the confirmed people whom a segment chooses, taken by chance."""
    from mailer.services.segments import sample

    with pointing(), open_mailer(context) as mailer:
        people = sample(mailer, segment, list_name, number)
    output.result(people, as_json, lambda: show_people(people))


def show_people(people: Iterable[Subscriber]) -> None:
    output.columns(
        ("EMAIL", "ATTRIBUTES"),
        [(each.email, "  ".join(f"{name}={value}" for name, value in each.attributes.items())) for each in people],
    )


@app.command("list")
def list_segments(
    context: typer.Context,
    list_name: Annotated[str | None, typer.Option("--list", "-l", metavar="NAME", help="Only this list's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the segments that list files name, with how many people each chooses.

    A segment that cannot be counted is shown with the reason; the exit code is 3 then.
    """
    from mailer.errors import NeedsAttention
    from mailer.services.segments import named_segments

    with open_mailer(context) as mailer:
        names = [mailer.list_named(list_name).name] if list_name else sorted(mailer.lists)
        found = named_segments(mailer, names)
    output.result(found, as_json, lambda: show_segments(found))
    if wrong := [each.name for each in found if each.problem]:
        raise NeedsAttention(f"{len(wrong)} of {len(found)} segments cannot be counted: {', '.join(wrong)}")


def show_segments(found: Iterable[NamedSegment]) -> None:
    rows = [
        (each.list_name, each.name, each.count.people if each.count else None, each.problem or one_line(each.segment))
        for each in found
    ]
    output.columns(("LIST", "NAME", "PEOPLE", "SEGMENT"), rows, right=("PEOPLE",))


def one_line(text: str) -> str:
    return " ".join(text.split())
