"""Servers that take mails and log each one before they answer, in a process of their own.

    python -m tests.acceptance.sinks smtp|sendgrid LOG PORT SEED WAIT...

A line of the log is one mail: when, the provider's word for the delivery, the address. It is written, in one piece,
before the answer, and some answers take their time, so that a sender can be killed between the two.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WAITS = {"sendgrid": (0.0, 0.0, 0.02, 0.08), "smtp": (0.0, 0.0, 0.002, 0.008)}
"""Seconds between the log and the answer: one of these, by chance."""


@dataclass(frozen=True)
class Taken:
    """One mail that a sink took."""

    at: float
    reference: str
    address: str


class Log:
    """The file that a sink writes."""

    def __init__(self, path: Path, seed: int, waits: Sequence[float]) -> None:
        self.waits = waits
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.chance = random.Random(seed)
        self.lock = threading.Lock()

    def write(self, mails: Sequence[tuple[str, str]]) -> float:
        """Log these mails; how long to wait before saying so."""
        now = time.time()
        lines = "".join(f"{now:.6f} {reference} {address}\n" for reference, address in mails)
        with self.lock:
            os.write(self.file, lines.encode())
            return self.chance.choice(self.waits)


@dataclass
class Reader:
    """Reads the log as it grows. Several threads may ask."""

    path: Path
    offset: int = 0
    rest: bytes = b""
    taken: list[Taken] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> list[Taken]:
        with self.lock:
            return self._read()

    def _read(self) -> list[Taken]:
        if not self.path.exists():
            return self.taken
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        self.offset += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            at, reference, address = line.decode().split(" ", 2)
            self.taken.append(Taken(float(at), reference, address))
        return self.taken

    def addresses(self) -> list[str]:
        return [each.address for each in self.read()]


# --- SendGrid ---------------------------------------------------------------------------------------------------------


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    log: Log

    def do_GET(self) -> None:
        self.answer(200, b'{"scopes":["mail.send"]}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            people = json.loads(body)["personalizations"]
        except ValueError:  # the sender was killed in the middle of it: no request
            self.close_connection = True
            return
        mails = [(each["custom_args"]["mailer_delivery"], each["to"][0]["email"]) for each in people]
        time.sleep(self.log.write(mails))
        self.answer(202, b"")

    def answer(self, status: int, body: bytes) -> None:
        try:
            head = f"HTTP/1.1 {status} X\r\nX-Message-Id: sink\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)
        except OSError:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """The log is our own."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed."""


def serve_sendgrid(log: Log, port: int) -> None:
    server = Server(("127.0.0.1", port), type("OneApi", (Api,), {"log": log}))
    print(server.server_port, flush=True)
    server.serve_forever()


# --- SMTP -------------------------------------------------------------------------------------------------------------


class Mails:
    """What aiosmtpd asks about a session."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, answers: list[str]) -> list[str]:
        session.host_name = name
        return [*answers[:-1], "250-PIPELINING", answers[-1]]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        import asyncio

        head = envelope.content.partition(b"\r\n\r\n")[0]
        found = [line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:")]
        reference = found[0].partition(b":")[2].strip().decode()
        (recipient,) = envelope.rcpt_tos
        if wait := self.log.write([(reference, recipient)]):
            await asyncio.sleep(wait)
        return "250 2.0.0 taken"


def serve_smtp(log: Log, port: int) -> None:
    import asyncio
    import warnings

    from aiosmtpd.smtp import SMTP

    # It names arguments of its own that will go away.
    warnings.simplefilter("ignore")

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        made = await loop.create_server(lambda: SMTP(Mails(log), loop=loop), "127.0.0.1", port)
        print(made.sockets[0].getsockname()[1], flush=True)
        await made.serve_forever()

    asyncio.run(serve())


# --- from outside -----------------------------------------------------------------------------------------------------


@contextmanager
def running(
    kind: str, log: Path, seed: int = 1, waits: Iterable[float] = (), port: int = 0, before: Sequence[str] = ()
) -> Iterator[int]:
    """The sink at work, until the block ends; its port, which is any that is free unless one is given.

    `before`: a command that runs the sink somewhere else, as in a network namespace.
    """
    words = [kind, log, port, seed, *(tuple(waits) or WAITS[kind])]
    command = [*before, sys.executable, "-m", "tests.acceptance.sinks", *map(str, words)]
    root = Path(__file__).parent.parent.parent
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    which, path, place, number, *given = sys.argv[1:]
    serve = {"smtp": serve_smtp, "sendgrid": serve_sendgrid}[which]
    serve(Log(Path(path), int(number), tuple(map(float, given))), int(place))
