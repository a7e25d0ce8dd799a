"""Requests a second at `mailer serve`, one process, beside the bare framework in the same run.

    .venv/bin/python bench/web.py [UNSUBSCRIBES] [EVENTS] [--postgresql]
    .venv/bin/python bench/web.py soak SECONDS [--postgresql]     see soak.py

2,000 one-click unsubscribes, each of another person, and 50,000 events in signed posts of 1,000, unless other numbers
are given. On SQLite, or with --postgresql on a server of its own.

    bare            FastAPI and uvicorn as we run them, an endpoint in the thread pool that does nothing
    unsubscribes    POST /u/TOKEN: the token is read, the subscription ends, its evidence is written, one durable commit
    unsubscribe again   the same people once more: nothing is written
    acknowledged    POST /webhooks/sendgrid: the signature is verified and the post stored
    taken in        from the first post until the last event is in the ledger, by the same process

Both rates are told: a second of this machine, which client and server share, and a second of the server's processor.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import send
from bench.send import ISSUE, KEY, Sink, campaign

CONNECTIONS = 16
POST = 1000
TICKS = os.sysconf("SC_CLK_TCK")
ONE_CLICK = b"List-Unsubscribe=One-Click"


# --- the bare framework -----------------------------------------------------------------------------------------------


def bare_app() -> Any:
    from fastapi import FastAPI
    from starlette.responses import PlainTextResponse

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/u/{token}", response_class=PlainTextResponse)
    def left(token: str) -> str:
        return "Unsubscribed.\n"

    return app


def bare() -> int:
    import uvicorn

    from mailer.cli.serve import listen

    with listen("127.0.0.1", 0) as listening:
        print(f"serving on http://127.0.0.1:{listening.getsockname()[1]};", file=sys.stderr, flush=True)
        config = uvicorn.Config(
            bare_app, factory=True, access_log=False, log_level="warning", loop="asyncio", http="h11"
        )
        uvicorn.Server(config).run([listening])
    return 0


# --- servers and clients ----------------------------------------------------------------------------------------------


@contextmanager
def serving(
    command: Sequence[str], environ: dict[str, str], runner: asyncio.Runner | None = None
) -> Iterator[tuple[int, int]]:
    """The port and the process of a server that answers; it is killed at the end. `runner`: whose loop asks it."""
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+);", line)
    if not found:
        raise SystemExit(line + process.stderr.read())
    try:
        run = runner.run if runner else asyncio.run
        run(ask(int(found[1]), [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], any_status=True))
        yield int(found[1]), process.pid
    finally:
        process.kill()
        process.communicate()


def processor(pid: int) -> float:
    """Seconds that a process and its threads have had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def ask(port: int, requests: Sequence[bytes], *, any_status: bool = False) -> None:
    """All of them over some connections that stay, each answered before the next."""
    waiting = iter(requests)

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert any_status or head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
        writer.close()

    await asyncio.gather(*(one() for _ in range(min(CONNECTIONS, len(requests)))))


