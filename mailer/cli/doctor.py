"""`mailer doctor`: whether everything that sending needs is there, and what a mail that arrived proves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.fetch.dns import Resolver
    from mailer.services.doctoring.examination import Network, Report

app = typer.Typer(invoke_without_command=True)

MARKS = {"ok": "ok", "warning": "WARN", "error": "ERROR", "unknown": "?"}

OfflineOption = Annotated[bool, typer.Option("--offline", help="Ask nobody: look only at what is here.")]
DnsOption = Annotated[
    str, typer.Option("--dns", metavar="ADDRESS", help="Ask this name server, such as 9.9.9.9, and not the system's.")
]


@app.callback()
def doctor(
    context: typer.Context, offline: OfflineOption = False, dns: DnsOption = "", as_json: JsonOption = False
) -> None:
    """Look whether everything that sending needs is there: settings, database, provider, domains, pages, keys.

    Nothing is sent and nothing is changed. The exit code is 1 when something must be mended.
    """
    if context.invoked_subcommand is None:
        finish(examined(context, None if offline else network(dns)), as_json, "sending")


@app.command("message")
def message(
    file: Annotated[Path, typer.Argument(metavar="FILE.eml", help="A mail as it arrived; - reads standard input.")],
    offline: OfflineOption = False,
    dns: DnsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say what a mail proves that arrived in a mailbox of yours: who signed it, what is covered, how it came.

    Save it there with all its headers ("show original"). Nothing of it is kept. The keys of its signatures are looked
    up in DNS; with --offline only the word of the server that took it counts.
    """
    from datetime import UTC, datetime

    from mailer.cli.arguments import read_argument
    from mailer.services.doctoring.message import LARGEST, examine_message

    data = read_argument(file, LARGEST)
    finish(examine_message(data, None if offline else resolver(dns), datetime.now(UTC)), as_json, "the mail")


def resolver(dns: str) -> Resolver:
    from mailer.fetch.dns import Resolver, name_server

    return Resolver(name_server(dns) if dns else None)


def network(dns: str) -> Network:
    from mailer.services.doctoring.examination import Network

    return Network(resolver(dns))


def examined(context: typer.Context, outside: Network | None) -> Report:
    from mailer.cli.session import open_mailer
    from mailer.errors import ConfigError
    from mailer.services.doctoring.examination import examine, unopened

    def tell(done: int, all_of: int) -> None:
        output.overwrite(f"looking: {done} of {all_of}")

    try:
        with open_mailer(context) as mailer:
            report = examine(mailer, outside, tell)
    except ConfigError as error:
        report = unopened(error)
    output.overwrite("")
    return report


def finish(report: Report, as_json: bool, what: str) -> None:
    """Print it; CheckError where something must be mended."""
    from mailer.checks.domain.verdict import State
    from mailer.errors import CheckError

    output.result(summary(report), as_json, lambda: show(report))
    if errors := report.number(State.ERROR):
        raise CheckError(f"{counted(errors, 'thing')} to mend before {what} is in order")


def summary(report: Report) -> dict[str, Any]:
    from mailer.checks.domain.verdict import State

    numbers = {state.value: report.number(state) for state in State}
    return {"state": report.state, "counts": numbers, "verdicts": report.verdicts}


def show(report: Report) -> None:
    """A line each, with what to do and what to add below it."""
    from mailer.checks.domain.verdict import State

    width = max((len(verdict.area) for verdict in report.verdicts), default=0)
    for verdict in report.verdicts:
        output.lines([f"{MARKS[verdict.state]:<5}  {verdict.area.ljust(width)}  {verdict.words}"])
        below = [verdict.advice, verdict.record] if verdict.state is not State.OK else []
        output.lines(f"       {' ' * width}  {text}" for text in below if text)
    told = [
        counted(report.number(State.ERROR), "error"),
        counted(report.number(State.WARNING), "warning"),
        f"{report.number(State.UNKNOWN)} unknown",
    ]
    output.lines([f"{report.number(State.OK)} in order, {', '.join(told)}"])
