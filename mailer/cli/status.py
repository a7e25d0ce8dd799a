"""`mailer status`: what became of the issues."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.issue import bare
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer


def status(
    context: typer.Context,
    issue: Annotated[
        str | None, typer.Argument(metavar="[ISSUE]", help="One issue in detail. Default: all, newest first.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what became of the issues: who got them, who did not and why."""
    from mailer.services.status import issue_status, overview

    with open_mailer(context) as mailer:
        if issue is None:
            rows = overview(mailer)
            output.result(rows, as_json, lambda: show_overview(rows))
            return
        found = issue_status(mailer, bare(issue))
    output.result(found, as_json, lambda: output.fields(found.fields()))


def show_overview(rows: Any) -> None:
    output.columns(
        ("ISSUE", "STATE", "RECIPIENTS", "ACCEPTED", "REFUSED", "IN DOUBT", "WAITING", "SUBJECT"),
        [
            (
                each.name,
                each.state,
                each.recipients,
                each.accepted,
                each.refused,
                each.doubtful,
                each.waiting,
                each.subject,
            )
            for each in rows
        ],
        right=("RECIPIENTS", "ACCEPTED", "REFUSED", "IN DOUBT", "WAITING"),
    )
