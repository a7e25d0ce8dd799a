"""`mailer lists`: the lists that the workspace defines, how they grew, and what is doubtful about their people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer

if TYPE_CHECKING:
    from mailer.reports.terminal import Look
    from mailer.services.growth import ListReport
    from mailer.services.hygiene import HygieneReport

app = typer.Typer()

ListArgument = Annotated[str, typer.Argument(metavar="NAME", help="The list, as in subscribers/NAME.toml.")]
# Width where nobody looks: a log, a mail, a pipe.
PIPE_WIDTH = 80
COLOURS = {
    "joined": output.GREEN,
    "left": output.YELLOW,
    "confirmed": output.CYAN,
    "strong": output.BOLD,
    "soft": output.DIM,
}


@app.command("list")
def list_lists(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the subscriber lists with the number of people on each."""
    from mailer.model import SubscriptionState
    from mailer.services.lists import list_figures

    with open_mailer(context) as mailer:
        figures = list_figures(mailer.store, mailer.lists, mailer.now())
    headers = ("NAME", "TITLE", "OPT-IN", *(state.value.upper() for state in SubscriptionState), "MAILABLE")
    rows = [
        (each.name, each.definition.title, each.definition.opt_in, *each.counts.values(), each.mailable)
        for each in figures
    ]
    output.result(figures, as_json, lambda: output.columns(headers, rows, right=headers[3:]))


@app.command("show")
def show_list(
    context: typer.Context,
    name: ListArgument,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Growth since 30d, 12w, 6m, 1y or 2026-01-31. Default: all."),
    ] = None,
    by: Annotated[
        Literal["day", "week", "month"] | None, typer.Option("--by", help="Length of a step. Default: what fits.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a page with charts: a new file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one list: what its file says, who is on it in numbers, and how it grew."""
    from mailer.reports.calendar import Step
    from mailer.services.growth import Period, list_report, write_page

    period = Period(since, Step(by) if by else None)
    with open_mailer(context) as mailer:
        report = list_report(mailer.store, mailer.list_named(name), period, mailer.now())
    if page is not None:
        write_page(report, page)
    output.result(report, as_json, lambda: show_report(report))
    if report.unaccounted:
        output.warn(f"the log of consents does not explain {report.unaccounted} of the confirmed people")
    if page is not None:
        output.note(f"written to {page}")


def show_report(report: ListReport) -> None:
    from mailer.model import SubscriptionState

    definition = report.definition
    kept_out = report.counts[SubscriptionState.CONFIRMED] - report.mailable
    output.fields(
        {
            "name": definition.name,
            "title": definition.title,
            "description": definition.description,
            "opt-in": definition.opt_in,
            "from": definition.sender,
            "reply to": definition.reply_to,
            "language": definition.language,
            **{state.value: f"{number:,}" for state, number in report.counts.items()},
            "can be mailed": f"{report.mailable:,}" + (f" ({kept_out:,} suppressed)" if kept_out else ""),
        }
    )
    output.drawing(chart(report, look()))


def chart(report: ListReport, wanted: Look) -> Iterator[str]:
    from mailer.reports.terminal import STRONG, growth_lines, split_lines

    if any(report.counts.values()):
        yield ""
        yield wanted.paint("Subscriptions by state", STRONG)
        yield from split_lines({state.value: number for state, number in report.counts.items()}, wanted)
    yield ""
    yield from growth_lines(report.growth, wanted)


def look() -> Look:
    """What standard output can show."""
    import sys

    from mailer.reports.terminal import Look

    width = output.terminal_width() if sys.stdout.isatty() else PIPE_WIDTH
    return Look(width, output.can_show("█▌▏▀▁▟─│┤"), lambda text, role: output.paint(text, COLOURS[role], sys.stdout))


@app.command("form")
def list_form(context: typer.Context, name: ListArgument, as_json: JsonOption = False) -> None:
    """Print the sign-up form of a list as HTML, to paste into a page of your own site.

    The form has a page of its own too, to link to; its address is told beside it.
    """
    from mailer.services.public.snippet import form_of

    with open_mailer(context) as mailer:
        snippet = form_of(mailer, mailer.list_named(name))
    output.result(snippet, as_json, lambda: output.lines(snippet.html.splitlines()))
    output.note(f"its own page: {snippet.url}")


@app.command("doctor")
def doctor(
    context: typer.Context,
    name: ListArgument,
    older_than: Annotated[
        int, typer.Option("--older-than", metavar="MONTHS", min=1, max=600, help="When consent counts as old.")
    ] = 24,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", metavar="N", min=1, max=100_000, help="Name at most this many domains or addresses a kind."
        ),
    ] = 10,
    examples: Annotated[
        bool, typer.Option("--examples", help="Also name addresses, which are personal. Default: numbers only.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Report what is doubtful about the people of a list: why it matters, what to do. Changes nothing."""
    from mailer.services.hygiene import Options, examine

    with open_mailer(context) as mailer:
        options = Options(older_than, limit, limit if examples else 0)
        report = examine(mailer, mailer.list_named(name), options, output.progress)
    output.result(report, as_json, lambda: show_hygiene(report))


def show_hygiene(report: HygieneReport) -> None:
    found = f"{len(report.findings)} kinds of doubt" if len(report.findings) != 1 else "1 kind of doubt"
    output.lines([f"{report.examined:,} people examined, {found}"])
    for finding in report.findings:
        output.lines(["", f"{finding.title}: {finding.people:,}", f"  {finding.why}", f"  Next: {finding.next}"])
        output.lines(f"    {number:>7,}  {name}" for name, number in finding.details.items())
        output.lines(f"    {example}" for example in finding.examples)
    for kind, reason in report.skipped.items():
        output.lines(["", f"Not asked: {kind}, because {reason}"])