def posted(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: news.example.org", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def timed(name: str, port: int, pid: int, requests: Sequence[bytes], each: int = 1) -> tuple[float, float]:
    """Ask, and say how fast it went; when it began, and the processor's seconds then."""
    began, had = time.perf_counter(), processor(pid)
    asyncio.run(ask(port, requests))
    say(name, len(requests) * each, time.perf_counter() - began, processor(pid) - had)
    return began, had


def say(name: str, number: int, wall: float, cpu: float) -> None:
    print(
        f"{name:<20} {number / wall:>8,.0f} a second {number / max(cpu, 0.01):>8,.0f} a second of processor", flush=True
    )


# --- ours -------------------------------------------------------------------------------------------------------------


def opened(folder: Path, environ: dict[str, str]) -> Any:
    from mailer.app import open_mailer
    from mailer.workspace import Workspace

    return open_mailer(Workspace(folder), environ)


def sent(folder: Path, people: int, environ: dict[str, str], sink: Sink) -> list[str]:
    """An issue that so many people got; the references of their mails."""
    import sqlalchemy as sa

    from mailer.services.references import key_of, references
    from mailer.services.sending.sender import send_frozen
    from mailer.store import issues
    from mailer.store.tables import deliveries

    send.opened = lambda place: opened(place, environ)
    campaign(folder, sink.url, people)
    with opened(folder, environ) as program:
        send_frozen(program, ISSUE)
        with program.store.read() as connection:
            numbers = list(connection.execute(sa.select(deliveries.c.id).order_by(deliveries.c.id)).scalars())
            issue = issues.get(connection, ISSUE)
        keys = program.workspace.secret_keys(program.environ)
        return references(key_of(issue.snapshot, keys), ISSUE, numbers)


def people(program: Any, number: int) -> list[str]:
    """The first so many, as links name them."""
    import sqlalchemy as sa

    from mailer.store.tables import subscribers

    with program.store.read() as connection:
        query = sa.select(subscribers.c.public_id).order_by(subscribers.c.id).limit(number)
        return list(connection.execute(query).scalars())


def leaving(folder: Path, number: int, environ: dict[str, str]) -> list[bytes]:
    """The one click of so many people."""
    from mailer.render.links import Purpose, Signer

    with opened(folder, environ) as program:
        found = people(program, number)
        signer = Signer(program.workspace.secret_keys(program.environ))
        kind = "Content-Type: application/x-www-form-urlencoded"
        return [posted(f"/u/{each}", ONE_CLICK, kind) for each in signer.tokens(Purpose.UNSUBSCRIBE, "weekly", found)]


def webhook_key(folder: Path) -> Any:
    """A key that the workspace believes from now on."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1())
    public = b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    settings = folder / "mailer.toml"
    settings.write_text(settings.read_text().replace("[provider]", f'[provider]\nwebhook_keys = ["{public}"]'))
    return key


def reporting(references: Sequence[str], number: int, key: Any, post: int = POST) -> list[bytes]:
    """Signed posts of what happened to mails, several things each."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    requests, at = [], int(time.time())
    kinds = ("processed", "delivered", "open", "click")
    for first in range(0, number, post):
        events = [
            {
                "event": kinds[n // len(references) % len(kinds)], "timestamp": at, "email": f"p{n}@d.example",
                "mailer_delivery": references[n % len(references)], "sg_event_id": f"event{n}",
                "sg_message_id": f"message{n}", "smtp-id": f"<{n}@example>", "response": "250 OK",
            }
            for n in range(first, min(first + post, number))
        ]  # fmt: skip
        body = json.dumps(events).encode()
        signature = b64encode(key.sign(str(at).encode() + body, ECDSA(SHA256()))).decode()
        named = f"X-Twilio-Email-Event-Webhook-Signature: {signature}", f"X-Twilio-Email-Event-Webhook-Timestamp: {at}"
        requests.append(posted("/webhooks/sendgrid", body, "Content-Type: application/json", *named))
    return requests


def drained(program: Any) -> None:
    """Wait until nothing is left to be taken in."""
    from mailer.store import jobs

    while True:
        with program.store.read() as connection:
            left = {state: number for state, number in jobs.counts(connection).items() if state != "done"}
            if not any(left.values()):
                return
        time.sleep(0.02)


def ours(folder: Path, unsubscribes: int, events: int, environ: dict[str, str]) -> int:
    sink = Sink()
    references = sent(folder, max(unsubscribes, events // 4), environ, sink)
    sink.counted()
    key = webhook_key(folder)
    clicks, posts = leaving(folder, unsubscribes, environ), reporting(references, events, key)
    command = [sys.executable, "-m", "mailer", "--workspace", str(folder), "serve", "--port", "0", "--json"]
    with serving(command, environ) as (port, pid), opened(folder, environ) as program:
        timed("unsubscribes", port, pid, clicks)
        timed("unsubscribe again", port, pid, clicks)
        drained(program)
        began, had = timed("acknowledged", port, pid, posts, POST)
        drained(program)
        say("taken in", events, time.perf_counter() - began, processor(pid) - had)
    return 0


def anew(on_server: bool, environ: dict[str, str], work: Callable[[Path], int]) -> int:
    """Do it in a workspace of its own: over a file, or over a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if not on_server:
            return work(Path(folder))
        from tests import postgres

        server = postgres.start()
        try:
            os.environ["DATABASE_URL"] = environ["DATABASE_URL"] = server.create()
            return work(Path(folder))
        finally:
            server.stop()


def main() -> int:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    environ = {**os.environ, "SENDGRID_API_KEY": KEY, "PYTHONPATH": str(Path(__file__).parent.parent)}
    on_server = "--postgresql" in sys.argv
    if "soak" in sys.argv:
        from bench.soak import soak

        return min(1, anew(on_server, environ, lambda folder: soak(numbers[0] if numbers else 600, folder, environ)))
    unsubscribes, events = (*numbers, 2_000, 50_000)[:2] if len(numbers) != 1 else (numbers[0], 50_000)
    click = posted("/u/AQEBBndlZWtseQ" + "x" * 40, ONE_CLICK, "Content-Type: application/x-www-form-urlencoded")
    with serving([sys.executable, __file__, "bare"], environ) as (port, pid):
        timed("bare", port, pid, [click] * max(unsubscribes, 2_000))
    return anew(on_server, environ, lambda folder: ours(folder, unsubscribes, events, environ))


if __name__ == "__main__":
    sys.exit(bare() if sys.argv[1:] == ["bare"] else main())
