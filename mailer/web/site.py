"""The application: every surface over one opened program. Nothing is kept in the process, so any number may run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from fastapi import FastAPI
from starlette.requests import Request

from mailer.services.program import Program
from mailer.web.look import Look

SURFACES = (
    "mailer.web.health",
    "mailer.web.signup",
    "mailer.web.confirming",
    "mailer.web.leaving",
    "mailer.web.preferences",
    "mailer.web.archive",
    "mailer.web.reading",
    "mailer.web.counting",
    "mailer.web.webhooks",
    "mailer.web.api",
)
"""The modules with a `router` each, in the order in which they are asked."""


def nobody() -> None:
    """Whoever works looks by itself."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a request finds. `wake`: something was left to be done, so that whoever does it looks at once."""

    program: Program
    look: Look
    wake: Callable[[], None] = nobody


def site_of(request: Request) -> Site:
    """The site that answers a request."""
    found: Site = request.app.state.site
    return found


def make_app(program: Program, wake: Callable[[], None] = nobody) -> FastAPI:
    """The application over an opened program, whose owner closes it."""
    # Neither pages with scripts of others, nor an answer that says the address was nearly right: RFC 8058 forbids
    # redirects for one-click, and what is asked under another address is another thing.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.site = Site(program, Look(program), wake)
    for name in SURFACES:
        app.include_router(import_module(name).router)
    return app
