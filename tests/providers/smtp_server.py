"""A mail server for tests: does what it is told to at each step, and logs every mail whose end it saw."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailer.providers.smtp.connection import Server
from mailer.providers.smtp.dkim import DkimSigner
from mailer.providers.smtp.exchange import Terms
from mailer.providers.smtp.pauses import Pauses
from mailer.providers.smtp.pool import Pool
from mailer.providers.smtp.provider import Smtp


class Close(Exception):
    """Ends the connection without a word."""


class Take(Exception):
    """Takes the mail and ends the connection before saying so."""


class Trickle(Exception):
    """A reply whose lines come one by one and never end."""


Answer = str | bytes | type[Exception]
Step = Callable[[str, int], Answer | None]
"""What to answer to a command, and the how-manieth of its kind on all connections it is; None: as usual."""


@dataclass
class MailServer:
    """`taken`: (recipient, content) of each mail that was accepted, in order; `said`: every command, in order."""

    step: Step = lambda command, count: None
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 10000000", "8BITMIME", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    injected: bytes = b""
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    connections: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    port: int = 0
    partial: int = 0
    """Mails whose text began and whose end never came."""

    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.taken]

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, Close, Take):
            _Session(self, connection).run()

    def count(self, word: str) -> int:
        self.counts[word] = self.counts.get(word, 0) + 1
        return self.counts[word]


class _Session:
    def __init__(self, server: MailServer, connection: socket.socket) -> None:
        self.server = server
        self.socket = connection
        self.buffer = b""
        self.sender: str | None = None
        self.recipient: str | None = None
        self.secure = False

    def run(self) -> None:
        if self.server.implicit:
            self.encrypt()
        try:
            if not self.say(self.told("BANNER"), "220 sink ready"):
                return
            while True:
                line = self.until(b"\r\n")
                self.server.said.append(line.decode("utf-8", "replace"))
                if not self.command(line.decode("utf-8", "replace")):
                    return
        finally:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()

    def told(self, word: str) -> Answer | None:
        return self.server.step(word, self.server.count(word))

    def say(self, answer: Answer | None, usual: str) -> bool:
        """False when the answer was a goodbye."""
        answer = usual if answer is None else answer
        while answer is Trickle:
            self.socket.sendall(b"250-still at it\r\n")
            time.sleep(0.05)
        if isinstance(answer, type):
            raise answer
        data = answer if isinstance(answer, bytes) else answer.encode("utf-8") + b"\r\n"
        self.socket.sendall(data)
        return not data.startswith(b"421")

    def until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise Close
            self.buffer += data
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def command(self, line: str) -> bool:
        word = line.split(" ")[0].split(":")[0].upper()
        answer = self.told(word)
        handler = getattr(self, f"do_{word.lower()}", None)
        if handler is None:
            return self.say(answer, "502 5.5.2 what?")
        return bool(handler(line, answer))

    def do_ehlo(self, line: str, answer: Answer | None) -> bool:
        offered = list(self.server.extensions)
        if self.server.tls and not self.secure and not self.server.implicit:
            offered.append("STARTTLS")
        lines = ["sink at your service", *offered]
        return self.say(answer, "\r\n".join(f"250{'-' if n < len(lines) else ' '}{x}" for n, x in enumerate(lines, 1)))

    def do_helo(self, line: str, answer: Answer | None) -> bool:
        return self.say(answer, "250 hello")

    def do_starttls(self, line: str, answer: Answer | None) -> bool:
        if self.server.injected:
            self.socket.sendall(b"220 ready\r\n" + self.server.injected)
        elif not self.say(answer, "220 ready"):
            return False
        if answer is None:
            self.encrypt()
        return True

    def encrypt(self) -> None:
        assert self.server.tls is not None
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)
        self.secure = True

    def do_auth(self, line: str, answer: Answer | None) -> bool:
        return self.say(answer, "235 2.7.0 welcome")

    def do_mail(self, line: str, answer: Answer | None) -> bool:
        if self.sender is not None:
            answer = answer or "503 5.5.1 nested MAIL"
        going_on = self.say(answer, "250 2.1.0 ok")
        if answer is None:
            self.sender = line.partition("<")[2].partition(">")[0]
        return going_on

    def do_rcpt(self, line: str, answer: Answer | None) -> bool:
        if self.sender is None:
            answer = answer or "503 5.5.1 no MAIL"
        going_on = self.say(answer, "250 2.1.5 ok")
        if answer is None:
            self.recipient = line.partition("<")[2].partition(">")[0]
        return going_on

    def do_data(self, line: str, answer: Answer | None) -> bool:
        if self.recipient is None:
            answer = answer or "503 5.5.1 no RCPT"
        going_on = self.say(answer, "354 go on")
        if answer is not None and answer != "354 go on":
            return going_on
        self.server.partial += 1
        if self.told("BODY") is not None:
            self.socket.recv(10)
            raise Close
        self.buffer = b"\r\n" + self.buffer
        content = (self.until(b"\r\n.\r\n") + b"\r\n")[2:]
        self.server.partial -= 1
        recipient, self.sender, self.recipient = self.recipient, None, None
        return self.end(recipient, content)

    def end(self, recipient: str | None, content: bytes) -> bool:
        if recipient is None:
            return self.say(None, "554 5.5.1 nobody to give it to")
        answer = self.told("END")
        if answer is None or answer is Take or (isinstance(answer, str) and answer.startswith("2")):
            plain = content.removeprefix(b".") if content.startswith(b".") else content
            self.server.taken.append((recipient, plain.replace(b"\r\n..", b"\r\n.")))
        return self.say(answer, f"250 2.0.0 Ok: queued as Q{len(self.server.taken):06d}")

    def do_rset(self, line: str, answer: Answer | None) -> bool:
        self.sender = self.recipient = None
        return self.say(answer, "250 2.0.0 ok")

    def do_quit(self, line: str, answer: Answer | None) -> bool:
        self.say(answer, "221 2.0.0 bye")
        return False


@contextmanager
def listening(server: MailServer) -> Iterator[MailServer]:
    """The server at work on a port of its own, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            open_sockets.append(connection)
            thread = threading.Thread(target=server.serve, args=(connection,), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(5)


def provider(
    server: MailServer,
    *,
    connections: int = 1,
    timeout: float = 5.0,
    context: ssl.SSLContext | None = None,
    signer: DkimSigner | None = None,
    smtputf8: bool = True,
    **more: str,
) -> Smtp:
    """The provider that sends to this server, without waiting between attempts."""
    tls = more.pop("tls", "none")
    account = Server(more.pop("host", "127.0.0.1"), server.port, tls, context, timeout=timeout, **more)
    return Smtp(Pool(account, connections), Terms(Pauses(), signer), smtputf8=smtputf8, sleep=lambda _: None)


def answers(table: Mapping[tuple[str, int], Answer]) -> Step:
    """Steps by command and count: ("RCPT", 2) is the second RCPT of all."""
    return lambda command, count: table.get((command, count))


def always(command: str, answer: Answer) -> Step:
    return lambda said, count: answer if said == command else None


def slowly(seconds: float, command: str, answer: Answer | None = None) -> Step:
    def step(said: str, count: int) -> Answer | None:
        if said == command:
            time.sleep(seconds)
            return answer
        return None

    return step
