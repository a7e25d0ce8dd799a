"""`mailer status ISSUE --watch`: how a send goes on, drawn anew each second, or told in lines where nobody looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mailer.cli import output
from mailer.cli.progress import duration
from mailer.cli.signals import stop_on_signal

if TYPE_CHECKING:
    from mailer.app import Mailer
    from mailer.services.watching import Look

REDRAW_SECONDS = 1.0
TELL_SECONDS = 10.0
BAR = 40
STEP = 0.1
"""So long at most until Ctrl-C is noticed."""


def follow(mailer: Mailer, name: str, *, as_json: bool) -> None:
    """Show how an issue stands until nothing more happens to it, or somebody presses Ctrl-C."""
    from mailer.services.watching import Watcher

    watcher, drawn = Watcher(mailer, name), 0
    drawing = output.at_terminal() and not as_json
    with stop_on_signal(lambda: None) as stop:
        while True:
            look = watcher.look()
            if as_json:
                output.data_line(data(look))
            elif drawing:
                drawn = output.redraw(picture(look), drawn)
            else:
                output.lines([line(look)])
                output.flush()
            if look.over or not pause(REDRAW_SECONDS if drawing else TELL_SECONDS, stop):
                return


def pause(seconds: float, stop: Any) -> bool:
    """False when somebody asked to stop meanwhile."""
    end = time.monotonic() + seconds
    while not stop():
        rest = end - time.monotonic()
        if rest <= 0:
            return True
        time.sleep(min(rest, STEP))
    return False


def picture(look: Look) -> list[str]:
    """The whole of it: state, bar, what is left, and every state of deliveries and batches there is."""
    part = look.done / look.total if look.total else 1.0
    filled = int(BAR * part)
    return [
        f"{look.name} is {look.state.value}" + (f": {look.reason}" if look.reason else ""),
        f"[{'#' * filled}{'.' * (BAR - filled)}] {part:4.0%}  {look.done:,} of {look.total:,}",
        f"{pace(look)}",
        f"mails:    {amounts(look.deliveries)}",
        f"batches:  {amounts(look.batches)}",
    ]


def line(look: Look) -> str:
    """The same in one line, for a log."""
    return f"{look.at:%H:%M:%S} UTC {look.name} is {look.state.value}: {amounts(look.deliveries)}; {pace(look)}"


def pace(look: Look) -> str:
    """How fast it goes, how long it takes, or why it does not."""
    if look.over or not look.left:
        return "nothing is left to send"
    if look.rate > 0:
        rate = f"{look.rate:,.0f} a second" if look.rate >= 1 else f"{look.rate * 60:,.1f} a minute"
        return f"{rate}, {look.left:,} left, {duration(look.seconds_left or 0)} to go"
    return f"{look.left:,} left; {standing(look)}"


def standing(look: Look) -> str:
    """Why nothing moves."""
    if look.due_at is not None:
        return f"waits until {look.due_at:%Y-%m-%d %H:%M:%S} UTC"
    if look.state.value == "paused":
        return f"go on: mailer resume {look.name}"
    return "under way" if look.at_work else f"nobody is sending it: mailer send {look.name}"


def amounts(counts: Mapping[Any, int]) -> str:
    """The states that there are any of."""
    return ", ".join(f"{count:,} {words(state)}" for state, count in counts.items() if count) or "none"


def words(state: StrEnum) -> str:
    return "in doubt" if state.value == "doubtful" else state.value


def data(look: Look) -> dict[str, Any]:
    return {
        "issue": look.name,
        "at": look.at,
        "state": look.state,
        "reason": look.reason,
        "deliveries": {state: count for state, count in look.deliveries.items() if count},
        "batches": {state: count for state, count in look.batches.items() if count},
        "done": look.done,
        "left": look.left,
        "total": look.total,
        "rate": round(look.rate, 3),
        "seconds_left": look.seconds_left,
        "at_work": look.at_work,
        "due_at": look.due_at,
    }
