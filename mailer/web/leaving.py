"""Unsubscribing: the button on a page, and the one click of mail programs (RFC 8058).

Nothing is asked of whoever comes but the token in the address: no cookie, no origin, no second step. There is no
redirect, and no answer tells somebody who is gone from somebody who has just left.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mailer.errors import LinkError
from mailer.model import How
from mailer.render.links import Purpose
from mailer.services import confirming
from mailer.services.leaving import Answer, No, unsubscribe_together
from mailer.web.posted import MOST_FIELDS, posted
from mailer.web.surfaces import Site, site_of
from mailer.web.together import Together

router = APIRouter()

FIELD: Final = "List-Unsubscribe"
ONE_CLICK: Final = "One-Click"
EXACTLY: Final = f"{FIELD}={ONE_CLICK}".encode()
"""What nearly every mail program posts: no form has to be read to know it."""

BUTTON: Final = "leave"
"""The field of our own page's button."""

DONE: Final = "Unsubscribed.\n"
A_TEST: Final = "This was a test mail: nothing was changed.\n"


class Meaning(Enum):
    """What was posted to the address of a mail's way out."""

    ONE_CLICK = auto()
    BUTTON = auto()
    NEITHER = auto()


async def meant(request: Request) -> Meaning:
    """What a post wants. A body that is broken or was lost on the way still says that somebody wants to leave: a no is
    not refused for its form. Only one that says something else is none."""
    body = await request.body()
    if body.strip() == EXACTLY:
        return Meaning.ONE_CLICK
    try:
        fields = await _fields(request, body)
    except HTTPException:
        fields = {}
    if FIELD in fields:
        return Meaning.ONE_CLICK if fields[FIELD].strip().lower() == ONE_CLICK.lower() else Meaning.NEITHER
    if BUTTON in fields:
        return Meaning.BUTTON
    broken = FIELD.encode() in body and ONE_CLICK.encode() in body
    return Meaning.ONE_CLICK if broken or not body.strip() else Meaning.NEITHER


async def _fields(request: Request, body: bytes) -> Mapping[str, str]:
    """Also of a body whose type nobody named, or named wrongly."""
    if fields := await posted(request):
        return fields
    try:
        return dict(reversed(parse_qsl(body.decode("ascii").strip(), max_num_fields=MOST_FIELDS)))
    except ValueError:
        return {}


@router.post("/u/{token}")
@router.post("/u/{token}/")
async def left(request: Request, token: str) -> Response:
    """A mail program's one click, or the button. Answered once it is written."""
    site, meaning = site_of(request), await meant(request)
    if meaning is Meaning.NEITHER:
        return await run_in_threadpool(_page, request, site, token, 400)
    one_click = meaning is Meaning.ONE_CLICK
    how, words = (How.ONE_CLICK, "one click in their mail program") if one_click else (How.LINK, "the mail's page")
    no = No(token, how, words, _evidence(request))
    answer = await _leaving(request, site).do(no)
    if answer is None:
        # Held by an import or the like: they wait for it themselves, and nobody else does.
        (answer,) = await run_in_threadpool(unsubscribe_together, site.program, [no])
    if isinstance(answer, LinkError):
        return await run_in_threadpool(_no_such, request, site, token, plain=one_click)
    return PlainTextResponse(DONE) if one_click else await run_in_threadpool(_goodbye, request, site, token)


@router.get("/u/{token}")
@router.get("/u/{token}/")
def asked(request: Request, token: str) -> Response:
    """The button."""
    return _page(request, site_of(request), token)


def _leaving(request: Request, site: Site) -> Together[No, Answer | LinkError | None]:
    """Those who leave at the same moment leave together."""
    state: State = request.app.state
    if not hasattr(state, "leaving"):
        state.leaving = Together(partial(unsubscribe_together, site.program, patient=False))
    found: Together[No, Answer | LinkError | None] = state.leaving
    return found


def _evidence(request: Request) -> dict[str, str]:
    """What shows that it was posted: the kind of request, and nobody's data."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return {"request": f"POST {kind}" if kind in KINDS else "POST"}


KINDS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def _page(request: Request, site: Site, token: str, status: int = 200) -> Response:
    try:
        leaf = confirming.read_link(site.program, token, Purpose.UNSUBSCRIBE)
    except LinkError:
        return _no_such(request, site, token)
    values = {"leaf": leaf, "action": f"/u/{token}"}
    return site.look.page(request, "unsubscribe.html", values, language=leaf.language, status=status)


def _goodbye(request: Request, site: Site, token: str) -> Response:
    leaf = confirming.read_link(site.program, token, Purpose.UNSUBSCRIBE)
    definition = site.program.lists.get(leaf.list_name)
    values = {"leaf": leaf, "again": f"/subscribe/{leaf.list_name}" if definition and definition.public else ""}
    return site.look.page(request, "unsubscribed.html", values, language=leaf.language)


def _no_such(request: Request, site: Site, token: str, *, plain: bool = False) -> Response:
    """A link of a test mail says that it is one; any other that is not ours for this is no page."""
    if not confirming.is_preview(site.program, token):
        raise HTTPException(404)
    return PlainTextResponse(A_TEST) if plain else site.look.page(request, "preview_link.html")
