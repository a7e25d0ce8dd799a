"""The tokens of the API, and what was answered to requests that name a key of their own.

    begin     the key is ours, or what was answered under it: whoever asks the same at this moment waits for us
    keep      the answer, in the transaction that did what was asked

Killed in between, neither is there, and the same request does it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Scope
from mailer.store.database import insert_absent
from mailer.store.tables import api_answers, api_tokens

BEGUN = 0
"""The status of a request that is being done, which nobody else ever sees."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token without itself: `hash` is all that is kept of it."""

    id: int
    name: str
    hash: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that is to be kept."""

    name: str
    hash: str
    scopes: Collection[Scope]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key of its own. `request` is a keyed hash of what it asks for."""

    token_id: int
    key: str
    request: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered under a key. `request` is what it was asked with then."""

    request: str
    status: int
    body: str


def add_token(connection: Connection, new: NewToken, now: datetime) -> bool:
    """Keep a token; False when there is one of that name, or was."""
    values = {"name": new.name, "hash": new.hash, "scopes": sorted(new.scopes), "expires_at": new.expires_at}
    return insert_absent(connection, api_tokens, {**values, "created_at": now})


def tokens(connection: Connection) -> list[StoredToken]:
    """All of them, newest first, also those that are over."""
    return [_token(row) for row in connection.execute(sa.select(*TOKEN).order_by(api_tokens.c.id.desc()))]


def token_with(connection: Connection, hashed: str) -> StoredToken | None:
    """The token of that hash."""
    row = connection.execute(sa.select(*TOKEN).where(api_tokens.c.hash == hashed)).first()
    return _token(row) if row else None


def token_named(connection: Connection, name: str) -> StoredToken | None:
    row = connection.execute(sa.select(*TOKEN).where(api_tokens.c.name == name)).first()
    return _token(row) if row else None


def revoke(connection: Connection, name: str, now: datetime) -> bool:
    """End a token for good; False when it had been ended before, or there is none."""
    here = sa.and_(api_tokens.c.name == name, api_tokens.c.revoked_at.is_(None))
    return connection.execute(sa.update(api_tokens).where(here).values(revoked_at=now)).rowcount == 1


def note_use(connection: Connection, token_id: int, hour: datetime) -> None:
    """Write down that a token was used in that hour, or after it."""
    unknown = sa.or_(api_tokens.c.used_at.is_(None), api_tokens.c.used_at < hour)
    connection.execute(sa.update(api_tokens).where(api_tokens.c.id == token_id, unknown).values(used_at=hour))


def begin(connection: Connection, asked: Asked, since: datetime, now: datetime) -> Answered | None:
    """What was answered under this key since then. None: nothing, and until this transaction ends it is ours."""
    mine = sa.and_(api_answers.c.token_id == asked.token_id, api_answers.c.key == asked.key)
    connection.execute(sa.delete(api_answers).where(mine, api_answers.c.at < since))
    key = {"token_id": asked.token_id, "key": asked.key}
    values = {**key, "request": asked.request, "status": BEGUN, "body": "", "at": now}
    # Who asks the same at this moment holds the row: we wait here until it is kept, or given up.
    if insert_absent(connection, api_answers, values):
        return None
    row = connection.execute(sa.select(api_answers).where(mine)).one()
    return Answered(row.request, row.status, row.body)


def keep(connection: Connection, asked: Asked, status: int, body: str) -> None:
    """Keep the answer under the key that `begin` made ours."""
    mine = sa.and_(api_answers.c.token_id == asked.token_id, api_answers.c.key == asked.key)
    connection.execute(sa.update(api_answers).where(mine).values(status=status, body=body))


def forget_old(connection: Connection, before: datetime, most: int) -> int:
    """Delete answers from before that time, at most so many; how many."""
    key = (api_answers.c.token_id, api_answers.c.key)
    old = sa.select(*key).where(api_answers.c.at < before).limit(most)
    return connection.execute(sa.delete(api_answers).where(sa.tuple_(*key).in_(old))).rowcount


TOKEN = (
    api_tokens.c.id,
    api_tokens.c.name,
    api_tokens.c.hash,
    api_tokens.c.scopes,
    api_tokens.c.created_at,
    api_tokens.c.expires_at,
    api_tokens.c.revoked_at,
    api_tokens.c.used_at,
)


def _token(row: Sequence[Any]) -> StoredToken:
    number, name, hashed, scopes, *times = row
    # A newer program may know more scopes; what we do not know is no right here.
    known = frozenset(Scope(word) for word in scopes if word in list(Scope))
    return StoredToken(number, name, hashed, known, *times)
