"""Pages are told when the issue changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Final

LOOK_SECONDS: Final = 0.5
"""Whether it is time to stop is asked so often by whoever waits."""


class News:
    """Hands the number of the newest generation to everybody who listens. Of one event loop."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._listening: set[asyncio.Event] = set()
        self._generation = 0

    def tell(self, generation: int) -> None:
        self._generation = generation
        for each in self._listening:
            each.set()

    async def stream(self) -> AsyncIterator[str]:
        """Server-sent events, as text: the generation at once, and each newer one."""
        changed = asyncio.Event()
        self._listening.add(changed)
        try:
            yield event(self._generation)
            while not self._stopping():
                try:
                    await asyncio.wait_for(changed.wait(), LOOK_SECONDS)
                except TimeoutError:
                    continue
                changed.clear()
                yield event(self._generation)
        finally:
            self._listening.discard(changed)


def event(generation: int) -> str:
    return f"event: changed\ndata: {json.dumps({'generation': generation})}\n\n"
