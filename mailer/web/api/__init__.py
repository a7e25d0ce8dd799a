"""The API for other programs, under /api/v1."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from mailer.web.api import looking, people
from mailer.web.api.document import document
from mailer.web.api.guarding import Guarded, needs
from mailer.web.surfaces import site_of

PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX, route_class=Guarded)


@router.get("/openapi.json", include_in_schema=False, openapi_extra=needs())
def openapi(request: Request) -> dict[str, Any]:
    """What can be asked for, for programs that read that."""
    base_url = site_of(request).program.settings.web.base_url
    return {**_document(), **({"servers": [{"url": base_url.rstrip("/")}]} if base_url else {})}


@cache
def _document() -> dict[str, Any]:
    return document(router.routes)


router.include_router(people.router)
router.include_router(looking.router)
