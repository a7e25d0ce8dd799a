"""Tokens of the API: who may ask for what, until when. A token is shown once, when it is made, and kept nowhere."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from threading import Lock
from typing import Final

from mailer.delivery.schedule import read_moment
from mailer.errors import ConflictError, NotFoundError, StoreError, UsageError
from mailer.model import Scope
from mailer.services.program import Program
from mailer.services.scheduling import office_zone
from mailer.store import api as stored
from mailer.store.api import StoredToken
from mailer.wording import quoted, unknown

PREFIX: Final = "mailer_"
"""What a token begins with, so that programs which look for secrets in files find it."""

TOKEN_BYTES: Final = 32
TOKEN = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
BEARER: Final = "bearer"

_writing = Lock()


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever asks with a token that is good: its name, and what it may do."""

    id: int
    name: str
    scopes: frozenset[Scope]
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What a person may know of a token. `state`: good, expired or revoked. `used_at` is to the hour."""

    name: str
    state: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. `token` is shown to whoever made it, and never again."""

    token: str
    name: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"Made({self.name})"


def holder(program: Program, header: str | None) -> Holder | None:
    """Who asks with this `Authorization` header; None when nobody who may.

    The token is looked up by its hash: what differs in time says something about hashes, from which there is no way
    back to one of 2^256 tokens.
    """
    token = token_of(header)
    if token is None:
        return None
    hashed = hash_of(token)
    with program.store.read() as connection:
        found = stored.token_with(connection, hashed)
    if found is None or not compare_digest(found.hash, hashed) or state_of(found, program.now()) != GOOD:
        return None
    return Holder(found.id, found.name, found.scopes, found.used_at)


def token_of(header: str | None) -> str | None:
    """The token in `Bearer TOKEN`; None for anything else."""
    scheme, _, token = (header or "").strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == BEARER and TOKEN.fullmatch(token) else None


def note_use(program: Program, who: Holder) -> None:
    """Write down, to the hour, that a token was used. Left out where it is known, or another is being written down."""
    hour = program.now().replace(minute=0, second=0, microsecond=0)
    if who.used_at is not None and who.used_at >= hour:
        return
    with aside() as free:
        if free:
            with program.store.write() as connection:
                stored.note_use(connection, who.id, hour)


@contextmanager
def aside() -> Iterator[bool]:
    """For small things that may as well not be written: one at a time in this process, so that a database which an
    import holds keeps one thread waiting and not all of them. A database that cannot be written is passed over."""
    if not _writing.acquire(blocking=False):
        yield False
        return
    try:
        yield True
    except StoreError:
        return
    finally:
        _writing.release()


def create(program: Program, name: str, scopes: Sequence[str], expires: str = "") -> Made:
    """Make a token. ConflictError when one of that name is there, or was: a name in a log means one token for ever."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{quoted(name)} is no name for a token", hint="up to 63 small letters, digits, - and _, such as website"
        )
    wanted = scopes_named(scopes)
    until = read_moment(_in_future(expires), office_zone(program), program.now()) if expires else None
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    with program.store.write() as connection:
        new = stored.NewToken(name, hash_of(token), wanted, until)
        if not stored.add_token(connection, new, program.now()):
            raise ConflictError(
                f"there is a token called {name}, or was", hint="take another name: mailer tokens list shows them"
            )
    return Made(token, name, wanted, until)


def scopes_named(words: Sequence[str]) -> tuple[Scope, ...]:
    """The scopes of these names, each once."""
    if not words:
        raise UsageError("what may the token do?", hint=f"--scope, one or more of: {', '.join(Scope)}")
    for word in words:
        if word not in list(Scope):
            raise UsageError(unknown("scope", word, Scope))
    return tuple(scope for scope in Scope if scope in words)


def token_list(program: Program) -> tuple[TokenInfo, ...]:
    """All tokens, newest first."""
    with program.store.read() as connection:
        found = stored.tokens(connection)
    return tuple(info_of(token, program.now()) for token in found)


def revoke(program: Program, name: str, *, dry_run: bool = False) -> TokenInfo:
    """End a token for good, from this moment on. The same however often; NotFoundError when there is none."""
    with program.store.write() as connection:
        found = stored.token_named(connection, name)
        if found is None:
            names = [token.name for token in stored.tokens(connection)]
            raise NotFoundError(unknown("token", name, names), hint="mailer tokens list shows them")
        if not dry_run:
            stored.revoke(connection, name, program.now())
            found = stored.token_named(connection, name) or found
    return info_of(found, program.now())


GOOD: Final = "good"


def state_of(token: StoredToken, now: datetime) -> str:
    """Whether it may be used: good, expired or revoked."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now else GOOD


def info_of(token: StoredToken, now: datetime) -> TokenInfo:
    scopes = tuple(scope for scope in Scope if scope in token.scopes)
    times = (token.created_at, token.expires_at, token.revoked_at, token.used_at)
    return TokenInfo(token.name, state_of(token, now), scopes, *times)


def hash_of(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so that nothing slower is needed."""
    return sha256(token.encode()).hexdigest()


def _in_future(text: str) -> str:
    """A span may be said without its sign: 90d is +90d."""
    return f"+{text.strip()}" if re.fullmatch(r"\s*(\d+[dhms]|\d+min)+\s*", text, re.IGNORECASE) else text
