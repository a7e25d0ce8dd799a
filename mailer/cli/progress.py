"""How far a long work has come, on one line of the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from mailer.cli import output

BAR = 30


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
