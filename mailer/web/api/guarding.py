"""Who may ask for what: each route says which rights it needs, in the document that is published and nowhere else.

The token is looked at before the body is read. A route that says nothing is a mistake that is found when it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mailer.errors import ConflictError, MailerError, NotFoundError, UsageError
from mailer.model import Scope
from mailer.services.public.failing import Failing
from mailer.services.tokens import Holder, holder, note_use
from mailer.web.failures import problem
from mailer.web.surfaces import site_of
from mailer.wording import unknown

SCHEME: Final = "token"
ASK: Final = {"WWW-Authenticate": 'Bearer realm="mailer"'}
STATUS: Final[dict[type[MailerError], int]] = {NotFoundError: 404, ConflictError: 409, UsageError: 422}
"""What is answered to errors that whoever asks can do something about; the others are the program's own."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def needs(*scopes: Scope) -> dict[str, Any]:
    """What a route's token may have to do, as the document says it. Without scopes: anybody may ask."""
    return {"security": [{SCHEME: [scope.value for scope in scopes]}] if scopes else []}


class Guarded(APIRoute):
    """A route of the API."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        names = frozenset(each.alias for each in self.dependant.query_params)
        security: list[dict[str, list[str]]] = (self.openapi_extra or {})["security"]
        wanted = frozenset(map(Scope, security[0][SCHEME])) if security else None

        async def guarded(request: Request) -> Response:
            if wanted is None:
                return await _answered(request, handle)
            found = await run_in_threadpool(_asker, request)
            if isinstance(found, Response):
                return found
            if lacking := sorted(wanted - found.scopes):
                return _forbidden(lacking)
            if refused := _not_json(request) or _unknown(request, names):
                return refused
            request.state.holder = found
            response = await _answered(request, handle)
            # After the answer: which tokens are in use is good to know, and worth nobody's time.
            response.background = BackgroundTask(note_use, site_of(request).program, found)
            return response

        return guarded


def holder_of(request: Request) -> Holder:
    """Who asks, in a route that needs a token."""
    found: Holder = request.state.holder
    return found


async def _answered(request: Request, handle: Handler) -> Response:
    try:
        response = await handle(request)
    except tuple(STATUS) as error:
        # Without its hint, which is about commands.
        return problem(STATUS[type(error)], error.message)
    response.headers["Cache-Control"] = "no-store"
    return response


def _asker(request: Request) -> Holder | Response:
    """Who asks, or what is answered to somebody without a token that is good."""
    program = site_of(request).program
    header = request.headers.get("authorization")
    if found := holder(program, header):
        return found
    if header is None:
        return problem(401, "This needs a token: Authorization: Bearer TOKEN", headers=ASK)
    failing = Failing(program, request.client.host if request.client else "")
    if failing.too_often():
        wait = {"Retry-After": str(failing.seconds_left())}
        return problem(429, "Too many tokens that are not good came from this network.", headers=wait)
    failing.note()
    return problem(401, "This token is not good: unknown, expired or revoked.", headers=_invalid())


def _invalid() -> dict[str, str]:
    return {"WWW-Authenticate": f'{ASK["WWW-Authenticate"]}, error="invalid_token"'}


def _forbidden(lacking: list[Scope]) -> Response:
    words = " ".join(lacking)
    ask = {"WWW-Authenticate": f'{ASK["WWW-Authenticate"]}, error="insufficient_scope", scope="{words}"'}
    return problem(403, f"This token may not do that: it lacks {words}.", headers=ask)


def _unknown(request: Request, names: frozenset[str]) -> Response | None:
    """A name that nobody knows is a mistake: passed over, a page of everything would come for `?stat=sent`."""
    if wrong := sorted(set(request.query_params) - names):
        return problem(422, unknown("parameter", wrong[0], names))
    return None


def _not_json(request: Request) -> Response | None:
    """The type is asked for by name, which no form of a web page can send."""
    if request.method == "GET":
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return None if kind == "application/json" else problem(415, "Send application/json.")
