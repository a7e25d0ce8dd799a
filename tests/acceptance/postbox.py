"""A mail server that keeps what it gets, and a web server in front that encrypts: what stands around `mailer serve`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any


class Postbox:
    """The mails that came, by whom they are for."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.came = threading.Condition()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        with self.came:
            self.mails += [(address, message) for address in envelope.rcpt_tos]
            self.came.notify_all()
        return "250 2.0.0 taken"

    def of(self, address: str) -> list[EmailMessage]:
        with self.came:
            return [mail for whom, mail in self.mails if whom == address]

    def wait(self, address: str, number: int = 1) -> EmailMessage:
        """The mail of that number to somebody, as soon as it is there."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.of(address)) >= number, 30), "no mail came"
        return self.of(address)[number - 1]


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[Postbox, int]]:
    """A real server of SMTP, and its port."""
    from aiosmtpd.controller import Controller

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    postbox = Postbox()
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield postbox, port
    finally:
        controller.stop()


class Front:
    """Ends the encryption, and hands on what came as it is."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.behind = 0
        self.port = 0
        self.ready = threading.Event()
        self.over = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        self.loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self.hand_on, "127.0.0.1", 0, ssl=self.context)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.over.wait()
        server.close()

    async def hand_on(self, asking: asyncio.StreamReader, answering: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.behind)
            await asyncio.gather(pour(asking, writer), pour(reader, answering))


async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while part := await source.read(1 << 16):
                sink.write(part)
                await sink.drain()
    finally:
        sink.close()


@contextlib.contextmanager
def front(context: ssl.SSLContext) -> Iterator[Front]:
    """It listens from now on; `behind` is to be set before anybody comes."""
    made = Front(context)
    thread = threading.Thread(target=lambda: asyncio.run(made.run()), daemon=True)
    thread.start()
    assert made.ready.wait(10)
    try:
        yield made
    finally:
        assert made.loop is not None
        made.loop.call_soon_threadsafe(made.over.set)
        thread.join(10)
