"""`mailer send`: an issue goes to its readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.issue import AgainOption, IssueArgument, bare, plan
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.cli.signals import stop_on_signal

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.plan import Plan
    from mailer.services.sending.results import Progress, SendResult


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
    from mailer.services.sending.freezing import freeze_issue, plan_send
    from mailer.services.sending.results import SendOptions
    from mailer.services.sending.sender import send_frozen

    name = bare(issue)
    with open_mailer(context) as mailer:
        if not frozen:
            prepared, planned = plan_send(mailer, name, again=again)
            if planned.state is None:
                warn(planned)
                confirm(mailer, planned, yes=yes)
            freeze_issue(mailer, prepared)
        with stop_on_signal(tell_stopping) as stop:
            done = send_frozen(mailer, name, SendOptions(tell_progress, stop))
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
