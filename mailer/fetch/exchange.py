"""One request to one checked address, bounded in time and bytes."""

from __future__ import annotations

import socket
import ssl
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from time import monotonic

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from mailer.errors import FetchError
from mailer.fetch.address import Target
from mailer.model import Trouble

_CHUNK = 65_536
_MAX_ADDRESSES = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """`deadline` is monotonic and holds for the whole fetch, `step_seconds` for a connect or a read."""

    deadline: float
    step_seconds: float
    max_bytes: int

    def left(self, target: Target) -> float:
        seconds = self.deadline - monotonic()
        if seconds <= 0:
            raise too_late(target)
        return seconds


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked for. `beginning`: as much of a body as may be read will do, as it comes over the wire."""

    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes | None = None
    beginning: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as far as it was read: the body of a 200 only. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def exchange(
    target: Target,
    addresses: Sequence[str],
    asking: Asking,
    limits: Limits,
    tls: ssl.SSLContext | None,
) -> Answer:
    """Asks the first address that takes the connection. The name is not resolved again after the check."""
    connection = _connected(target, addresses, limits, tls)
    try:
        with _ended_at(limits.deadline, connection) as ended:
            try:
                answer = _read(connection, target, asking, limits)
            except (HTTPError, HTTPException, OSError, ValueError, zlib.error) as exc:
                if ended.is_set():
                    raise too_late(target) from exc
                raise _broken(target, exc) from exc
            # A body without a length ends quietly when the connection is closed under it.
            if ended.is_set():
                raise too_late(target)
            return answer
    finally:
        connection.close()


def _connected(target: Target, addresses: Sequence[str], limits: Limits, tls: ssl.SSLContext | None) -> HTTPConnection:
    fault: Exception | None = None
    for address in addresses[:_MAX_ADDRESSES]:
        connection = _connection(target, address, min(limits.step_seconds, limits.left(target)), tls)
        try:
            connection.connect()
        except (HTTPError, HTTPException, OSError, ValueError) as exc:
            connection.close()
            fault = exc
        else:
            return connection
    assert fault is not None
    raise _broken(target, fault) from fault


def _connection(target: Target, address: str, timeout: float, tls: ssl.SSLContext | None) -> HTTPConnection:
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=timeout)
    # The address is what is connected to; the name is what the certificate and SNI are about.
    return HTTPSConnection(
        address,
        target.port,
        timeout=timeout,
        ssl_context=tls or ssl.create_default_context(),
        server_hostname=target.host,
    )


@contextmanager
def _ended_at(deadline: float, connection: HTTPConnection) -> Iterator[threading.Event]:
    """Cuts the connection at the deadline: a time-out of reads starts anew with every byte a slow server sends."""
    ended = threading.Event()
    wire = connection.sock  # kept, because the connection lets go of it once the headers are read

    def end() -> None:
        ended.set()
        with suppress(OSError):
            # Not SSLSocket.shutdown(), which would take the TLS state away from the thread that reads.
            socket.socket.shutdown(wire, socket.SHUT_RDWR)

    timer = threading.Timer(max(deadline - monotonic(), 0), end)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()


def _read(connection: HTTPConnection, target: Target, asking: Asking, limits: Limits) -> Answer:
    method, body, headers = asking.method, asking.body, asking.headers
    connection.request(method, target.path, body, headers, preload_content=False, decode_content=False)
    with closing(connection.getresponse()) as response:
        return _answer(response, target, asking, limits)


def _answer(response: HTTPResponse, target: Target, asking: Asking, limits: Limits) -> Answer:
    found = {name.lower(): value for name, value in response.headers.items()}
    if response.status != 200 or asking.method == "HEAD":
        return Answer(response.status, found)
    if asking.beginning:
        return Answer(200, found, response.read(limits.max_bytes, decode_content=False))
    return Answer(200, found, _body(response, found.get("content-encoding", ""), target, limits))


def _body(response: HTTPResponse, coding: str, target: Target, limits: Limits) -> bytes:
    too_large = FetchError(f"{target.host} sends more than {limits.max_bytes / 1e6:g} MB")
    declared = response.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > limits.max_bytes:
        raise too_large
    parts: list[bytes] = []
    size = 0
    for part in _unpacked(response, coding.strip().lower(), target):
        size += len(part)
        if size > limits.max_bytes:
            raise too_large
        limits.left(target)
        parts.append(part)
    return b"".join(parts)


def _unpacked(response: HTTPResponse, coding: str, target: Target) -> Iterator[bytes]:
    """The body in pieces of at most 64 KB each, however well a bomb is packed."""
    if coding in ("", "identity"):
        yield from response.stream(_CHUNK, decode_content=False)
        return
    if coding not in ("gzip", "x-gzip"):
        raise FetchError(f"{target.host} sends {coding[:40]!r}, which was not asked for")
    unpacker = _gunzip()
    begun = False
    for packed in response.stream(_CHUNK, decode_content=False):
        waiting = packed
        while waiting:
            begun = True
            yield unpacker.decompress(waiting, _CHUNK)
            waiting = unpacker.unconsumed_tail
            if unpacker.eof:
                # A gzip file may have several members (RFC 1952), and zeros as padding behind the last one.
                waiting = unpacker.unused_data.lstrip(b"\x00")
                unpacker, begun = _gunzip(), False
    if begun:
        raise FetchError(f"{target.host}: the answer breaks off in the middle")


def _gunzip() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _broken(target: Target, exc: Exception) -> FetchError:
    if isinstance(exc, ssl.SSLError) or "certificate" in str(exc).lower():
        return FetchError(f"{target.host}: the secure connection failed ({_reason(exc)})", trouble=Trouble.TLS)
    if isinstance(exc, TimeoutError) or "timed out" in str(exc).lower():
        return too_late(target)
    return FetchError(f"{target.host}: the connection failed ({_reason(exc)})", trouble=Trouble.CONNECTION)


def too_late(target: Target) -> FetchError:
    return FetchError(f"{target.host} did not answer in time", trouble=Trouble.TIME)


def _reason(exc: Exception) -> str:
    """One short line; urllib3's own text begins with the connection object."""
    cause = exc.__cause__ or exc
    return " ".join(str(cause).rpartition(">: ")[2].split())[:150] or type(cause).__name__
