"""What people agreed to, word for word. A text is kept once; one that changes is a new row beside the old one."""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import insert_absent
from mailer.store.tables import consent_texts

VERSION_DIGITS = 16


def version_of(text: str) -> str:
    """The name of a text: the first digits of the SHA-256 of its UTF-8. Line ends do not make another text."""
    return hashlib.sha256(as_kept(text).encode()).hexdigest()[:VERSION_DIGITS]


def as_kept(text: str) -> str:
    return "\n".join(text.strip().splitlines())


def ensure(connection: Connection, text: str, now: datetime) -> int | None:
    """The number of the text, kept from now on; None where there is no text to agree to."""
    if not text.strip():
        return None
    version = version_of(text)
    known = sa.select(consent_texts.c.id).where(consent_texts.c.version == version)
    number = connection.execute(known).scalar()
    if number is None:
        insert_absent(connection, consent_texts, {"version": version, "text": as_kept(text), "first_used_at": now})
        number = connection.execute(known).scalar_one()
    return int(number)
