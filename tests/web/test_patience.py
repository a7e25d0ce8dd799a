"""People at the other end who send or read a byte now and then: each has an end, and nobody else waits for them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Thread

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn import Config, Server

from mailer.cli.serve import config
from mailer.web import patience

LIMIT = 0.3
PAGE = b"x" * 8_000_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with a line, or with more than the system keeps for whoever does not read."""
    content = PAGE if scope["path"] == "/large" else b"ok"
    answer: Response = PlainTextResponse(content)
    await answer(scope, receive, send)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The server as `mailer serve` sets it up, in a thread, with little patience."""
    monkeypatch.setattr(patience, "HEADER_SECONDS", LIMIT)
    monkeypatch.setattr(patience, "READ_SECONDS", LIMIT)
    options = {**config(1, as_json=True), "app": app, "factory": False, "lifespan": "off", "log_config": None}
    server = Server(Config(**options))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answered(connection: socket.socket) -> bytes:
    """One short answer."""
    answer = b""
    while not answer.endswith(b"ok"):
        answer += connection.recv(1000)
    return answer


def lasted(connection: socket.socket) -> float:
    """Seconds until the other end hangs up, and nothing is said before."""
    began = time.monotonic()
    with suppress(ConnectionResetError):
        assert connection.recv(100) == b""
    return time.monotonic() - began


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"])
def test_whoever_does_not_come_to_an_end_of_headers_is_hung_up_on(port: int, begun: bytes) -> None:
    """Attack 44: slow clients."""
    with closing(connected(port)) as connection:
        connection.sendall(begun)
        assert LIMIT / 2 < lasted(connection) < 20 * LIMIT


def test_a_byte_now_and_then_does_not_help(port: int) -> None:
    with closing(connected(port)) as connection:
        began = time.monotonic()
        with pytest.raises(OSError):
            for letter in b"GET / HTTP/1.1\r\n" + b"X-Header: y\r\n" * 1000:
                connection.sendall(bytes((letter,)))
                time.sleep(LIMIT / 6)
        assert time.monotonic() - began < 30 * LIMIT


def test_a_second_request_has_its_own_time_and_end(port: int) -> None:
    with closing(connected(port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answered(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET / HTT")
        assert lasted(connection) < 20 * LIMIT


def test_whoever_does_not_read_is_hung_up_on(port: int) -> None:
    with closing(connected(port)) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1) == b"H"
        time.sleep(3 * LIMIT)
        taken = 0
        with suppress(ConnectionResetError):
            while part := connection.recv(1 << 20):
                taken += len(part)
        assert taken < len(PAGE)


def test_whoever_reads_slowly_but_reads_gets_all(port: int) -> None:
    with closing(connected(port)) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        taken = 0
        while part := connection.recv(1 << 19):
            taken += len(part)
            time.sleep(LIMIT / 30)
        assert taken > len(PAGE)


def test_others_are_answered_meanwhile(port: int) -> None:
    waiting = [connected(port) for _ in range(200)]
    try:
        with closing(connected(port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answered(connection).startswith(b"HTTP/1.1 200 ")
    finally:
        for each in waiting:
            each.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["two lengths", "other coding", "negative", "chunk", "space", "host", "TLS"],
)
def test_what_proxies_and_servers_read_differently_is_refused(port: int, request_: bytes) -> None:
    """Attack 43: nothing is made of a request that two programs may read in two ways, and the connection ends."""
    with closing(connected(port)) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")) or (answer == b"")
        assert b"ok" not in answer
