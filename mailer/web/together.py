"""Requests that came while others were written are written together: one commit for all of them.

Who is first is not waited for, and nobody waits longer than for the one group before theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Item = TypeVar("Item")
Done = TypeVar("Done")

MOST: Final = 100
"""In one group. More would make the first of them wait for long."""


class Together(Generic[Item, Done]):
    """Does `work` for groups of items, a group at a time, in a thread. For one event loop."""

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Done]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Done]]] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Done:
        """What `work` gives for that item, or raises for its group."""
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        # A task of its own: a request that is given up takes nobody else's answer along.
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                done = await run_in_threadpool(self._work, [item for item, _ in group])
            except Exception as error:
                for future in _expecting(group):
                    future.set_exception(error)
                continue
            for (_, future), answer in zip(group, done, strict=True):
                if not future.done():
                    future.set_result(answer)


def _expecting(group: Sequence[tuple[Item, asyncio.Future[Done]]]) -> list[asyncio.Future[Done]]:
    """Those that are still waited for."""
    return [future for _, future in group if not future.done()]
