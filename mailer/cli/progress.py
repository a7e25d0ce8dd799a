"""How far a long work has come, on one line of the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from mailer.cli import output

if TYPE_CHECKING:
    from mailer.services.sending.results import Progress

BAR = 30

LOG_SECONDS = 60.0
"""So often a log hears how far it is."""


@contextmanager
def shown_progress(what: str) -> Iterator[Callable[[int, float], None]]:
    """A line that follows: what part of it all, how many of `what`, how fast. Nothing where no person looks."""
    begin = monotonic()
    last = 0

    def progress(number: int, part: float) -> None:
        nonlocal last
        filled = round(BAR * min(part, 1.0))
        rate = number / max(monotonic() - begin, 1e-6)
        text = f"[{'#' * filled}{'.' * (BAR - filled)}] {part:4.0%}  {number:,} {what}, {rate:,.0f} a second"
        output.overwrite(text.ljust(last))
        last = len(text)

    try:
        yield progress
    finally:
        if last:
            output.overwrite("")


@contextmanager
def followed_send() -> Iterator[Callable[[Progress], None]]:
    """A line that follows a send; where no person looks, a line every minute."""
    log_at = monotonic() + LOG_SECONDS

    def tell(progress: Progress) -> None:
        nonlocal log_at
        text = sending(progress)
        output.overwrite(text)
        if not output.watched() and monotonic() >= log_at:
            log_at += LOG_SECONDS
            output.note(text)

    try:
        yield tell
    finally:
        output.overwrite("")


def sending(progress: Progress) -> str:
    """How far a send is, in one line."""
    part = progress.done / progress.total if progress.total else 1.0
    words = [f"{progress.done:,} of {progress.total:,} ({part:.0%})"]
    if progress.rate:
        words.append(f"{progress.rate:,.0f} a second" if progress.rate >= 1 else f"{progress.rate * 60:,.0f} a minute")
    if progress.seconds_left and progress.done < progress.total:
        words.append(f"{duration(progress.seconds_left)} left")
    words += [f"{progress.refused:,} refused"] if progress.refused else []
    words += [f"{progress.doubtful:,} in doubt"] if progress.doubtful else []
    return ", ".join([*words, progress.waiting] if progress.waiting else words)


def duration(seconds: float) -> str:
    """A time as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
