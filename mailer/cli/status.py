"""`mailer status`: what became of the issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailer.cli import output
from mailer.cli.issue import bare
from mailer.cli.options import JsonOption
from mailer.cli.session import open_mailer
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.counting import Reading
    from mailer.services.status import IssueFigures, IssueStatus, Overview
    from mailer.store.history import Group

NEWEST = 20
"""So many issues are listed where nobody said how many: counting the mails of a large one takes a while."""

GROUPS = 6
"""Above so many times at which mails are due, only the first and the last are told."""


def status(
    context: typer.Context,
    issue: Annotated[
        str | None, typer.Argument(metavar="[ISSUE]", help="One issue in detail. Default: all, newest first.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the issue until it is sent, or you press Ctrl-C.")] = (
        False
    ),
    as_json: JsonOption = False,
) -> None:
    """Show what became of the issues: who got them, who did not and why."""
    from mailer.errors import UsageError
    from mailer.services.status import Filter, issue_status, overview

    if watch and issue is None:
        raise UsageError("one issue can be watched at a time", hint="mailer status ISSUE --watch")
    with open_mailer(context) as mailer:
        if issue is None:
            rows = overview(mailer, Filter(limit=None if as_json else NEWEST))
            output.result(rows.rows, as_json, lambda: show_overview(rows))
            return
        if watch:
            from mailer.cli.watching import follow

            follow(mailer, bare(issue), as_json=as_json)
            return
        found = issue_status(mailer, bare(issue))
        output.result(found, as_json, lambda: show_status(mailer, found))


NUMBERS = ("RECIPIENTS", "ACCEPTED")
"""Columns that every listing has; the others stand there when there is anything in them, as lines are short."""


def show_overview(found: Overview) -> None:
    """Issues as a table. A draft has no figures, which is something else than having gone to nobody."""
    others = {title: numbers for title, numbers in further(found.rows).items() if any(numbers)}
    rows: list[tuple[Any, ...]] = []
    for place, each in enumerate(found.rows):
        numbers = (each.recipients, each.accepted, *(column[place] for column in others.values()))
        begun = each.frozen_at is not None
        figures = [f"{number:,}" if begun else None for number in numbers]
        when = each.finished_at or each.due_at or each.frozen_at
        rows.append((each.name, each.state, when and f"{when:%Y-%m-%d}", *figures, each.subject))
    titles = (*NUMBERS, *others)
    output.columns(("ISSUE", "STATE", "DAY (UTC)", *titles, "SUBJECT"), rows, right=titles)
    show_rest(found)


def further(rows: Sequence[IssueFigures]) -> dict[str, list[int]]:
    """The columns that stand there when there is anything in them."""
    return {
        "REFUSED": [each.refused for each in rows],
        "IN DOUBT": [each.doubtful for each in rows],
        "WAITING": [each.waiting for each in rows],
        "LEFT OUT": [each.left_out for each in rows],
        "DELIVERED": [each.reported.get("delivered", 0) for each in rows],
        "BOUNCED": [each.bounced for each in rows],
    }


def show_rest(found: Overview) -> None:
    if rest := found.total - len(found.rows):
        output.note(f"... and {counted(rest, 'older one')}: mailer issues list --limit {found.total}")


def show_status(mailer: Mailer, found: IssueStatus) -> None:
    """One issue for people: its fields, then why mails were refused, then what happened to it."""
    output.fields(fields(mailer, found))
    if found.refusals:
        output.lines([""])
        output.columns(
            ("REFUSED", "BECAUSE"), [(f"{n:,}", why or "no reason was given") for why, n in found.refusals.items()],
            right=("REFUSED",),
        )  # fmt: skip
    if found.changes:
        output.lines([""])
        output.columns(
            ("WHEN (UTC)", "WHAT", "DETAIL"), [(each.at, each.what.value, each.detail) for each in found.changes]
        )


def fields(mailer: Mailer, found: IssueStatus) -> dict[str, Any]:
    """What is known of an issue, in the order in which a person asks for it."""
    figures = found.figures
    return {
        "issue": figures.name,
        "kind": figures.kind,
        "state": state_words(figures),
        "subject": figures.subject,
        "lists": found.lists,
        "segment": " ".join(found.segment.split()),
        "articles": found.articles,
        "hash": found.hash[:12],
        "frozen": figures.frozen_at,
        "scheduled": schedule_words(mailer, found),
        "file": file_words(mailer, found),
        "started": found.started_at,
        "finished": figures.finished_at,
        "recipients": f"{figures.recipients:,}",
        "deliveries": amounts(in_words(found.deliveries)),
        "in doubt": doubt_words(found),
        "batches": amounts(in_words(found.batches)),
        "due later": group_words(mailer, found.due_later),
        "held": group_words(mailer, found.held),
        "waits until": said(mailer, found.ready_at),
        "left out": left_out_words(found.left_out),
        "reported": amounts({kind.replace("_", " "): number for kind, number in figures.reported.items()}),
        "came back": amounts(found.causes),
        "look at": advice_words(found.causes),
        "read": read_words(found.readings),
    }


def advice_words(causes: Mapping[str, int]) -> list[str]:
    """What to do about mails that were refused for our sake. Nobody who reads is to blame for those."""
    from mailer.delivery.reactions import ADVICE

    return [f"{causes[cause]:,} refused: {words}" for cause, words in ADVICE.items() if causes.get(cause)]


def read_words(readings: Sequence[Reading]) -> list[str]:
    """How often it was opened and clicked in all. Both are more than people did, so what people likely did is beside
    it."""
    total, people = Counter[str](), Counter[str]()
    for each in readings:
        total[each.what.value] += each.total
        people[each.what.value] += each.people
    return [
        f"{number:,} {'time' if number == 1 else 'times'} {what}, {people[what]:,} likely by people"
        for what, number in total.items()
    ]


def state_words(figures: IssueFigures) -> str:
    return figures.state.value + (f": {figures.reason}" if figures.reason else "")


def amounts(counts: Mapping[str, int]) -> list[str]:
    return [f"{count:,} {what}" for what, count in counts.items()]


def in_words(counts: Mapping[str, int]) -> dict[str, int]:
    """States by the words that every other command has for them."""
    return {"in doubt" if state == "doubtful" else state: count for state, count in counts.items()}


def left_out_words(left_out: Mapping[str, int]) -> list[str]:
    from mailer.model import Exclusion

    return amounts({Exclusion(reason).words: count for reason, count in left_out.items()})


def doubt_words(found: IssueStatus) -> str:
    if not found.figures.doubtful:
        return ""
    number = counted(found.batches.get("doubtful", 0), "batch", "batches")
    return f"{counted(found.figures.doubtful, 'mail')} in {number}: mailer doubts list {found.figures.name}"


def schedule_words(mailer: Mailer, found: IssueStatus) -> str:
    """When it begins or began, on whose clocks, and when it would be too late."""
    words = []
    if found.figures.due_at:
        words.append(said(mailer, found.figures.due_at))
    if found.local_time:
        words.append(f"at {found.local_time.replace('T', ' ')} on the clocks of its readers")
    if found.not_after:
        words.append(f"not after {said(mailer, found.not_after)}")
    return "; ".join(words)


def file_words(mailer: Mailer, found: IssueStatus) -> str:
    """Whether the file of a scheduled issue is still what will be sent."""
    from mailer.model import IssueState
    from mailer.services.scheduling import file_words as words

    scheduled = found.figures.state is IssueState.SCHEDULED
    return words(mailer, found.figures.name, found.hash) if scheduled else ""


def group_words(mailer: Mailer, groups: Sequence[Group]) -> str:
    """How many mails at which times, the first and the last of many."""
    if len(groups) <= GROUPS:
        return "; ".join(f"{counted(each.mails, 'mail')} at {said(mailer, each.at)}" for each in groups)
    mails = counted(sum(each.mails for each in groups), "mail")
    first, last = said(mailer, groups[0].at), said(mailer, groups[-1].at)
    return f"{mails} at {len(groups)} times, {first} to {last}"


def said(mailer: Mailer, moment: datetime | None) -> str:
    """A moment on the organisation's clock."""
    from zoneinfo import ZoneInfo

    from mailer.delivery.schedule import said as said_in

    return said_in(moment, ZoneInfo(mailer.settings.organisation.zone), mailer.now()) if moment else ""
