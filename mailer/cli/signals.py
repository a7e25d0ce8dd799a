"""Ending in good order: the first signal asks, the second one insists."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signal(tell: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether to stop. A second signal does what it does without us."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for each, handler in before.items():
            signal.signal(each, handler)
        # Where the signal came in the middle of a print, there can be no second one.
        with suppress(RuntimeError):
            tell()

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
