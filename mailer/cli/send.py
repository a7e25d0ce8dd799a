"""`mailer send`: an issue goes to its readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from mailer.cli import output, when
from mailer.cli.accepting import AcceptOption, ReasonOption, accepting_of
from mailer.cli.issue import AgainOption, bare
from mailer.cli.options import JsonOption
from mailer.cli.progress import followed_send
from mailer.cli.session import open_mailer
from mailer.cli.signals import stop_on_signal
from mailer.cli.verdict import finish, show, told_anyway

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailer.app import Mailer
    from mailer.services.checking.accepting import Accepting
    from mailer.services.plan import Plan

FrozenOption = Annotated[
    bool, typer.Option("--frozen", help="Go on with what was frozen, although the file has changed since.")
]
MaxRateOption = Annotated[
    int | None,
    typer.Option("--max-rate", metavar="N", min=1, help="At most so many mails a minute, of all senders together."),
]


def send(
    context: typer.Context,
    issue: when.SomeIssue = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever the number of recipients.")] = False,
    again: AgainOption = False,
    frozen: FrozenOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, write every mail, and send nothing.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Have the provider check a sample of the mails; nothing is delivered.")
    ] = False,
    max_rate: MaxRateOption = None,
    at: when.AtOption = "",
    local_time: when.LocalTimeOption = "",
    not_after: when.NotAfterOption = "",
    due: when.DueOption = False,
    accept: AcceptOption = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send an issue to everybody on its lists, each person once.

    A second time sends nothing; an interrupted one goes on where it stopped. With --at or --local-time it is written
    down now and begins then, if `mailer work` runs or `mailer send --due` is called. The exit code is 3 when
    something waits for a person.
    """
    now_only = {"--frozen": frozen, "--sandbox": sandbox, "--max-rate": bool(max_rate)}
    when.check(issue, now_only, due=due, at=at or local_time)
    accepting = accepting_of(accept, reason)
    not_with(accepting, {"--due": due, "--dry-run": dry_run, "--sandbox": sandbox, "--frozen": frozen})
    if due:
        when.carry_out_due(context, as_json=as_json)
        return
    if at or local_time:
        asked = when.Asked(bare(issue), at, local_time, not_after, again, dry_run, as_json, accepting)
        when.later(context, asked, lambda mailer, planned: ready(mailer, planned, yes=yes))
        return
    if dry_run:
        from mailer.cli.testing import dry_run as dry_run_of

        dry_run_of(context, issue, again=again, as_json=as_json)
        return
    if sandbox:
        rehearse(context, bare(issue), again=again, as_json=as_json)
        return
    send_now(context, Asked(bare(issue), yes, again, frozen, max_rate, not_after, as_json, accepting))


def not_with(accepting: Accepting | None, options: Mapping[str, bool]) -> None:
    """What is accepted is accepted for a send that writes its issue down."""
    from mailer.errors import UsageError

    if accepting and (given := [option for option, wanted in options.items() if wanted]):
        raise UsageError(
            f"--accept and {given[0]} do not go together", hint="mailer check ISSUE --accept RULE keeps it"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """How to send an issue at once."""

    name: str
    yes: bool
    again: bool
    frozen: bool
    max_rate: int | None
    not_after: str
    as_json: bool
    accepting: Accepting | None = None


def send_now(context: typer.Context, asked: Asked) -> None:
    """Freeze an issue and hand it over, here or by the workers of all hosts."""
    from mailer.services.sending.elsewhere import leave_to_workers
    from mailer.services.sending.results import SendOptions
    from mailer.services.sending.sender import send_frozen

    with open_mailer(context) as mailer:
        if not asked.frozen:
            freeze(mailer, asked)
        # Workers do not know of a rate that was said here.
        if not asked.max_rate and (workers := leave_to_workers(mailer, asked.name)):
            left(mailer, asked.name, workers, as_json=asked.as_json)
            return
        with stop_on_signal(tell_stopping) as stop, followed_send() as tell:
            options = SendOptions(tell, stop, per_minute=asked.max_rate, alone=True)
            with told_anyway(mailer, asked.name, as_json=asked.as_json):
                done = send_frozen(mailer, asked.name, options)
    show(done, as_json=asked.as_json)
    finish(done)


def freeze(mailer: Mailer, asked: Asked) -> None:
    """Write down what is sent and to whom, after asking; what is being sent already stays as it is."""
    from mailer.services.checking.accepting import fingerprints
    from mailer.services.sending.freezing import freeze_issue, plan_send

    prepared, planned = plan_send(mailer, asked.name, again=asked.again, accepting=asked.accepting)
    if planned.state is None:
        ready(mailer, planned, yes=asked.yes)
    not_after = when.last_moment(mailer, planned, asked.not_after)
    freeze_issue(mailer, prepared, not_after, fingerprints(planned.findings))


def left(mailer: Mailer, name: str, workers: int, *, as_json: bool) -> None:
    """An issue is written down, and the workers of all hosts send it."""
    from mailer.cli.verdict import summary
    from mailer.services.sending.results import End, Why, result
    from mailer.wording import counted

    done = result(mailer.store, name, end=End(Why.ELSEWHERE, counted(workers, "worker")))
    people = counted(done.figures.recipients, "recipient")
    line = f"{name} is being sent to {people} by {counted(workers, 'worker')}"
    output.result(summary(done), as_json, lambda: output.lines([line]))
    output.note(f"mailer status {name} --watch follows it, mailer pause {name} stops it")


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


def ready(mailer: Mailer, planned: Plan, *, yes: bool) -> None:
    """What the checks find is said, and a person's word asked for; not for what nobody approved.

    Notes are for `plan`.
    """
    from mailer.checks.finding import Level
    from mailer.services.approvals import refuse_unapproved

    if planned.approvals is not None:
        refuse_unapproved(planned.approvals)
    for finding in planned.findings:
        if finding.accepted:
            output.note(f"accepted: {finding.words} ({finding.rule}): {finding.accepted}")
        elif finding.level is not Level.NOTE:
            output.warn(f"{finding.words} ({finding.rule})")
    confirm(mailer, planned, yes=yes)


def confirm(mailer: Mailer, planned: Plan, *, yes: bool) -> None:
    """Above the limit a person types the number of recipients: a habit of pressing y cannot do that."""
    from mailer.errors import UsageError

    limit = mailer.settings.limits.confirm_above
    if yes or planned.recipients <= limit:
        return
    question = f'"{planned.subject}" goes to {planned.recipients:,} people on {", ".join(planned.lists)}'
    if not output.interactive():
        raise UsageError(f"{question}, which needs a word: --yes", hint=f"confirm_above is {limit} in mailer.toml")
    typed = typer.prompt(f"{output.plain(question)}. Type the number to send it", err=True)
    if typed.replace(",", "") != str(planned.recipients):
        raise UsageError("the number was another one; nothing was sent")


def tell_stopping() -> None:
    output.note("stopping after this batch; once more stops at once")
