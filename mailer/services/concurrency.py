"""A few threads for work that waits for the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def concurrently(tasks: Sequence[Callable[[], Result]], workers: int) -> Iterator[tuple[int, Result | Exception]]:
    """Runs the tasks in at most `workers` threads; yields number and result, or exception, as each is done.

    The threads are daemons, unlike those of `concurrent.futures`: an interrupt ends the program now and not when
    the slowest server has answered. So a task must not hold what has to be given back.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, Result | Exception]] = SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            try:
                done.put((number, tasks[number]()))
            except Exception as error:
                done.put((number, error))

    for _ in range(min(workers, len(tasks))):
        Thread(target=work, daemon=True).start()
    for _ in tasks:
        yield done.get()
