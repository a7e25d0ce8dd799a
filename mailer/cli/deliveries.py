"""`mailer deliveries`: the ledger's rows of an issue, one a mail."""

from __future__ import annotations

from typing import Annotated

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import JsonOption, LimitOption
from mailer.cli.session import open_mailer

app = typer.Typer()

STATES = "pending, submitting, accepted, refused, doubtful, excluded or cancelled"


@app.callback()
def group() -> None:
    """Keeps `list` a word of its own."""


@app.command("list")
def list_deliveries(
    context: typer.Context,
    issue: IssueArgument,
    states: Annotated[
        list[str] | None, typer.Option("--state", metavar="STATE", help=f"Only those that are {STATES}; repeatable.")
    ] = None,
    domain: Annotated[str, typer.Option("--domain", metavar="DOMAIN", help="Only addresses at this domain.")] = "",
    batch: Annotated[int | None, typer.Option("--batch", metavar="N", min=1, help="Only the batch of this number.")] = (
        None
    ),
    limit: LimitOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the same data as CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what became of each mail of an issue, with addresses: state, batch, time, what the provider said."""
    from mailer.cli.states import states_named
    from mailer.errors import UsageError
    from mailer.model import DeliveryState
    from mailer.services.deliveries import FORGOTTEN, csv_lines, deliveries, domain_named
    from mailer.store.listing import Wanted

    if as_csv and as_json:
        raise UsageError("--csv and --json are two ways of printing one thing", hint="choose one of them")
    wanted = Wanted(states_named(DeliveryState, states), domain_named(domain) if domain else "", batch, limit)
    with open_mailer(context) as mailer, deliveries(mailer, bare(issue), wanted) as rows:
        if as_json:
            output.data_stream(rows)
        elif as_csv:
            for line in csv_lines(rows):
                output.raw(line)
        else:
            output.columns(
                ("ADDRESS", "STATE", "BATCH", "WHEN (UTC)", "DETAIL", "PROVIDER ID"),
                ((row.email or FORGOTTEN, row.state, row.batch, row.at, row.detail, row.provider_id) for row in rows),
                right=("BATCH",),
            )
