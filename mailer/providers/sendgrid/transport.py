"""The official SDK's client with connections of ours underneath.

The SDK knows the key, the regions, the paths and the errors. Its transport opens a connection and reads all
certificates again for every call, waits for ever, follows a redirect with the key in its hand, keeps the headers of
one call for the next, and writes the key into its debug log. So `_build_client` and the methods are ours, and the
rest is as it comes.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any

import orjson
import urllib3
from python_http_client.client import Client, Response
from python_http_client.exceptions import HTTPError, err_dict
from sendgrid import SendGridAPIClient

from mailer.providers.sendgrid.reply import Answer

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 15.0
"""A connection that was not used for so long is not used again: the other side may just be closing it, and a request
that meets that is in doubt."""

CONNECTIONS = 32
PIECE = 65_536
# A page of suppressed addresses is the longest: five hundred, each with the words of a server.
LONGEST_REPLY = 4 << 20
JSON = "application/json"


class Unreached(Exception):
    """The request was certainly not taken: there was no connection, or it broke before the request was complete.

    `lasting`: nothing will be different the next time.
    """

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting


class Unanswered(Exception):
    """The request was written and no answer came: nobody knows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Upload:
    """A body on its way. `complete` once all of it was handed to the connection: a part of it is no request.

    In pieces, so that the time a connection may stand still is counted for each of them and a slow line can carry a
    large request.
    """

    def __init__(self, data: bytes, deadline: float) -> None:
        self.data = memoryview(data)
        self.deadline = deadline
        self.complete = not data

    def __iter__(self) -> Iterator[memoryview]:
        for start in range(0, len(self.data), PIECE):
            if time.monotonic() > self.deadline:
                raise TimeoutError("the request could not be written in time")
            yield self.data[start : start + PIECE]
        self.complete = True


class Connections:
    """Pooled connections with verified TLS, limits of time, and neither redirects nor retries. Shared by threads."""

    def __init__(self, host: str, tls: ssl.SSLContext | None = None) -> None:
        secure: dict[str, Any] = {}
        if host.startswith("https:"):
            secure = {"ssl_context": tls or ssl.create_default_context()}
        self.pool = urllib3.PoolManager(maxsize=CONNECTIONS, **secure)
        self.lock = Lock()
        self.used_at = time.monotonic()

    def close(self) -> None:
        self.pool.clear()

    def exchange(self, method: str, url: str, headers: Mapping[str, str], data: bytes, seconds: float) -> Answer:
        """One request and its answer; Unreached or Unanswered when there is none."""
        self.forget_the_idle()
        deadline = time.monotonic() + seconds
        upload = Upload(data, deadline)
        try:
            response = self.pool.urlopen(
                method,
                url,
                body=upload if data else None,
                headers={**headers, "Content-Length": str(len(data))} if data else headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
                redirect=False,
                retries=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self.fault(error, upload) from None
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, read(response, deadline))

    def forget_the_idle(self) -> None:
        now = time.monotonic()
        with self.lock:
            idle, self.used_at = now - self.used_at > IDLE_SECONDS, now
        if idle:
            self.pool.clear()

    @staticmethod
    def fault(error: Exception, upload: Upload) -> Unreached | Unanswered:
        reason = reason_of(error)
        if isinstance(error, urllib3.exceptions.SSLError) and "CERTIFICATE_VERIFY" in str(error):
            return Unreached(f"the server's certificate is not to be trusted ({reason})", lasting=True)
        if not upload.complete or not upload.data or never_connected(error):
            return Unreached(reason)
        return Unanswered(reason)


def never_connected(error: Exception) -> bool:
    kinds = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    return isinstance(error, kinds)


def read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """The body as far as it can be had: the status has said already what counts."""
    pieces: list[bytes] = []
    size = 0
    # The status was heard and decides; the body only explains, and what came of it is enough.
    with suppress(urllib3.exceptions.HTTPError, OSError, ValueError):
        while size < LONGEST_REPLY and time.monotonic() < deadline:
            piece = response.read1(min(PIECE, LONGEST_REPLY - size), decode_content=True)
            if not piece:
                response.release_conn()
                return b"".join(pieces)
            pieces.append(piece)
            size += len(piece)
    response.close()
    return b"".join(pieces)


def reason_of(error: Exception) -> str:
    """One short line; urllib3's own text begins with the connection object."""
    # A refused connection is a kind of time-out there.
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError) and not refused:
        return "no answer in time"
    cause = error.__cause__ or (error.args[-1] if error.args and isinstance(error.args[-1], Exception) else error)
    text = getattr(cause, "strerror", None) or str(cause).rpartition(">: ")[2] or type(cause).__name__
    return " ".join(str(text).split())[:150]


class Taken:
    """An answer in the form of urllib, for the SDK's `Response`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def getcode(self) -> int:
        return self.answer.status

    def read(self) -> bytes:
        return self.answer.body

    def info(self) -> Mapping[str, str]:
        return self.answer.headers


class PooledClient(Client):  # type: ignore[misc]  # the SDK has no types
    """`python_http_client.Client` over `Connections`. A body may be bytes that are JSON already."""

    def __init__(self, connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        self.connections = connections

    def _build_client(self, name: str | None = None) -> PooledClient:
        return PooledClient(
            self.connections,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def __getattr__(self, name: str) -> Any:
        return partial(self.call, name.upper()) if name in self.methods else super().__getattr__(name)

    def call(
        self,
        method: str,
        request_body: Any = None,
        query_params: Mapping[str, Any] | None = None,
        request_headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """One call; anything but a 2xx raises the SDK's error for the status. Headers hold for this call alone."""
        headers = {**self.request_headers, **(request_headers or {})}
        data = b""
        if request_body is not None:
            headers.setdefault("Content-Type", JSON)
            data = request_body if isinstance(request_body, bytes) else orjson.dumps(request_body)
        url = self._build_url(query_params)
        answer = self.connections.exchange(method, url, headers, data, timeout or self.timeout)
        if not 200 <= answer.status < 300:
            raise err_dict.get(answer.status, HTTPError)(answer.status, "", answer.body, answer.headers)
        return Response(Taken(answer))


def make_client(key: str, region: str, base_url: str, seconds: float, tls: ssl.SSLContext | None = None) -> Any:
    """The SDK's fluent client: `client.mail.send.post(request_body=...)`. `base_url` wins over the region."""
    sdk = SendGridAPIClient(key)
    if base_url:
        sdk.host = base_url.rstrip("/")
    else:
        sdk.set_sendgrid_data_residency(region)
    return PooledClient(
        Connections(sdk.host, tls),
        host=sdk.host,
        request_headers=sdk.client.request_headers,
        version=3,
        timeout=seconds,
    )


def answer_of(call: partial[Response], **given: Any) -> Answer:
    """The answer of a call, whatever its status."""
    try:
        response = call(**given)
    except HTTPError as error:
        return Answer(error.status_code, error.headers, error.body)
    return Answer(response.status_code, response.headers, response.body)
