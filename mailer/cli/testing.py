"""`mailer test`, and what `send --dry-run` does: an issue tried out before it goes to its readers."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.issue import IssueArgument, bare, show_plan
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.services.dryrun import DryRun
    from mailer.services.testsend import SentTest

LONGEST_INPUT = 64 * 1024


def test(
    context: typer.Context,
    issue: IssueArgument,
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="Where it goes; repeatable. - reads addresses from standard input, one a line.",
        ),
    ],
    email: Annotated[
        str,
        typer.Option("--as", metavar="EMAIL", help="As this subscriber would get it. Default: a made-up reader."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Send an issue to addresses you name, marked as a test.

    It is a real mail whose subject begins with [Test]. Nothing is frozen and nothing counts as sent. The links in it
    work and do nothing: they say that it is a test.
    """
    from mailer.cli.arguments import address_text
    from mailer.services.testsend import send_test

    addresses = [address for text in to for address in addresses_of(text)]
    with open_mailer(context) as mailer:
        done = send_test(mailer, bare(issue), addresses, email=address_text(email) if email else "")
    warn(done)
    output.result(done, as_json, lambda: show_test(done))
    finish(done)


def addresses_of(text: str) -> list[str]:
    """The addresses that one option names: a dash is standard input, with one on each line."""
    if text != "-":
        return [text]
    if output.interactive():
        return [str(typer.prompt("E-mail address", err=True)).strip()]
    lines = output.standard_input(LONGEST_INPUT).decode("utf-8", "replace").splitlines()
    return [line.strip() for line in lines if line.strip()]


def warn(done: SentTest) -> None:
    from mailer.checks.finding import Level

    for finding in (each for each in done.findings if each.level is not Level.NOTE):
        before = "would stop a send: " if finding.level is Level.ERROR else ""
        output.warn(f"{before}{finding.message} ({finding.rule})")
    for words in done.suppressed:
        output.warn(words)


def show_test(done: SentTest) -> None:
    output.lines(
        [
            f'"{done.subject}" went to {done.accepted} of {counted(len(done.mails), "address", "addresses")} '
            f"by {done.provider}, as {done.reader} would get it; nothing counts as sent"
        ]
    )
    output.columns(
        ("ADDRESS", "OUTCOME", "DETAIL"),
        [(mail.address, mail.outcome.value.replace("_", " "), mail.detail or mail.provider_id) for mail in done.mails],
    )


def finish(done: SentTest) -> None:
    from mailer.errors import NeedsAttention

    if missing := len(done.mails) - done.accepted:
        raise NeedsAttention(
            f"{counted(missing, 'test mail')} did not go out",
            hint="the list above says why; test again when that is over",
        )


def dry_run(context: typer.Context, issue: str, *, again: bool, as_json: bool) -> None:
    """The plan, and every mail written and thrown away."""
    from mailer.cli.progress import shown_progress
    from mailer.errors import CheckError, NeedsAttention
    from mailer.services.dryrun import dry_run as run

    with open_mailer(context) as mailer, shown_progress("mails written") as tell:
        done = run(mailer, bare(issue), tell, again=again)
    output.result({**plain_plan(done), "written": done.written}, as_json, lambda: show_dry_run(done))
    if done.plan.errors:
        errors = counted(len(done.plan.errors), "error")
        raise CheckError(f"{errors} to mend before {done.plan.name} can be sent", hint=done.plan.errors[0].advice)
    if done.written.failed:
        raise NeedsAttention(
            f"{counted(done.written.failed, 'mail')} cannot be written, and would be refused",
            hint="mend the template or the people's data, then: " + f"mailer send {done.plan.name} --dry-run",
        )


def plain_plan(done: DryRun) -> dict[str, Any]:
    """The plan's own fields, so that a program which reads a plan can read this."""
    return {each.name: getattr(done.plan, each.name) for each in fields(done.plan)}


def show_dry_run(done: DryRun) -> None:
    show_plan(done.plan)
    written = done.written
    average = (
        f", {written.bytes // written.mails:,} bytes each, the largest {written.largest:,}" if written.mails else ""
    )
    output.lines(
        [f"dry run: {counted(written.mails, 'mail')} written in {written.seconds:.1f} s{average}; nothing left"]
    )
    output.lines([f"cannot be written: {count:,}: {why}" for why, count in written.unwritable.most_common()])
