"""`mailer issues`: what was sent and is to be sent, and which articles an issue file lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.cli.status import NEWEST, show_overview, show_status

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.choice import Chosen
    from mailer.services.status import IssueStory

app = typer.Typer()

STATES = "draft, scheduled, sending, paused, sent or cancelled"

KeysArgument = Annotated[
    list[str], typer.Argument(metavar="KEY...", help="Keys of articles, or as much of their start as is unique.")
]


@app.command("list")
def list_issues(
    context: typer.Context,
    states: Annotated[
        list[str] | None, typer.Option("--state", metavar="STATE", help=f"Only those that are {STATES}; repeatable.")
    ] = None,
    kind: Annotated[Literal["bulletin", "alert"] | None, typer.Option("--kind", help="Only those of this kind.")] = (
        None
    ),
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", metavar="N", min=1, help=f"At most this many. Default: {NEWEST}, and all with --json."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List issues with their figures, newest first: drafts, scheduled ones, and what was sent."""
    from mailer.cli.states import states_named
    from mailer.model import IssueKind, IssueState
    from mailer.services.status import Filter, overview

    most = limit or (None if as_json else NEWEST)
    wanted = Filter(states_named(IssueState, states), IssueKind(kind) if kind else None, most)
    with open_mailer(context) as mailer:
        found = overview(mailer, wanted)
    output.result(found.rows, as_json, lambda: show_overview(found))


@app.command("show")
def show_issue(context: typer.Context, issue: IssueArgument, as_json: JsonOption = False) -> None:
    """Show everything about an issue: its articles, its figures, why mails were refused and where, its history."""
    from mailer.services.status import issue_story

    with open_mailer(context) as mailer:
        story = issue_story(mailer, bare(issue))
        output.result(story, as_json, lambda: show_story(mailer, story))


def show_story(mailer: Mailer, story: IssueStory) -> None:
    show_status(mailer, story.status)
    if story.articles:
        output.lines([""])
        output.columns(
            ("KEY", "ARTICLE"), [(key, title or "(no longer here)") for key, title in story.articles.items()]
        )
    clicked = [each for each in story.status.readings if each.url]
    if clicked:
        output.lines([""])
        figures = [(f"{each.total:,}", f"{each.people:,}", each.url) for each in clicked]
        output.columns(("CLICKED", "LIKELY PEOPLE", "LINK"), figures, right=("CLICKED", "LIKELY PEOPLE"))
    if story.refused_by:
        output.lines([""])
        rows = [(f"{count:,}", domain) for domain, count in story.refused_by.items()]
        output.columns(("REFUSED", "MOST OFTEN BY"), rows, right=("REFUSED",))


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
