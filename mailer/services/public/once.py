"""Requests that name a key of their own are done once: asked again, they get the answer of the first time.

What was asked, what was done and what was answered are one transaction. Killed anywhere, either all of it is there or
nothing; and of two that ask the same at one moment the second waits for the first. What could not be done is not
kept, so that it may be asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from hmac import compare_digest, digest
from typing import Final

from sqlalchemy.engine import Connection

from mailer.errors import UsageError
from mailer.services.program import Program
from mailer.services.tokens import Holder
from mailer.store import api as stored

KEPT: Final = timedelta(hours=24)
"""So long the same request gets the same answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what. `what` is all of it as one text; `key`: the name they gave it, or none."""

    who: Holder
    what: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a status and JSON. `again`: it was answered before, and nothing was done now."""

    status: int
    body: str
    again: bool = False


def once(program: Program, request: Request, do: Callable[[Connection], Reply]) -> Reply:
    """Do it in one transaction, unless it was done. UsageError when the key was another request's."""
    with program.store.write() as connection:
        if request.key is None:
            return do(connection)
        hashes = _hashes(program, request.what)
        asked = stored.Asked(request.who.id, request.key, hashes[0])
        now = program.now()
        if before := stored.begin(connection, asked, now - KEPT, now):
            return _again(before, hashes)
        reply = do(connection)
        stored.keep(connection, asked, reply.status, reply.body)
        return reply


def _again(before: stored.Answered, hashes: tuple[str, ...]) -> Reply:
    # Under an old key too: one may have been put in front meanwhile.
    if not any(compare_digest(before.request, each) for each in hashes):
        raise UsageError("this Idempotency-Key was used for another request")
    return replace(Reply(before.status, before.body), again=True)


def _hashes(program: Program, what: str) -> tuple[str, ...]:
    """What is kept of a request, which may name a person: a hash under each of the keys, the newest first."""
    keys = program.workspace.secret_keys(program.environ)
    return tuple(digest(key, b"mailer api request\0" + what.encode(), "sha256").hex() for key in keys)
