"""`mailer plan`, `preview`, `send` and `status`: an issue file on its way to its readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.compose import relative
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.cli.signals import stop_on_signal
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.plan import Plan
    from mailer.services.preview import Preview
    from mailer.services.send import Progress, SendResult

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
    excluded = [f"{count} {reason.words}" for reason, count in planned.exclusions.items()]
    output.fields(
        {
            "issue": planned.name,
            "state": state_words(planned),
            "subject": planned.subject,
            "preheader": planned.preheader,
            "from": planned.sender,
            "lists": planned.lists,
            "segment": " ".join(planned.segment.split()),
            "recipients": planned.recipients,
            "left out": excluded or "nobody",
            "size": f"{planned.html_bytes:,} bytes of HTML, {planned.text_bytes:,} of text",
            "provider": f"{planned.provider}, {counted(planned.batches, 'batch', 'batches')}",
            "hash": planned.hash[:12],
        }
    )
    if planned.articles:
        output.columns(
            ("KEY", "WHEN (UTC)", "ARTICLE"), [(each.key, each.when, each.title) for each in planned.articles]
        )
    output.lines(["sample (text part):", *sample_lines(planned.sample)])
    for finding in planned.findings:
        output.lines([f"{finding.level.value}: {finding.message} ({finding.rule}); {finding.advice}"])
    if not planned.findings:
        output.lines(["checks: all passed"])


def state_words(planned: Plan) -> str:
    if planned.state is None:
        return "not sent"
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


def preview(
    context: typer.Context,
    issue: IssueArgument,
    email: Annotated[
        str,
        typer.Option(
            "--as", metavar="EMAIL", help="As this subscriber sees it; - reads the address from standard input."
        ),
    ] = "",
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write. Default: preview/ in the workspace.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the HTML in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write an issue as files to look at, as one reader gets it.

    They are the HTML, the text and the whole message, for a made-up reader unless one is named. The links do nothing.
    """
    from mailer.cli.arguments import address_text
    from mailer.services.preview import preview_issue

    with open_mailer(context) as mailer:
        address = address_text(email) if email else ""
        written = preview_issue(mailer, bare(issue), email=address, folder=folder)
    output.result(written, as_json, lambda: show_preview(written))
    if show:
        typer.launch(written.html.as_uri())


def show_preview(written: Preview) -> None:
    output.fields(
        {
            "reader": written.reader,
            "subject": written.subject,
            "preheader": written.preheader,
            "html": relative(written.html),
            "text": relative(written.text),
            "message": relative(written.message),
        }
    )


def send(
    context: typer.Context,
    issue: IssueArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever the number of recipients.")] = False,
    again: AgainOption = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Go on with what was frozen, although the file has changed since.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and send nothing, as `mailer plan`.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Have the provider check a sample of the mails; nothing is delivered.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Send an issue to everybody on its lists, each person once.

    A second time sends nothing; an interrupted one goes on where it stopped. The exit code is 3 when something
    waits for a person.
    """
    if dry_run:
        plan(context, issue, again=again, as_json=as_json)
        return
    if sandbox:
        rehearse(context, bare(issue), again=again, as_json=as_json)
        return
    from mailer.services.send import freeze_issue, plan_send, send_frozen

    name = bare(issue)
    with open_mailer(context) as mailer:
        if not frozen:
            prepared, planned = plan_send(mailer, name, again=again)
            if planned.state is None:
                warn(planned)
                confirm(mailer, planned, yes=yes)
            freeze_issue(mailer, prepared)
        with stop_on_signal(tell_stopping) as stop:
            done = send_frozen(mailer, name, tell_progress, stop)
    output.result(summary(done), as_json, lambda: show_result(done))
    finish(done)


def rehearse(context: typer.Context, name: str, *, again: bool, as_json: bool) -> None:
    """A sample of the mails goes to the provider, which looks at them and delivers none."""
    from mailer.errors import NeedsAttention
    from mailer.services.rehearsal import rehearse as rehearsed

    with open_mailer(context) as mailer:
        done = rehearsed(mailer, name, again=again)
    counts = ", ".join(f"{count:,} {outcome}" for outcome, count in done.outcomes.items())
    lines = [f"{done.provider} looked at {done.looked_at:,} mails of {done.recipients:,}: {counts}. Nothing was sent."]
    output.result(done, as_json, lambda: output.lines([*lines, *(f"{n:,}: {why}" for why, n in done.reasons.items())]))
    if not done.passed:
        raise NeedsAttention(f"{done.provider} would not take all of them")


def warn(planned: Plan) -> None:
    for finding in planned.findings:
        output.warn(f"{finding.message} ({finding.rule})")


def confirm(mailer: Mailer, planned: Plan, *, yes: bool) -> None:
    """Above the limit a person types the number of recipients: a habit of pressing y cannot do that."""
    from mailer.errors import UsageError

    limit = mailer.settings.limits.confirm_above
    if yes or planned.recipients <= limit:
        return
    question = f'"{planned.subject}" goes to {planned.recipients} people on {", ".join(planned.lists)}'
    if not output.interactive():
        raise UsageError(f"{question}, which needs a word: --yes", hint=f"confirm_above is {limit} in mailer.toml")
    if typer.prompt(f"{output.plain(question)}. Type the number to send it", err=True) != str(planned.recipients):
        raise UsageError("the number was another one; nothing was sent")


def tell_stopping() -> None:
    output.note("stopping after this batch; once more stops at once")


def tell_progress(progress: Progress) -> None:
    output.progress(f"{progress.done:,} of {progress.total:,}")


def summary(done: SendResult) -> dict[str, Any]:
    figures = done.figures
    return {
        "issue": done.name,
        "state": done.state,
        "recipients": figures.recipients,
        "accepted_now": done.accepted_now,
        "twice": done.twice,
        "deliveries": {state: count for state, count in figures.deliveries.items() if count},
        "left_out": {reason: count for reason, count in figures.exclusions.items() if count},
    }


def show_result(done: SendResult) -> None:
    output.lines([verdict(done)])
    if not done.accepted_now:
        output.lines(["nothing was sent now"])


def verdict(done: SendResult) -> str:
    """The end of a send in one line: how many got it, who did not, and whether anybody got it twice."""
    counts = {state.value: count for state, count in done.figures.deliveries.items()}
    words = [f"{counts.pop('accepted'):,} accepted", f"{done.twice:,} twice", f"{counts.pop('doubtful'):,} in doubt"]
    words += [f"{count:,} {state}" for state, count in counts.items() if count]
    left_out = sum(done.figures.exclusions.values())
    return f"{done.name} is {done.state.value}: {', '.join(words)}" + (f"; {left_out:,} left out" if left_out else "")


def finish(done: SendResult) -> None:
    from mailer.errors import NeedsAttention
    from mailer.model import DeliveryState, IssueState

    if done.stopped:
        raise NeedsAttention("stopped before the end", hint=f"go on: mailer send {done.name}")
    if done.state is not IssueState.SENT:
        raise NeedsAttention(f"the issue is {done.state.value}", hint=f"mailer status {done.name} shows how it stands")
    if refused := done.figures.deliveries[DeliveryState.REFUSED]:
        raise NeedsAttention(f"{refused} mails were refused", hint=f"mailer status {done.name} says why")
    if doubtful := done.figures.deliveries[DeliveryState.DOUBTFUL]:
        raise NeedsAttention(f"{doubtful} mails are in doubt: they may have been sent", hint="nothing re-sends them")


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
