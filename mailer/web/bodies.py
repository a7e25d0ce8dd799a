"""Taking in a request's body: as much as its kind of page may get, within a time, before anything is done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from starlette.types import Message, Receive

MOST: Final = 64 << 10
"""Bytes. Forms of pages are a hundredth of it."""

MORE: Final = (("/webhooks/", 16 << 20), ("/api/", 1 << 20))
"""Where more may come: providers post some thousand events at once."""

TOGETHER: Final = 128 << 20
"""Of all requests that one process has in hand. Who sends no more than a form is taken in all the same: whoever fills
this up keeps out posts of providers, which come again, and nobody who unsubscribes."""


class Refused(Exception):
    """What is answered to a body that is not taken."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Gone(Exception):
    """Whoever asked has hung up."""


def most_of(path: str) -> int:
    """How long the body of a request for that path may be."""
    return next((most for start, most in MORE if path.startswith(start)), MOST)


class Bodies:
    """Takes bodies in, for one process. Requests of one event loop, so nothing is locked."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held = 0

    def release(self, body: bytes) -> None:
        """A request that had this body is over."""
        self._held -= len(body)

    async def take(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]], most: int) -> bytes:
        """The whole body, to be released later. Raises Refused or Gone."""
        if _announced(headers) > most:
            raise Refused(413)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while await self._more(receive, body, most):
                    pass
        except BaseException as error:
            self._held -= len(body)
            if isinstance(error, TimeoutError):
                raise Refused(408) from None
            raise
        return bytes(body)

    async def _more(self, receive: Receive, body: bytearray, most: int) -> bool:
        """Take what came in; whether there is more."""
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        part = message.get("body", b"")
        self._held += len(part)
        body += part
        if len(body) > most:
            raise Refused(413)
        if self._held > TOGETHER and len(body) > MOST:
            raise Refused(503)
        return bool(message.get("more_body"))


def again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was taken in to whoever asks for it next."""
    first = True

    async def give() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return give


def _announced(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """What the longest announcement says; the server has refused what is no number."""
    lengths = [value for name, value in headers if name == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit() and len(value) < 20), default=0)
