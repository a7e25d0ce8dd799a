"""`mailer serve` under a steady rate of everything that people and providers ask, killed in the middle.

    .venv/bin/python bench/web.py soak SECONDS [--postgresql]

Ten rounds a second of a few requests each: one-click unsubscribes, sign-ups, signed posts of events, pages. Halfway the
server is killed (SIGKILL) and started again. At the end everything that was acknowledged must be in the database: who
left has left, who signed up is asked to confirm, each event is there once. Leaves with 1 where anything is missing.

Memory is the server's own (VmRSS); its slope is the straight line through what was seen after the first fifth of each
life, when everything has been loaded.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import send, web
from mailer.services.public import stamps

UNSUBSCRIBES, SIGNUPS, PAGES, POSTS = 6, 2, 6, 2
"""Requests a second of each kind."""

EVENTS = 25
"""In a post."""

LOOK_SECONDS = 2.0
SETTINGS = """[web]
proxies = ["127.0.0.1/32"]
signups_to_list = 1000000
signups_of_network = 1000000"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, what kind it is, and what must be in the database once it was acknowledged."""

    kind: str
    raw: bytes
    proof: str = ""


@dataclass(slots=True)
class Heard:
    """What came back."""

    acknowledged: dict[str, list[str]] = field(default_factory=dict)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Life:
    """A server from its start to its end: megabytes at times."""

    seen: list[tuple[float, float]] = field(default_factory=list)

    def __str__(self) -> str:
        settled = self.seen[len(self.seen) // 5 :]
        if len(settled) < 3:
            return "too short to say"
        slope = statistics.linear_regression(*zip(*settled, strict=True)).slope
        return (
            f"{settled[0][1]:.1f} MB, at the end {settled[-1][1]:.1f} MB, slope {slope * 60 * 1024:+,.0f} kB a minute"
        )


def memory(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def planned(seconds: int, program: Any, clicks: Sequence[bytes], posts: Sequence[bytes]) -> list[Asked]:
    """All requests in the order in which they are made, spread over the time."""
    keys, at = program.workspace.secret_keys(program.environ), program.now() - timedelta(minutes=1)

    def signup(number: int) -> Asked:
        email = f"new{number}@soak.example"
        body = urlencode({"email": email, "stamp": stamps.make(keys, "weekly", at)}).encode()
        kind = "Content-Type: application/x-www-form-urlencoded"
        client = f"X-Forwarded-For: 2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"
        return Asked("sign-ups", web.posted("/subscribe/weekly", body, kind, client), email)

    paths = cycle(("/subscribe/weekly", clicks[0].split(b" ")[1].decode(), "/readyz", "/archive", "/nothing"))
    page = "GET {} HTTP/1.1\r\nHost: news.example.org\r\n\r\n"
    each = (
        [Asked("unsubscribes", raw, str(n)) for n, raw in enumerate(clicks)],
        [signup(n) for n in range(SIGNUPS * seconds)],
        [Asked("pages", page.format(next(paths)).encode()) for _ in range(PAGES * seconds)],
        [Asked("posts of events", raw, str(n)) for n, raw in enumerate(posts)],
    )
    spread = [(n / len(kind), asked) for kind in each for n, asked in enumerate(kind)]
    return [asked for _, asked in sorted(spread, key=lambda pair: pair[0])]


async def client(port: int, turns: Iterator[tuple[float, Asked]], heard: Heard) -> None:
    """One connection after another; what a broken one had asked is not known to be done, and not asked again."""
    reader = writer = None
    for due, asked in turns:
        await asyncio.sleep(due - time.monotonic())
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert reader is not None
            began = time.monotonic()
            writer.write(asked.raw)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError):
            heard.statuses[asked.kind, "cut off"] += 1
            writer = None
            continue
        heard.seconds.append(time.monotonic() - began)
        status = head[9:12].decode()
        heard.statuses[asked.kind, status] += 1
        if status == "200":
            heard.acknowledged.setdefault(asked.kind, []).append(asked.proof)
        if b"connection: close" in head.lower():
            writer = None


async def watch(pid: int, life: Life, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        life.seen.append((now, memory(pid)))
        await asyncio.sleep(min(LOOK_SECONDS, until - now))


def lost(program: Any, heard: Heard, people: Sequence[str]) -> dict[str, int]:
    """How much of what was acknowledged is not in the database as it should be; and what is there twice."""
    import sqlalchemy as sa

    from mailer.model import SubscriptionState
    from mailer.store.tables import deliveries, events, subscribers, subscriptions

    state = sa.select(subscribers.c.public_id, subscribers.c.email_key, subscriptions.c.state).join(subscriptions)
    with program.store.read() as connection:
        rows = connection.execute(state).all()
        numbers = connection.execute(sa.select(deliveries.c.id).order_by(deliveries.c.id)).scalars().all()
        reported = connection.execute(sa.select(events.c.delivery_id)).scalars().all()
    left = {row.public_id for row in rows if row.state is SubscriptionState.UNSUBSCRIBED}
    there, seen, told = {row.email_key for row in rows}, set(reported), heard.acknowledged
    firsts = [int(n) * EVENTS for n in told.get("posts of events", ())]
    return {
        "unsubscribes": sum(people[int(n)] not in left for n in told.get("unsubscribes", ())),
        "sign-ups": sum(email not in there for email in told.get("sign-ups", ())),
        "events": sum(number not in seen for first in firsts for number in numbers[first : first + EVENTS]),
        "events twice": len(reported) - len(seen),
    }


def soak(seconds: int, folder: Path, environ: dict[str, str]) -> int:
    """Run it; how many acknowledged things were lost."""
    sink, people = send.Sink(), seconds * UNSUBSCRIBES
    # Each event is about a delivery of its own, by which it is known again. One person in twenty gets no mail.
    reported = seconds * POSTS * EVENTS
    references = web.sent(folder, reported * 20 // 19 + 20, environ, sink)
    assert len(references) >= reported
    key = web.webhook_key(folder)
    settings, definition = folder / "mailer.toml", folder / "subscribers" / "weekly.toml"
    settings.write_text(settings.read_text().replace("[web]", SETTINGS))
    definition.write_text(definition.read_text().replace("single", "double") + "public = true\n")
    with web.opened(folder, environ) as program:
        ids = web.people(program, people)
        clicks = web.leaving(folder, people, environ)
        posts = web.reporting(references, reported, key, EVENTS)
        plan = planned(seconds, program, clicks, posts)
    heard, lives, away = Heard(), (Life(), Life()), 0.0
    command = [sys.executable, "-m", "mailer", "--workspace", str(folder), "serve", "--json", "--port"]
    began = time.monotonic()
    turns = ((began + 1 + seconds * n / len(plan), asked) for n, asked in enumerate(plan))
    port = 0
    # The server and the client live beside each other: one loop for the client, through both lives of the server.
    with asyncio.Runner() as runner:
        clients: list[asyncio.Task[None]] = []
        for life, end in zip(lives, (began + 1 + seconds / 2, began + 3 + seconds), strict=True):
            started = time.monotonic()
            with web.serving([*command, str(port)], environ, runner) as (port, pid):
                away = time.monotonic() - started
                if not clients:
                    loop = runner.get_loop()
                    clients = [loop.create_task(client(port, turns, heard)) for _ in range(web.CONNECTIONS)]
                runner.run(watch(pid, life, end - time.monotonic()))
                if life is lives[1]:
                    runner.run(_all(clients))
                    with web.opened(folder, environ) as program:
                        web.drained(program)
    sink.counted()
    with web.opened(folder, environ) as program:
        missing = lost(program, heard, ids)
    report(seconds, heard, lives, away, missing)
    return sum(missing.values())


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks)


def report(seconds: int, heard: Heard, lives: Sequence[Life], away: float, missing: dict[str, int]) -> None:
    total = sum(heard.statuses.values())
    print(f"{total:,} requests in {seconds} s, killed halfway, answering again after {away:.1f} s")
    for kind in sorted({kind for kind, _ in heard.statuses}):
        told = ", ".join(f"{status}: {n:,}" for (which, status), n in sorted(heard.statuses.items()) if which == kind)
        print(f"  {kind:<18} {told}")
    times = statistics.quantiles(heard.seconds, n=100)
    print(f"answered within {times[49] * 1000:.0f} ms (half), {times[98] * 1000:.0f} ms (99 of 100)")
    for name, life in zip(("before the kill", "after it"), lives, strict=True):
        print(f"memory {name}: {life}")
    print("lost of what was acknowledged: " + ", ".join(f"{n} {kind}" for kind, n in missing.items()))
