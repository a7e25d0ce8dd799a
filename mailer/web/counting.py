"""Links that count clicks, and the picture that counts openings. Only where the organisation counts.

An address in the request leads nowhere: where a link goes was written down when its issue was sent.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mailer.delivery.readers import reader_of
from mailer.errors import LinkError
from mailer.services.counting import follow
from mailer.web.surfaces import site_of

router = APIRouter()

POINT: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF of one transparent point."""

HEADERS: Final = {
    "Cache-Control": "no-store, private, max-age=0",
    # What a mail program shows is never of our own origin.
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@router.api_route("/l/{token}/{number:int}", methods=["GET", "HEAD"])
def link(request: Request, token: str, number: int) -> Response:
    """Lead to where the link goes, or show the picture, and count it."""
    try:
        url = follow(site_of(request).program, token, number, reader_of(request.method, request.headers))
    except LinkError:
        raise HTTPException(404) from None
    if url:
        return RedirectResponse(url, 302, HEADERS)
    return Response(POINT, media_type="image/gif", headers=HEADERS)
