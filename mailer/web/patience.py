"""How long the server waits for somebody at the other end who sends or reads a byte now and then, or nothing."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS: Final = 10.0
"""From the connection, or the first byte of a further request, to the end of its headers."""

READ_SECONDS: Final = 60.0
"""The longest that an answer may wait to be read on."""


class Patience(H11Protocol):
    """Uvicorn's own protocol with an end to waiting; bodies have theirs in `bodies`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._headers: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_headers()
        else:
            self._headers_came()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._was_read()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        self._was_read()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        if self._headers is None:
            self._headers = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _headers_came(self) -> None:
        if self._headers is not None:
            self._headers.cancel()
            self._headers = None

    def _was_read(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
