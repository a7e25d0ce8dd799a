"""The application: every surface over one opened program. Nothing is kept in the process, so any number may run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from importlib import import_module
from urllib.parse import urlsplit

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from mailer.services.program import Program
from mailer.web.clients import networks
from mailer.web.failures import add_handlers
from mailer.web.guard import Guard, Rules
from mailer.web.look import Look
from mailer.web.surfaces import Site, nobody, site_of

__all__ = ["SURFACES", "Site", "make_app", "nobody", "site_of"]

SURFACES = (
    "mailer.web.leaving",
    "mailer.web.health",
    "mailer.web.signup",
    "mailer.web.confirming",
    "mailer.web.preferences",
    "mailer.web.archive",
    "mailer.web.reading",
    "mailer.web.counting",
    "mailer.web.webhooks",
    "mailer.web.api",
)
"""The modules with a `router` each, in the order in which they are asked: what providers post by the thousand first."""

FILE_THREADS = 16
"""So many requests look at a file of SQLite at once; of a server, as many as there are connections to spare."""


def make_app(
    program: Program,
    wake: Callable[[], None] = nobody,
    during: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> FastAPI:
    """The application over an opened program, whose owner closes it. `during`: what goes on while it serves."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = threads(program)
        with during():
            yield

    # Neither pages with scripts of others, nor an answer that says the address was nearly right: RFC 8058 forbids
    # redirects for one-click, and what is asked under another address is another thing.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan)
    app.state.site = Site(program, Look(program), wake)
    for name in SURFACES:
        app.include_router(import_module(name).router)
    add_handlers(app)
    app.add_middleware(Guard, rules=rules(program))
    return app


def rules(program: Program) -> Rules:
    """What the settings say about requests."""
    web = program.settings.web
    base = urlsplit(web.base_url)
    return Rules(
        proxies=networks(web.proxies),
        base=base.path.rstrip("/"),
        secure=base.scheme == "https",
        seconds=web.body_seconds,
        logged=web.request_log,
    )


def threads(program: Program) -> int:
    """How many requests are worked on at once: a few connections are left to what goes on beside them."""
    return FILE_THREADS if program.store.is_file else max(2, program.settings.database.pool - 4)
