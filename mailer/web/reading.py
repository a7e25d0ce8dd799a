"""One's own copy of an issue, in the browser."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mailer.errors import LinkError
from mailer.services.public.links import is_preview
from mailer.services.public.reading import own_copy
from mailer.web.mailpage import mail_page
from mailer.web.surfaces import site_of

router = APIRouter()


@router.get("/v/{token}")
@router.get("/v/{token}/")
def read(request: Request, token: str) -> Response:
    """The mail as its reader got it. It holds their own links, so nobody may keep it."""
    site = site_of(request)
    try:
        copy = own_copy(site.program, token)
    except LinkError:
        if is_preview(site.program, token):
            return site.look.page(request, "preview_link.html")
        raise HTTPException(404) from None
    return mail_page(copy.html, copy.language, Cache_Control="private, no-store")
