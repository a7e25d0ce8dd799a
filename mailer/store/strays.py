"""Mails to the bounce address that nobody could make sense of: kept for a person, for a while and within bounds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.bounces.opened import TooComplex, opened, text_of
from mailer.store.database import insert_absent
from mailer.store.tables import stray_mails

LONGEST_KEPT: Final = 64 << 10
MOST_KEPT: Final = 5000
"""So many at most: anybody may fill a mailbox, and nobody a database."""

CHUNK: Final = 400
PORTION: Final = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A mail to be kept. `cut`: what there is of it is not the whole already."""

    data: bytes
    why: str
    received_at: datetime
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Stray:
    """A mail that is kept. `cut`: it was longer."""

    id: int
    received_at: datetime
    why: str
    cut: bool
    body: bytes


def add(connection: Connection, found: Sequence[Found]) -> int:
    """Keep mails; how many were not there before."""
    return sum(insert_absent(connection, stray_mails, _row(each)) for each in found)


def _row(found: Found) -> dict[str, object]:
    return {
        "hash": sha256(found.data).hexdigest(),
        "why": found.why,
        "received_at": found.received_at,
        "cut": found.cut or len(found.data) > LONGEST_KEPT,
        "body": found.data[:LONGEST_KEPT],
    }


def make_room(connection: Connection, first: str, most: int = MOST_KEPT) -> int:
    """Delete what is too many, oldest first, and before all others those whose `why` ends so; how many that were."""
    over = count(connection) - most
    if over <= 0:
        return 0
    last = sa.case((stray_mails.c.why.endswith(first, autoescape=True), 0), else_=1)
    chosen = sa.select(stray_mails.c.id).order_by(last, stray_mails.c.id).limit(over)
    return drop(connection, list(connection.execute(chosen).scalars()))


def count(connection: Connection) -> int:
    """How many there are."""
    return connection.execute(sa.select(sa.func.count()).select_from(stray_mails)).scalar_one()


def listed(connection: Connection, limit: int | None) -> Iterator[Stray]:
    """Those that came last first."""
    table = stray_mails.c
    numbers = sa.select(table.id).order_by(table.received_at.desc(), table.id.desc()).limit(limit)
    yield from _each(connection, list(connection.execute(numbers).scalars()))


def get(connection: Connection, number: int) -> Stray | None:
    """One of them."""
    return next(_each(connection, [number]), None)


def drop(connection: Connection, numbers: Collection[int]) -> int:
    """Delete these; how many there were."""
    chosen, gone = list(numbers), 0
    for start in range(0, len(chosen), CHUNK):
        here = stray_mails.c.id.in_(chosen[start : start + CHUNK])
        gone += connection.execute(sa.delete(stray_mails).where(here)).rowcount
    return gone


def numbers_all(connection: Connection) -> list[int]:
    """The numbers of all of them."""
    return list(connection.execute(sa.select(stray_mails.c.id)).scalars())


def forget_old(connection: Connection, before: datetime) -> int:
    """Delete what came before then; how many that were."""
    return connection.execute(sa.delete(stray_mails).where(stray_mails.c.received_at < before)).rowcount


def erase(connection: Connection, addresses: Collection[str]) -> int:
    """Delete those in which one of these addresses stands; how many that were.

    They are read one by one, as there are few: whom a mail is about is not known of what nobody understood.
    """
    wanted = [address.lower().encode() for address in addresses if address]
    if not wanted:
        return 0
    every = _each(connection, numbers_all(connection))
    return drop(connection, [one.id for one in every if any(each in _readable(one.body) for each in wanted)])


def _readable(body: bytes) -> bytes:
    """What stands in a mail, in small letters: as it came, and the texts that were encoded for the way."""
    found = [body.lower()]
    try:
        parts = opened(body).walk()
        found += [text_of(part).lower().encode() for part in parts if not part.is_multipart()]
    except TooComplex:
        # One that nobody takes apart here is taken apart by nobody who looks at it either.
        return b"".join(found)
    return b"\n".join(found)


def _each(connection: Connection, numbers: Sequence[int]) -> Iterator[Stray]:
    """These in this order, a few bodies at a time."""
    table = stray_mails.c
    columns = (table.id, table.received_at, table.why, table.cut, table.body)
    for start in range(0, len(numbers), PORTION):
        portion = numbers[start : start + PORTION]
        rows = connection.execute(sa.select(*columns).where(table.id.in_(portion)))
        found = {row[0]: Stray(*row) for row in rows}
        yield from (found[number] for number in portion if number in found)
