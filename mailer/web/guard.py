"""What every request passes before any surface sees it, and every answer on its way back.

Who asks is settled, paths that can be read in two ways are refused, the body is taken in within bounds, an error
becomes an answer that says nothing, each answer gets the headers that keep browsers strict, and one line is logged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailer.web import bodies, clients, counters, places
from mailer.web.failures import LATER, failed, of_error

log = logging.getLogger("mailer.web")

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""What an answer has unless its surface says otherwise."""

Pair = tuple[bytes, bytes]

RAW: Final[tuple[Pair, ...]] = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
"""The same as a server takes them: every answer has them."""

HSTS: Final[Pair] = (b"strict-transport-security", b"max-age=31536000")
HIDDEN: Final[Pair] = (b"x-robots-tag", b"noindex, nofollow")

PUBLIC: Final = ("/archive", "/subscribe", "/static")
"""What search engines may show. Everything else is somebody's, or for programs."""

MOST_HEADERS: Final = 16 << 10
"""Bytes of all names and values together."""

UNKNOWN: Final = "-"
"""In place of a path that is none of ours: what stands in it is not for the log."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of it. `base`: the path that the public address has."""

    proxies: tuple[clients.Network, ...]
    base: str
    secure: bool
    seconds: float
    logged: bool


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, rules: Rules, send: Send) -> None:
        self.began = time.perf_counter()
        # A dictionary of our own: the server looks at the method in its own when it writes the answer.
        self.scope: MutableMapping[str, Any] = {**scope, "root_path": rules.base, "state": dict(scope.get("state", {}))}
        self.method: str = scope["method"]
        self.status = 0
        self.rules = rules
        self._send = send

    @property
    def path(self) -> str:
        """Without what the public address begins with."""
        path: str = self.scope["path"]
        base = self.rules.base
        return path[len(base) :] if base and path.startswith(f"{base}/") else path

    @property
    def route(self) -> str:
        """The kind of page, as `/u/{token}`: never what stood in the address itself."""
        # A route of a router within another knows its own part of the path only; what it was found by knows all of it.
        found = self.scope.get("fastapi", {}).get("effective_route_context") or self.scope.get("route")
        return getattr(found, "path", None) or UNKNOWN

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            said = message.get("headers", ())
            message["headers"] = [*said, *self._missing({name for name, _ in said})]
        await self._send(message)

    def _missing(self, said: Container[bytes]) -> Iterator[Pair]:
        for pair in RAW:
            if pair[0] not in said:
                yield pair
        if self.rules.secure and HSTS[0] not in said:
            yield HSTS
        if HIDDEN[0] not in said and not self.path.startswith(PUBLIC):
            yield HIDDEN


class Guard:
    """The outermost part of the application."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules
        self._bodies = bodies.Bodies(rules.seconds)
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, self._rules, send)
        try:
            await self._answer(exchange, receive)
        except bodies.Gone:
            return
        finally:
            self._note(exchange)

    async def _answer(self, exchange: Exchange, receive: Receive) -> None:
        scope = exchange.scope
        self._settle_client(scope)
        if refusal := _refusal(exchange):
            await self._refuse(exchange, receive, refusal)
            return
        try:
            body = await self._bodies.take(receive, scope["headers"], bodies.most_of(exchange.path))
        except bodies.Refused as refused:
            # What is still coming is not waited for: the connection ends with the answer.
            await self._refuse(exchange, receive, refused.status)
            return
        try:
            if exchange.method == "HEAD" and "HEAD" not in _written(scope):
                scope["method"] = "GET"
            await self._surfaces(exchange, bodies.again(body, receive))
        finally:
            self._bodies.release(body)

    async def _surfaces(self, exchange: Exchange, receive: Receive) -> None:
        try:
            await self._app(exchange.scope, receive, exchange.send)
        except Exception as error:
            if exchange.status:  # half an answer: only the end of the connection says that it is none
                raise
            answer = of_error(Request(exchange.scope), error)
            await answer(exchange.scope, receive, exchange.send)

    async def _refuse(self, exchange: Exchange, receive: Receive, status: int) -> None:
        headers = {"Connection": "close", **(LATER if status == 503 else {})}
        await failed(Request(exchange.scope), status, headers)(exchange.scope, receive, exchange.send)

    def _settle_client(self, scope: MutableMapping[str, Any]) -> None:
        peer, port = scope.get("client") or ("", 0)
        client = clients.client_of(peer, scope["headers"], self._rules.proxies)
        scope["client"] = (client.address, port if client.address == peer else 0)
        scope["state"]["client_known"] = client.known
        if not client.known and not self._warned:
            self._warned = True
            why = "that [web] proxies does not name, or that sends no X-Forwarded-For"
            detail = f"requests come through a proxy {why}: everybody counts as one network"
            log.warning("proxy", extra={"told": {"detail": detail}})

    def _note(self, exchange: Exchange) -> None:
        seconds = time.perf_counter() - exchange.began
        method = exchange.method if exchange.method in places.METHODS else "OTHER"
        counters.count(exchange.route, method, exchange.status, seconds)
        if self._rules.logged:
            told = {"method": method, "route": exchange.route, "status": exchange.status}
            log.info("request", extra={"told": {**told, "ms": round(seconds * 1000, 1)}})


def _refusal(exchange: Exchange) -> int:
    """The status with which a request is refused for what stands in its first line; 0 for none."""
    if exchange.method not in places.METHODS:
        return 501
    # The server bounds only what comes in pieces.
    if sum(len(name) + len(value) for name, value in exchange.scope["headers"]) > MOST_HEADERS:
        return 431
    raw: bytes = exchange.scope.get("raw_path") or b""
    return 0 if places.is_plain(exchange.path, raw) else 404


def _written(scope: MutableMapping[str, Any]) -> frozenset[str]:
    """How the place may be asked, as its surface says it: some answer HEAD in their own way."""
    app: FastAPI = scope["app"]
    return places.written(app, scope)
