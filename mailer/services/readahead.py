"""Doing the next piece of work while the last one is used: one thread reads, the other one writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()
# How long a thread that waits for the other may not notice that the work was given up.
_LOOK = 0.1


@contextmanager
def read_ahead(items: Iterable[T], most: int = 1) -> Iterator[Iterator[T]]:
    """The items, made in a thread of their own and at most so many of them ahead. What that raises is raised here."""
    queue: Queue[Any] = Queue(most)
    given_up = Event()

    def put(item: Any) -> bool:
        while not given_up.is_set():
            try:
                queue.put(item, timeout=_LOOK)
                return True
            except Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((_END, None))
        except BaseException as error:
            put((_END, error))

    thread = Thread(target=work, name="reading ahead", daemon=True)
    thread.start()
    try:
        yield _taken(queue, thread)
    finally:
        given_up.set()
        thread.join()


def _taken(queue: Queue[Any], thread: Thread) -> Iterator[Any]:
    while True:
        try:
            item, error = queue.get(timeout=_LOOK)
        except Empty:
            if thread.is_alive():
                continue
            raise RuntimeError("the thread that reads has died") from None
        if error is not None:
            raise error
        if item is _END:
            return
        yield item
