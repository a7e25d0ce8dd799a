"""What people decide about themselves: lists, language, a pause, their data, being forgotten.

The token in the address is all that a request needs: there is no cookie, so that no other site can send a form in
somebody's name without it. Opening a page changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mailer.errors import ConflictError, LinkError
from mailer.languages import marked
from mailer.services.public import owndata
from mailer.services.public import preferences as service
from mailer.services.public.links import is_preview
from mailer.services.public.owndata import NotTheirsError, TooOftenError
from mailer.web.surfaces import Site, site_of

router = APIRouter()

WEEKS = (2, 4, 8, 12, 26)
"""For how long people may choose to hear nothing."""

SAVED = marked("Saved.")
NOT_THEIRS = marked("That is not the address these settings belong to.")
TOO_OFTEN = marked("This was tried too often. Please try again tomorrow.")
LEAVING_NOW = marked("A mail to you is leaving at this moment. Please try again in a few minutes.")


@router.get("/p/{token}")
@router.get("/p/{token}/")
def shown(request: Request, token: str) -> Response:
    """The page with everything as it is."""
    return _page(site_of(request), request, token)


@router.post("/p/{token}")
@router.post("/p/{token}/")
def changed(
    request: Request,
    token: str,
    action: Annotated[str, Form()] = "",
    was: Annotated[Sequence[str], Form()] = (),
    lists: Annotated[Sequence[str], Form()] = (),
    language: Annotated[str, Form()] = "",
    weeks: Annotated[int, Form()] = 0,
    counted: Annotated[bool, Form()] = False,
) -> Response:
    """One section of the page was sent."""
    site = site_of(request)
    program = site.program
    try:
        match action:
            case "lists":
                service.choose_lists(program, token, was, lists)
            case "leave":
                service.leave_all(program, token)
            case "language":
                if language and site.look.offered(language) is None:
                    raise HTTPException(400)
                service.speak(program, token, language)
            case "pause" if weeks in WEEKS:
                service.pause(program, token, weeks)
            case "resume":
                service.pause(program, token, 0)
            case "counting":
                service.count_me(program, token, counted=counted)
            case _:
                service.read_link(program, token)
                raise HTTPException(400)
    except LinkError:
        return _no_such(site, request, token)
    return _page(site, request, token, {"said": SAVED, "section": action})


@router.post("/p/{token}/data")
def downloaded(request: Request, token: str, address: Annotated[str, Form()] = "") -> Response:
    """Everything that is held about them, as a file."""
    site = site_of(request)
    try:
        data = owndata.own_data(site.program, token, address)
    except LinkError:
        return _no_such(site, request, token)
    except (NotTheirsError, TooOftenError) as error:
        return _page(site, request, token, {"wrong": _why(error), "section": "data"}, _status(error))
    text = json.dumps(data, ensure_ascii=False, indent=2, default=_plain)
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return Response(text, media_type="application/json", headers=headers)


@router.get("/p/{token}/forget")
def asked_again(request: Request, token: str) -> Response:
    """What being forgotten means, and the button."""
    return _page(site_of(request), request, token, template="forget.html")


@router.post("/p/{token}/forget")
def forgotten(request: Request, token: str, address: Annotated[str, Form()] = "") -> Response:
    """The person is erased."""
    site = site_of(request)
    try:
        language = service.preferences(site.program, token).language
        owndata.forget_me(site.program, token, address)
    except LinkError:
        return _no_such(site, request, token)
    except ConflictError as error:
        return _page(site, request, token, {"wrong": _why(error)}, _status(error), "forget.html")
    return site.look.page(request, "forgotten.html", language=language)


def _page(
    site: Site,
    request: Request,
    token: str,
    more: Mapping[str, Any] | None = None,
    status: int = 200,
    template: str = "preferences.html",
) -> Response:
    try:
        known = service.preferences(site.program, token)
    except LinkError:
        return _no_such(site, request, token)
    values = {
        "own": known,
        "path": f"/p/{token}",
        "tongues": site.look.names.items(),
        "chosen": site.look.offered(known.language) if known.language else "",
        "weeks": WEEKS,
        "said": "",
        "wrong": "",
        "section": "",
    }
    return site.look.page(request, template, {**values, **(more or {})}, language=known.language, status=status)


def _no_such(site: Site, request: Request, token: str) -> Response:
    """A link of a preview is good for nothing, and says so; for every other one there is no page."""
    if is_preview(site.program, token):
        return site.look.page(request, "preview_link.html")
    raise HTTPException(404)


def _why(error: ConflictError) -> str:
    if isinstance(error, NotTheirsError):
        return NOT_THEIRS
    return TOO_OFTEN if isinstance(error, TooOftenError) else LEAVING_NOW


def _status(error: ConflictError) -> int:
    if isinstance(error, NotTheirsError):
        return 403
    return 429 if isinstance(error, TooOftenError) else 409


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
