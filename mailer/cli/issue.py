"""`mailer plan`: an issue file before it goes to its readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.checks.finding import Level
from mailer.cli import output
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.services.plan import Plan

SAMPLE_LINES = 8

IssueArgument = Annotated[
    str, typer.Argument(metavar="ISSUE", help="The issue: the name of its file in issues/, with or without .md.")
]
AgainOption = Annotated[bool, typer.Option("--again", help="Although a list got one of its articles before.")]


def plan(context: typer.Context, issue: IssueArgument, again: AgainOption = False, as_json: JsonOption = False) -> None:
    """Show exactly what send would do: content, audience, checks.

    Nothing is sent and nothing is frozen. The exit code is 1 when a check found an error.
    """
    from mailer.errors import CheckError
    from mailer.services.plan import plan_issue

    with open_mailer(context) as mailer:
        planned = plan_issue(mailer, bare(issue), again=again)
    output.result(planned, as_json, lambda: show_plan(planned))
    if planned.errors:
        errors = counted(len(planned.errors), "error")
        raise CheckError(f"{errors} to mend before {planned.name} can be sent", hint=planned.errors[0].advice)


def bare(issue: str) -> str:
    """The name of an issue from its name, its file's name, or its path as a shell completes it."""
    return Path(issue).name.removesuffix(".md")


def show_plan(planned: Plan) -> None:
    excluded = [f"{count:,} {reason.words}" for reason, count in planned.exclusions.items()]
    output.fields(
        {
            "issue": planned.name,
            "state": state_words(planned),
            "subject": planned.subject,
            "preheader": planned.preheader,
            "from": planned.sender,
            "lists": planned.lists,
            "segment": " ".join(planned.segment.split()),
            "recipients": f"{planned.recipients:,}",
            "left out": excluded or "nobody",
            "size": f"{planned.html_bytes:,} bytes of HTML, {planned.text_bytes:,} of text",
            "provider": f"{planned.provider}, {counted(planned.batches, 'batch', 'batches')}",
            "hash": planned.hash[:12],
            "approvals": planned.approvals.lines if planned.approvals else [],
        }
    )
    if planned.articles:
        output.columns(
            ("KEY", "WHEN (UTC)", "ARTICLE"), [(each.key, each.when, each.title) for each in planned.articles]
        )
    output.lines(["sample (text part):", *sample_lines(planned.sample)])
    for finding in planned.findings:
        let_pass = f"accepted: {finding.words} ({finding.rule}): {finding.accepted}"
        said = f"{finding.level.value}: {finding.words} ({finding.rule}); {finding.advice}"
        output.lines([let_pass if finding.accepted else said])
    if all(finding.level is Level.NOTE for finding in planned.findings):
        output.lines(["checks: all passed"])


def state_words(planned: Plan) -> str:
    if planned.state is None:
        return "not sent"
    if planned.scheduled_for is not None:
        changed = "; the file has changed since then: schedule it again" if planned.changed else ""
        return f"scheduled for {planned.scheduled_for:%Y-%m-%d %H:%M} UTC{changed}"
    return (
        "sent; sending it again does nothing" if planned.state == "sent" else f"{planned.state}; send goes on with it"
    )


def sample_lines(text: str) -> list[str]:
    """The beginning of the text part, enough to see that the right people are greeted with the right words."""
    lines = [line for line in text.splitlines() if line.strip()]
    shown = [f"  | {line}" for line in lines[:SAMPLE_LINES]]
    return (
        [*shown, f"  | ... ({len(lines) - SAMPLE_LINES} more lines: mailer preview)"] if lines[SAMPLE_LINES:] else shown
    )
