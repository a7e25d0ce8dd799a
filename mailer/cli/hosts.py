"""`mailer work --status`: the workers of all hosts, what waits, and what a person should see to.

`status(context, as_json=..., watch=..., here=...)` is all that the command calls; its options are `--status`,
`--watch` ("Follow the workers until you press Ctrl-C.") and `--here` ("Only the workers of this host: for a health
check."), both only together with `--status`.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from mailer.cli import output
from mailer.cli.session import open_mailer
from mailer.cli.text import Table, render_table
from mailer.wording import counted

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.hosts import Hosts, Waiting, Worker

WIDE = 100
"""At a terminal narrower than that a worker is two lines instead of a row."""

TITLES = ("HOST", "PROCESS", "STATE", "FOR", "BUSY", "BATCHES/MIN", "MAILS/MIN", "VERSION", "ISSUES")
NUMBERS = frozenset({"PROCESS", "BUSY", "BATCHES/MIN", "MAILS/MIN"})


def status(context: typer.Context, *, as_json: bool, watch: bool, here: bool = False) -> None:
    """Show the workers once, or again every second until Ctrl-C. NeedsAttention after what was shown.

    `here`: those of this host only, for a health check: attention is that none is there.
    """
    from mailer.errors import NeedsAttention
    from mailer.services.hosts import hosts

    host = (platform.node() or "host") if here else ""
    with open_mailer(context) as mailer:
        if watch:
            follow(mailer, host, as_json=as_json)
            return
        found = hosts(mailer, host)
    output.result(found, as_json, lambda: output.lines(picture(found, width())))
    if found.attention:
        first, *more = found.attention
        rest = f", and {counted(len(more), 'other thing')}" if more else ""
        raise NeedsAttention(f"{first.what}{rest}", hint=first.advice)


def follow(mailer: Mailer, host: str, *, as_json: bool) -> None:
    """Show them again and again, in place at a terminal, every ten seconds in a log."""
    from mailer.cli.signals import stop_on_signal
    from mailer.cli.watching import REDRAW_SECONDS, TELL_SECONDS, pause
    from mailer.services.hosts import hosts

    drawn, drawing = 0, output.at_terminal() and not as_json
    with stop_on_signal(lambda: None) as stop:
        while True:
            found = hosts(mailer, host)
            if as_json:
                output.data_line(found)
            elif drawing:
                drawn = output.redraw(picture(found, width()), drawn)
            else:
                output.lines([f"{found.at:%H:%M:%S} UTC {headline(found)}", *problems(found)])
                output.flush()
            if not pause(REDRAW_SECONDS if drawing else TELL_SECONDS, stop):
                return


def width() -> int | None:
    return output.terminal_width() if output.at_terminal() else None


def picture(found: Hosts, width: int | None) -> list[str]:
    """All of it in lines: at most `width` cells where that is known."""
    lines = [headline(found), *oddities(found)]
    if found.workers:
        narrow = width is not None and width < WIDE
        shown = blocks(found) if narrow else render_table(Table(TITLES, rows(found), NUMBERS), width)
        lines += ["", *shown]
    below = [*waits(found), *problems(found)]
    return [*lines, *([""] if found.workers and below else []), *below]


def headline(found: Hosts) -> str:
    """How many, where, how fast; or that there is nobody."""
    if not found.alive:
        return "no worker is there" + ("" if found.waiting.for_workers else ", and nothing waits for one")
    workers = f"{counted(len(found.alive), 'worker')} on {counted(found.hosts, 'host')}"
    if found.mails_a_minute or found.batches_a_minute:
        return f"{workers}: {found.batches_a_minute:,} batches, {found.mails_a_minute:,} mails a minute"
    begun = any(each.issues and each.busy for each in found.alive)
    return f"{workers}: {'nothing is handed over yet' if begun else 'nothing is sent now'}"


def oddities(found: Hosts) -> Iterator[str]:
    """More than one version or engine: as it should be in the middle of an upgrade, and not for long."""
    for what, names in (("versions", found.versions), ("engines", found.engines)):
        if len(names) > 1:
            yield f"{what} at once: {', '.join(names)}"


def rows(found: Hosts) -> Iterator[tuple[str, ...]]:
    for each in found.workers:
        yield (
            each.host,
            str(each.process),
            each.state.value,
            lasted(found, each),
            f"{each.busy}/{each.threads}",
            f"{each.batches_a_minute:,}",
            f"{each.mails_a_minute:,}",
            each.version,
            ", ".join(each.issues) if each.alive else "",
        )


def blocks(found: Hosts) -> Iterator[str]:
    """A worker in two lines, for a narrow terminal."""
    for each in found.workers:
        yield f"{each.host} {each.process}: {each.state.value}, {lasted(found, each)}"
        if each.alive:
            speed = f"{each.mails_a_minute:,} mails a minute, " if each.mails_a_minute else ""
            yield f"  {speed}{each.busy} of {counted(each.threads, 'thread')} busy"
            for name in each.issues:
                yield f"  {name}"


def lasted(found: Hosts, worker: Worker) -> str:
    """How long it has been there, or silent."""
    from mailer.cli.progress import duration

    return duration(max(0.0, (found.at - worker.since).total_seconds()))


def waits(found: Hosts) -> Iterator[str]:
    """What workers would see to now, and how long the first of it has waited."""
    from mailer.cli.progress import duration

    waiting = found.waiting
    for text in backlog(waiting):
        yield f"waits: {text}"
    if waiting.oldest is not None:
        seconds = max(0.0, (found.at - waiting.oldest.since).total_seconds())
        yield f"oldest: {waiting.oldest.what}, for {duration(seconds)}"


def backlog(waiting: Waiting) -> Iterator[str]:
    for name in waiting.to_begin:
        yield f"{name} is to begin"
    for issue in waiting.issues:
        if issue.due:
            yield f"{counted(issue.due, 'batch', 'batches')} of {issue.name}"
    if waiting.jobs.due:
        yield counted(waiting.jobs.due, "job")


def problems(found: Hosts) -> Iterator[str]:
    for each in found.attention:
        yield f"see to: {each.what}"
