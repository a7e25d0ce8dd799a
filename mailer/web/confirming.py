"""The button that confirms a subscription. Opening the page changes nothing: scanners open every link of a mail."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mailer.errors import LinkError
from mailer.model import How
from mailer.render.links import Purpose
from mailer.services import confirming
from mailer.services.confirming import Result
from mailer.web.surfaces import Site, site_of

router = APIRouter()


@router.get("/c/{token}")
@router.get("/c/{token}/")
def asked(request: Request, token: str) -> Response:
    """What is confirmed, and the button."""
    site = site_of(request)
    try:
        leaf = confirming.read_link(site.program, token, Purpose.CONFIRM)
    except LinkError:
        return _no_such(request, site, token)
    values = {"leaf": leaf, "action": f"/c/{token}"}
    return site.look.page(request, "confirm.html", values, language=leaf.language)


@router.post("/c/{token}")
@router.post("/c/{token}/")
def pressed(request: Request, token: str) -> Response:
    """The button was pressed."""
    site = site_of(request)
    try:
        leaf = confirming.read_link(site.program, token, Purpose.CONFIRM)
        answer = confirming.confirm(site.program, token, How.CONFIRM_LINK, "pressed the button of the mail's page")
    except LinkError:
        return _no_such(request, site, token)
    definition = site.program.lists.get(leaf.list_name)
    confirmed = answer.result in (Result.CONFIRMED, Result.ALREADY)
    mine = confirming.page_of(site.program, Purpose.PREFERENCES, leaf.list_name, leaf.subscriber_id)
    values = {
        "leaf": leaf,
        "result": answer.result.value,
        "preferences": f"/p/{mine}" if confirmed else "",
        "again": f"/subscribe/{leaf.list_name}" if definition and definition.public else "",
    }
    return site.look.page(request, "confirmed.html", values, language=leaf.language, status=200 if confirmed else 409)


def _no_such(request: Request, site: Site, token: str) -> Response:
    """A link of a test mail says that it is one; any other that is not ours for this is no page."""
    if confirming.is_preview(site.program, token):
        return site.look.page(request, "preview_link.html")
    raise HTTPException(404)
