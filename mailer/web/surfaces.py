"""What a request finds, whichever surface answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from mailer.services.program import Program
from mailer.web.look import Look


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
