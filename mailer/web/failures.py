"""What is answered when something goes wrong: a page, JSON for programs, a line for mail servers. Never a detail."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mailer.errors import StoreError
from mailer.web.places import allowed
from mailer.web.surfaces import site_of

log = logging.getLogger("mailer.web")

LATER = {"Retry-After": "30"}


def failed(request: Request, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The answer with that status, in the form that whoever asks can read."""
    if request.scope["path"].startswith(f"{request.scope.get('root_path', '')}/api/"):
        return problem(status, headers=headers)
    if request.method in ("GET", "HEAD") or "text/html" in request.headers.get("accept", ""):
        return _page(request, status, headers)
    return PlainTextResponse(f"{_title(status)}\n", status, headers)


def problem(status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, **more: object) -> JSONResponse:
    """The same for programs (RFC 9457)."""
    content = {"type": "about:blank", "title": _title(status), "status": status, **more}
    if detail:
        content["detail"] = detail
    return JSONResponse(content, status, headers, "application/problem+json")


def of_error(request: Request, error: Exception) -> Response:
    """What is answered when the program itself failed: the database is away, or a fault. The log says which."""
    if isinstance(error, StoreError):
        log.error("database", extra={"told": {"detail": error.message.splitlines()[0]}})
        return failed(request, 503, LATER)
    log.error("fault", exc_info=error)
    return failed(request, 500)


def add_handlers(app: FastAPI) -> None:
    """What the application itself refuses is answered here as well."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _mistaken)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code != 405:
        return failed(request, error.status_code, error.headers)
    methods = {"Allow": ", ".join(sorted(allowed(request.app, request.scope)))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=methods)
    return failed(request, 405, methods)


async def _mistaken(request: Request, error: Exception) -> Response:
    """Values of the wrong kind. What was sent is not sent back."""
    assert isinstance(error, RequestValidationError)
    if not request.scope["path"].startswith(f"{request.scope.get('root_path', '')}/api/"):
        return failed(request, 400)
    faults = [{"where": ".".join(map(str, each["loc"])), "what": each["msg"]} for each in error.errors()]
    return problem(422, "Some values are not what they should be.", errors=faults)


def _page(request: Request, status: int, headers: Mapping[str, str] | None) -> Response:
    try:
        page: Response = site_of(request).look.page(request, "error.html", {"status": status}, status=status)
    except Exception as error:
        # An own template with a mistake: what went wrong before must still be answered.
        log.error("fault", exc_info=error)
        page = PlainTextResponse(f"{_title(status)}\n", status)
    page.headers.update(headers or {})
    return page


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
