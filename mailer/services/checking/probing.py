"""Asking the links and images of a mail whether they are there: a few at a time, politely, and not twice a day."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import imagesize

from mailer.checks.facts import Probe
from mailer.checks.probed import PATIENCE, is_there, settled
from mailer.errors import FetchError
from mailer.fetch import FetchPolicy, Seen, is_image, probe
from mailer.model import Trouble
from mailer.services.checking.kept import by_link, kept, wanted_of
from mailer.services.program import Program
from mailer.store import probes as stored

WORKERS: Final = 12
AT_ONCE: Final = 2
"""So many requests to one host at the same time."""

POLICY: Final = FetchPolicy(total_seconds=10, step_seconds=6)

NOBODY_ASKED: Final = (Trouble.UNASKED, Trouble.ADDRESS)

Tell = Callable[[str], None]


def probe_links(
    program: Program, urls: Iterable[str], tell: Tell = lambda words: None, *, policy: FetchPolicy = POLICY
) -> dict[str, Probe]:
    """What these addresses answer. Those that were there some hours ago are not asked again; what is new is kept.

    `tell` hears how far it is. After `link_seconds` the rest is left unasked.
    """
    now, wanted = program.now(), wanted_of(urls)
    found = {url: one for url, one in kept(program, wanted, now).items() if settled(one, now)}
    todo = [url for url in wanted if url not in found]
    if todo:
        found |= Round(now, policy, tell).ask(todo, program.settings.checks.link_seconds)
        answers = {url: found[url] for url in todo if found[url].problem not in NOBODY_ASKED}
        with program.store.write() as connection:
            stored.keep(connection, answers)
    return by_link(urls, found)


@dataclass
class Round:
    """Asking many addresses at once, each host in at most two threads, which take what is left of it.

    The threads are daemons and write nothing down: who waits for them no longer loses nothing.
    """

    now: datetime
    policy: FetchPolicy
    tell: Tell
    done: SimpleQueue[tuple[str, Probe] | Exception] = field(default_factory=SimpleQueue)
    given_up: dict[str, Trouble] = field(default_factory=dict)
    over: Event = field(default_factory=Event)

    def ask(self, urls: Sequence[str], seconds: float) -> dict[str, Probe]:
        """Every address with what it answered, or that it was not asked."""
        self._begin(urls)
        found: dict[str, Probe] = {}
        end = monotonic() + seconds
        while len(found) < len(urls):
            try:
                answer = self.done.get(timeout=max(end - monotonic(), 0))
            except Empty:
                break
            if isinstance(answer, Exception):
                raise answer
            found[answer[0]] = answer[1]
            self.tell(f"{len(found)} of {len(urls)} links")
        self.over.set()
        return {url: found.get(url) or unanswered(url, self.now, Trouble.UNASKED) for url in urls}

    def _begin(self, urls: Sequence[str]) -> None:
        hosts: defaultdict[str, deque[str]] = defaultdict(deque)
        for url in urls:
            hosts[host_of(url)].append(url)
        lanes: SimpleQueue[tuple[str, deque[str]]] = SimpleQueue()
        for lane in range(AT_ONCE):
            for host, waiting in hosts.items():
                if len(waiting) > lane:
                    lanes.put((host, waiting))
        for _ in range(min(WORKERS, lanes.qsize())):
            Thread(target=self._work, args=(lanes,), name="links", daemon=True).start()

    def _work(self, lanes: SimpleQueue[tuple[str, deque[str]]]) -> None:
        try:
            while not self.over.is_set():
                self._lane(*lanes.get_nowait())
        except Empty:
            return
        except Exception as error:
            self.done.put(error)

    def _lane(self, host: str, waiting: deque[str]) -> None:
        while not self.over.is_set():
            try:
                url = waiting.popleft()
            except IndexError:
                return
            trouble = self.given_up.get(host)
            self.done.put((url, unanswered(url, self.now, trouble) if trouble else self._asked(host, url)))

    def _asked(self, host: str, url: str) -> Probe:
        try:
            found = answered(url, self.now, probe(url, policy=self.policy))
        except FetchError as error:
            found = unanswered(url, self.now, error.trouble or Trouble.CONNECTION)
        if found.status in PATIENCE or found.problem == Trouble.TIME:
            self.given_up[host] = Trouble.UNASKED
        elif found.problem == Trouble.NAME:
            self.given_up[host] = Trouble.NAME
        return found


def host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def unanswered(url: str, now: datetime, trouble: str) -> Probe:
    return Probe(url, now, 0, str(trouble))


def answered(url: str, now: datetime, seen: Seen) -> Probe:
    """What is kept of an answer."""
    moved = str(Trouble.MOVED) if seen.moved else ""
    found = Probe(url, now, seen.status, moved, seen.final_url, seen.content_type, seen.octets)
    if not (is_there(found) and is_image(seen.content_type)):
        return found
    width, height = dimensions(seen.beginning)
    return replace(found, width=width, height=height)


def dimensions(beginning: bytes) -> tuple[int, int]:
    """The pixels of an image, from its beginning; 0 where they are not to be had. Drawings (SVG) have none."""
    if beginning.lstrip()[:1] in (b"<", b""):
        return 0, 0
    width, height = imagesize.get(BytesIO(beginning))
    return (width, height) if width > 0 and height > 0 else (0, 0)
