"""What providers post. Whoever asks is a program: the answers are a word, and nothing is said about why."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mailer.errors import UsageError
from mailer.providers.sendgrid.signature import SIGNATURE, TIMESTAMP
from mailer.services.public.posts import SENDGRID_PATH, take_sendgrid
from mailer.web.surfaces import site_of

router = APIRouter()


@router.post(SENDGRID_PATH, include_in_schema=False)
async def sendgrid(request: Request) -> Response:
    """Events of mails. What is answered with 200 is stored; anything else is posted again."""
    site, headers = site_of(request), request.headers
    # The bytes as they came: what is read and written again has another signature.
    body = await request.body()
    signed = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    try:
        job = await run_in_threadpool(take_sendgrid, site.program, *signed, body)
    except UsageError:
        return PlainTextResponse("not events\n", 400)
    if job is None:
        return PlainTextResponse("not signed\n", 403)
    site.wake()
    return PlainTextResponse("stored\n")
