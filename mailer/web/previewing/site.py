"""The application of the live preview, over one session."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mailer.checks.marking import numbered
from mailer.errors import MailerError, NotFoundError, UsageError
from mailer.render.scheme import SCHEMES, in_scheme
from mailer.services.previewing.session import Session
from mailer.services.previewing.shown import View, Wish
from mailer.services.previewing.watching import asks_to_reopen, changes
from mailer.web.previewing import answers
from mailer.web.previewing.door import MAILS, STRICT, Door, token_of_mails
from mailer.web.previewing.news import News
from mailer.workspace import Workspace

HERE: Final = Path(__file__).parent

ASSETS: Final = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "frames.js": ("frames.js", "text/javascript; charset=utf-8"),
    "findings.js": ("findings.js", "text/javascript; charset=utf-8"),
}

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

MAIL_POLICY: Final = (
    "default-src 'none'; {images}style-src 'unsafe-inline' https:; font-src https: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin"
)
"""No scripts and no forms. It may be looked into by the page around it, which marks what the checks found."""

IMAGES: Final = {"images": "img-src https: http: data:; ", "no-images": ""}

MOST_BODY: Final = 8 << 10


def make_app(session: Session, workspace: Workspace, token: str, port: int, stopping: Callable[[], bool]) -> Starlette:
    """The application behind `/TOKEN/` at this port. The session is its owner's to close."""
    news = News(stopping)

    async def look_at(stop: anyio.Event) -> None:
        async for paths in changes(workspace, stop):
            state = await run_in_threadpool(session.refresh, reopen=asks_to_reopen(workspace, paths))
            news.tell(state.generation)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        stop = anyio.Event()
        async with anyio.create_task_group() as tasks:
            news.tell((await run_in_threadpool(session.refresh)).generation)
            tasks.start_soon(look_at, stop)
            yield
            stop.set()

    app = Starlette(
        routes=[
            Route("/", asset),
            Route("/{name:str}", asset, methods=["GET"]),
            Route("/api/state", state_now, methods=["POST"]),
            Route("/api/view", viewed, methods=["POST"]),
            Route("/api/checks", checked, methods=["POST"]),
            Route("/api/people", searched, methods=["POST"]),
            Route("/api/again", again, methods=["POST"]),
            Route("/api/events", events),
            Route("/mail/{number:int}/{scheme:str}/{images:str}", framed),
            Route("/part/{number:int}/{part:str}", part),
        ],
        middleware=[Middleware(Door, token=token, port=port)],
        exception_handlers={MailerError: refused, Exception: broken},
        lifespan=lifespan,
    )
    app.state.session, app.state.news = session, news
    app.state.frames = f"/{token_of_mails(token)}/{MAILS}"
    return app


def session_of(request: Request) -> Session:
    found: Session = request.app.state.session
    return found


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, MailerError)
    status = 404 if isinstance(error, NotFoundError) else 422
    return JSONResponse({"message": error.message, "hint": error.hint or ""}, status, STRICT)


async def broken(request: Request, error: Exception) -> Response:
    """A fault of the program; the terminal has the rest."""
    return JSONResponse({"message": f"a fault of this program: {type(error).__name__}", "hint": ""}, 500, STRICT)


@cache
def read(name: str) -> bytes:
    return (HERE / name).read_bytes()


async def asset(request: Request) -> Response:
    name, kind = ASSETS.get(request.path_params.get("name", ""), ("", ""))
    if not name:
        return PlainTextResponse("There is nothing here.\n", 404, STRICT)
    headers = {**STRICT, "Content-Security-Policy": PAGE_POLICY}
    return Response(read(name), media_type=kind, headers=headers)


async def asked(request: Request) -> Mapping[str, Any]:
    """The object that came with a request. UsageError for anything else."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise UsageError("that is more than the preview is ever asked")
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError("a JSON object is expected")
    return found


def answer(content: Any) -> Response:
    return JSONResponse(content, headers=STRICT)


async def state_now(request: Request) -> Response:
    session = session_of(request)
    state = await run_in_threadpool(session.state)
    return answer(answers.of_state(state, session.first_reader))


async def again(request: Request) -> Response:
    """Read everything once more, also what is not in files: articles and people."""
    state = await run_in_threadpool(session_of(request).refresh, reopen=True)
    request.app.state.news.tell(state.generation)
    return answer({"generation": state.generation})


async def viewed(request: Request) -> Response:
    """A mail, and what holds for all of them: one answer, so that a change is shown after one question."""
    session, wanted = session_of(request), await asked(request)
    reader, language, list_name = (str(wanted.get(name) or "")[:200] for name in ("reader", "language", "list"))
    wish = Wish(reader or session.first_reader, language, list_name)

    def made() -> dict[str, Any]:
        view = session.view(wish)
        state = answers.of_state(session.state(language), session.first_reader)
        frames = {"frames": request.app.state.frames}
        return {"state": state, "view": answers.of_view(view) | frames if view else None}

    return answer(await run_in_threadpool(made))


async def checked(request: Request) -> Response:
    session, wanted = session_of(request), await asked(request)
    number = wanted.get("number")
    if not isinstance(number, int):
        raise UsageError("which view is meant is not said")
    judged = await run_in_threadpool(session.judged, number)
    return answer({"number": number, **answers.of_judged(judged)})


async def searched(request: Request) -> Response:
    """By POST, so that what is searched for stands in no address."""
    session, wanted = session_of(request), await asked(request)
    text = str(wanted.get("text") or "")[:200]
    readers = await run_in_threadpool(session.search, text)
    return answer({"text": text, "readers": [answers.of_reader(each) for each in readers]})


async def events(request: Request) -> Response:
    headers = {**STRICT, "X-Accel-Buffering": "no"}
    return StreamingResponse(request.app.state.news.stream(), media_type="text/event-stream", headers=headers)


async def framed(request: Request) -> Response:
    """The HTML of a mail in a scheme, its elements numbered, with or without images."""
    scheme, images = request.path_params["scheme"], request.path_params["images"]
    if scheme not in SCHEMES or images not in IMAGES:
        raise NotFoundError("there is no such frame")
    view = session_of(request).shown(request.path_params["number"])
    html = await run_in_threadpool(lambda: in_scheme(numbered(view.mail.html), scheme))
    # What is in a box may not ask for a group of its own as well: by the standard a browser need not show it then.
    own = {
        "Content-Security-Policy": MAIL_POLICY.format(images=IMAGES[images]),
        "Cross-Origin-Opener-Policy": "unsafe-none",
    }
    headers = {**STRICT, **own}
    return HTMLResponse(html, headers=headers)


async def part(request: Request) -> Response:
    """A part of a mail as plain text: `text`, `source` (the HTML) or `message` (all of it as it is handed over)."""
    view = session_of(request).shown(request.path_params["number"])
    content = parts_of(view).get(request.path_params["part"])
    if content is None:
        raise NotFoundError("a mail has no such part")
    headers = {**STRICT, "Content-Security-Policy": "default-src 'none'; sandbox"}
    return PlainTextResponse(content, headers=headers)


def parts_of(view: View) -> dict[str, str]:
    mail = view.mail
    return {"text": mail.text, "source": mail.html, "message": mail.raw.decode("utf-8", "replace")}
