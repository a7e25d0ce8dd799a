"""`mailer send --at`, `--local-time` and `--due`: issues that begin later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.session import open_mailer
from mailer.errors import UsageError

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.checking.accepting import Accepting
    from mailer.services.plan import Plan
    from mailer.services.prepare import Prepared
    from mailer.services.scheduling import Scheduled

ZONES = 3
"""So many zones are named for one moment."""

AtOption = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="TIME",
        help='Begin then: "tomorrow 09:00", "fri 18:00", "+2h", 2026-11-25T09:00+01:00; with --local-time a day.',
    ),
]
LocalTimeOption = Annotated[
    str, typer.Option("--local-time", metavar="HH:MM", help="When it is that time on each reader's own clock.")
]
NotAfterOption = Annotated[
    str, typer.Option("--not-after", metavar="TIME", help="Hand over nothing after that time; the rest is paused.")
]
DueOption = Annotated[
    bool, typer.Option("--due", help="Carry out what is due of all issues, and end: for a crontab. Without ISSUE.")
]


SomeIssue = Annotated[
    str,
    typer.Argument(metavar="[ISSUE]", help="The issue: the name of its file in issues/. Needed unless --due is given."),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A send that begins later, as it was asked for."""

    name: str
    at: str
    local_time: str
    not_after: str
    again: bool = False
    dry_run: bool = False
    as_json: bool = False
    accepting: Accepting | None = None


def check(issue: str, now_only: Mapping[str, bool], *, due: bool, at: str) -> None:
    """What cannot be said together. `now_only`: options of a send that begins at once, and whether they were given."""
    if due and (issue or at):
        raise UsageError("--due is for all issues that are due; name none", hint="mailer send --due")
    if not due and not issue:
        raise UsageError("which issue?", hint="mailer send ISSUE, or mailer send --due for all that are due")
    wrong = [option for option, given in now_only.items() if given and (due or at)]
    if wrong:
        raise UsageError(f"{wrong[0]} is for a send that begins now, not for one that begins by itself")


def last_moment(mailer: Mailer, planned: Plan, not_after: str) -> datetime | None:
    """What --not-after means for a send that begins now."""
    from mailer.services.scheduling import last_moment as read

    if not_after and planned.state is not None:
        raise UsageError(
            f"{planned.name} is {planned.state} already; --not-after is said when it is first sent",
            hint=f"mailer pause {planned.name} stops it at any time",
        )
    return read(mailer, not_after)


def carry_out_due(context: typer.Context, *, as_json: bool) -> None:
    from mailer.cli.work import carry_out_due as carry_out

    carry_out(context, as_json=as_json)


def later(context: typer.Context, asked: Asked, ready: Callable[[Mailer, Plan], None]) -> None:
    """Write an issue down as it is now, to begin at its time. `ready` asks a person before."""
    from mailer.services.checking.accepting import fingerprints
    from mailer.services.scheduling import When, plan_schedule
    from mailer.services.sending.freezing import plan_send

    with open_mailer(context) as mailer:
        prepared, plan = plan_send(mailer, asked.name, again=asked.again, accepting=asked.accepting)
        planned = plan_schedule(mailer, prepared, When(asked.at, asked.local_time, asked.not_after))
        if asked.dry_run:
            show_dry(plan, planned, as_json=asked.as_json)
            return
        if plan.state is None or plan.scheduled_for is not None:
            ready(mailer, plan)
        schedule(mailer, Ready(prepared, planned, fingerprints(plan.findings)), as_json=asked.as_json)


@dataclass(frozen=True, slots=True)
class Ready:
    """An issue that may be written down with its time. `accepted`: the findings that were let pass."""

    prepared: Prepared
    planned: Scheduled
    accepted: list[str]


def schedule(mailer: Mailer, ready: Ready, *, as_json: bool) -> None:
    """Write the issue down with its time, and say when that is."""
    from dataclasses import replace

    from mailer.services.scheduling import schedule_issue

    before = schedule_issue(mailer, ready.prepared, ready.planned, ready.accepted)
    done = replace(ready.planned, before=before.due_at if before else None)
    output.result(done, as_json, lambda: show(mailer, done))


def show(mailer: Mailer, done: Scheduled) -> None:
    from mailer.services.jobs.looking import workers_at_work

    output.lines([f"{done.name} is scheduled for {done.said}"])
    show_moments(done)
    if done.before is not None:
        was = f"{done.before:%Y-%m-%d %H:%M} UTC"
        output.lines([f"it was scheduled for {was} before; content and time are those of now"])
    output.lines(["its content is that of now; who gets it is decided when it begins"])
    if workers_at_work(mailer):
        output.note("a worker is at work and sends it then: mailer work --status")
    else:
        output.note("mailer work, or mailer send --due from a crontab, sends it")


def show_dry(plan: Plan, planned: Scheduled, *, as_json: bool) -> None:
    """The plan, and when what would leave."""
    from mailer.cli.issue import show_plan

    def show_both() -> None:
        show_plan(plan)
        output.lines([f"it would be scheduled for {planned.said}"])
        show_moments(planned)

    output.result({"plan": plan, "schedule": planned}, as_json, show_both)


def show_moments(planned: Scheduled) -> None:
    if not planned.moments:
        return
    rows: list[tuple[Any, ...]] = []
    for each in planned.moments:
        names = list(each.zones[:ZONES])
        names += [f"{len(each.zones) - ZONES} more"] if len(each.zones) > ZONES else []
        names += ["no known zone"] if each.others else []
        rows.append((each.due_at, f"{each.people:,}", ", ".join(names)))
    output.lines([f"at {planned.schedule.local_time.replace('T', ' ')} on the clocks of those on its lists now:"])
    output.columns(("WHEN (UTC)", "PEOPLE", "ZONES"), rows, right=("PEOPLE",))
