"""`mailer articles`: from the sources into the store, and what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output
from mailer.cli.arguments import read_argument
from mailer.cli.options import JsonOption, LimitOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.model import Article
    from mailer.services.articles import ArticleDetails
    from mailer.services.sync import Outcome

app = typer.Typer()

TagOption = Annotated[list[str] | None, typer.Option("--tag", "-t", metavar="TAG", help="A campaign tag; repeatable.")]


@app.command("sync")
def sync(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Only these sources. Default: all that are enabled."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the sources and save their articles.

    A source that fails does not stop the others; the exit code is 3 then.
    """
    from mailer.errors import NeedsAttention
    from mailer.services.sources import chosen_sources
    from mailer.services.sync import Status, sync

    with open_mailer(context) as mailer:
        chosen = chosen_sources(mailer.settings, mailer.workspace, sources or ())
        outcomes = []
        output.progress(f"reading {len(chosen)} sources")
        for outcome in sync(mailer.store, chosen, mailer.now(), asked=bool(sources)):
            tell_outcome(outcome)
            outcomes.append(outcome)
    outcomes.sort(key=lambda outcome: outcome.source)
    output.result(outcomes, as_json, lambda: show_outcomes(outcomes))
    if failed := [outcome.source for outcome in outcomes if outcome.status is Status.FAILED]:
        saved = "The others are saved. " if len(failed) < len(outcomes) else ""
        raise NeedsAttention(
            f"{len(failed)} of {len(outcomes)} sources failed: {', '.join(failed)}",
            hint=f"{saved}Try again: mailer articles sync {' '.join(failed)}",
        )


def tell_outcome(outcome: Outcome) -> None:
    for warning in outcome.warnings:
        output.warn(f"{outcome.source}: {warning}")
    if outcome.detail:
        output.note(f"{outcome.source}: {outcome.status.value}: {outcome.detail}")
    if outcome.hint:
        output.note(f"{outcome.source}: {outcome.hint}")


def show_outcomes(outcomes: Iterable[Outcome]) -> None:
    output.columns(
        ("SOURCE", "STATUS", "NEW", "CHANGED", "SAME"),
        [(each.source, each.status.value, each.new, each.changed, each.same) for each in outcomes],
        right=("NEW", "CHANGED", "SAME"),
    )


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A listing or a saved feed; - for standard input.")],
    tags: TagOption = None,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="The source to save the articles under.")
    ] = "imported",
    as_json: JsonOption = False,
) -> None:
    """Save the articles of a file.

    A plain listing has a title, an empty line and an excerpt for each article, newest first; lines such as
    `url:` and `date:` may follow the title. RSS, Atom and JSON feeds are recognised by their content.
    """
    from mailer.services.articles import import_articles, import_spec
    from mailer.services.files import MAX_FILE

    data = read_argument(file, MAX_FILE)
    with open_mailer(context) as mailer:
        spec = import_spec(mailer.settings, source, tags or ())
        outcome = import_articles(mailer.store, data, spec, mailer.now())
    tell_outcome(outcome)
    output.result(outcome, as_json, lambda: show_outcomes([outcome]))


@app.command("list")
def list_articles(
    context: typer.Context,
    tags: TagOption = None,
    every: Annotated[
        bool, typer.Option("--all/--any", help="Articles with all of the tags, or with any of them.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Published since: 7d, 24h, 2w or 2026-11-01.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Published before, in the same forms.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only from this source.")] = None,
    unsent: Annotated[
        str | None, typer.Option("--unsent", metavar="LIST", help="Only those that this list has not got yet.")
    ] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """List articles, newest first."""
    from mailer.services.articles import Filter, find_articles

    wanted = Filter(tuple(tags or ()), every, since, until, source, unsent, limit)
    with open_mailer(context) as mailer:
        if unsent:
            mailer.list_named(unsent)
        found = find_articles(mailer.store, mailer.settings, wanted, mailer.now())
    if twins := [article for article, reason in found.left_out if reason.startswith("the same")]:
        output.note(f"{len(twins)} more have the same link as one of these and are left out")
    output.result(found.articles, as_json, lambda: show_articles(found.articles))


def show_articles(articles: Iterable[Article]) -> None:
    output.columns(
        ("KEY", "WHEN (UTC)", "SOURCE", "TITLE", "TAGS"),
        [(each.key, each.when, each.source, each.title, each.tags) for each in articles],
    )


@app.command("show")
def show_article(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key, or as much of its start as is unique.")],
    as_json: JsonOption = False,
) -> None:
    """Show one article and the issues it was sent in."""
    from mailer.services.articles import get_article

    with open_mailer(context) as mailer:
        found = get_article(mailer.store, key, tuple(mailer.lists))
    output.result(found, as_json, lambda: show_details(found))


def show_details(details: ArticleDetails) -> None:
    article = details.article
    output.fields(
        {
            "key": article.key,
            "title": article.title,
            "url": article.url,
            "source": article.source,
            "tags": article.tags,
            "author": article.author,
            "published": article.published_at,
            "first seen": article.first_seen_at,
            "image": article.image_url,
            "image text": article.image_alt,
            "excerpt": article.excerpt,
            "sent": [f"{issue} to {name}" for name, issue in details.sent.items()],
        }
    )


@app.command("tags")
def list_tags(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the tags and how many articles have each.

    Aliases count as one tag.
    """
    from mailer.services.articles import count_tags

    with open_mailer(context) as mailer:
        counts = count_tags(mailer.store, mailer.settings)
    output.result(
        counts,
        as_json,
        lambda: output.columns(
            ("TAG", "ARTICLES", "LATEST", "SPELLINGS"),
            [(each.tag, each.articles, each.latest, each.spellings) for each in counts],
            right=("ARTICLES",),
        ),
    )
