"""What monitors ask: whether the process answers, whether it can do its work, and how everything goes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Final

from fastapi import APIRouter, Header
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mailer.errors import MailerError
from mailer.model import Scope
from mailer.services.metrics import metrics
from mailer.services.program import Program
from mailer.services.tokens import holder
from mailer.web import counters
from mailer.web.clients import networks, within
from mailer.web.site import site_of
from mailer.workspace.signing import keys_of

router = APIRouter()

FRESH_SECONDS: Final = 10.0
"""What the tables say is asked of them so seldom, however many monitors there are."""


NEEDED: Final = f"From here this needs a token with the scope {Scope.METRICS_READ.value}: Authorization: Bearer TOKEN\n"


@router.get("/healthz", response_class=PlainTextResponse)
async def healthy() -> str:
    """The process is there. Whether it can do anything says /readyz.

    Asked in the event loop: it must answer while every thread waits for the database.
    """
    return "ok\n"


@router.get("/readyz")
def ready(request: Request) -> JSONResponse:
    """Whether requests should be sent here: the database answers and the links in mails can be read."""
    found = {"database": _database(site_of(request).program), "keys": _keys(site_of(request).program)}
    return JSONResponse(found, 200 if set(found.values()) == {"ok"} else 503)


@router.get("/metrics")
def measured(request: Request, authorization: Annotated[str | None, Header()] = None) -> Response:
    """How everything goes, for Prometheus. Only from the networks in [web] metrics_from, or with a token."""
    program = site_of(request).program
    if not _from_allowed(request, program):
        who = holder(program, authorization)
        if who is None or Scope.METRICS_READ not in who.scopes:
            return PlainTextResponse(NEEDED, 403 if who else 401, {"WWW-Authenticate": "Bearer"})
    return Response(_of_tables(request, program) + counters.text(), media_type=CONTENT_TYPE_LATEST)


def _from_allowed(request: Request, program: Program) -> bool:
    """Behind a proxy that the settings do not name everybody has its address, so that nobody is believed."""
    known: bool = getattr(request.state, "client_known", False)
    return known and within(request.client.host if request.client else "", networks(program.settings.web.metrics_from))


@dataclass(slots=True)
class _Kept:
    text: bytes = b""
    until: float = 0.0


_keeping = Lock()


def _of_tables(request: Request, program: Program) -> bytes:
    kept: _Kept = request.app.state.__dict__.setdefault("metrics", _Kept())
    with _keeping:
        if time.monotonic() >= kept.until:
            kept.text, kept.until = metrics(program), time.monotonic() + FRESH_SECONDS
        return kept.text


def _database(program: Program) -> str:
    try:
        with program.store.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    except MailerError:
        return "away"
    return "ok"


def _keys(program: Program) -> str:
    try:
        keys_of(program.workspace.key_file, program.environ)
    except (MailerError, OSError):
        return "not readable"
    return "ok"
