"""`mailer explain`: why a person got an issue, or did not."""

from __future__ import annotations

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare
from mailer.cli.options import EmailArgument, JsonOption
from mailer.cli.session import open_mailer


def explain(context: typer.Context, email: EmailArgument, issue: IssueArgument, as_json: JsonOption = False) -> None:
    """Say why a person got an issue, or did not.

    It tells every decision about the two, with its time.
    For an issue that was not sent yet it says whether they would get it now.
    """
    from mailer.cli.arguments import address_text
    from mailer.services.explaining import explain as explained
    from mailer.services.subscribers import checked_address

    address = checked_address(address_text(email))
    with open_mailer(context) as mailer:
        found = explained(mailer, address, bare(issue))
    output.result(
        found,
        as_json,
        lambda: output.lines(
            [
                f"{found.issue} ({found.state.value}): {found.summary}",
                *(f"  {f'{step.at:%Y-%m-%d %H:%M}' if step.at else '':16}  {step.what}" for step in found.steps),
            ]
        ),
    )
