"""What addresses on the web answered when they were last asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.checks.facts import Probe
from mailer.store.database import put_rows
from mailer.store.tables import probes as table

CHUNK: Final = 400

FIELDS: Final = (
    table.c.url,
    table.c.at,
    table.c.status,
    table.c.problem,
    table.c.final_url,
    table.c.content_type,
    table.c.octets,
    table.c.width,
    table.c.height,
)


def known(connection: Connection, urls: Iterable[str], since: datetime) -> dict[str, Probe]:
    """What these addresses answered, as far as they were asked since then."""
    wanted = [_hash(url) for url in dict.fromkeys(urls)]
    found: dict[str, Probe] = {}
    for start in range(0, len(wanted), CHUNK):
        here = table.c.hash.in_(wanted[start : start + CHUNK])
        for row in connection.execute(sa.select(*FIELDS).where(here, table.c.at >= since)):
            found[row.url] = Probe(*row)
    return found


def keep(connection: Connection, probes: Mapping[str, Probe]) -> None:
    """Write down what addresses answered, in place of what they answered before."""
    by_hash = {_hash(probe.url): probe for probe in probes.values()}
    names = [column.name for column in FIELDS]
    # In the order of their keys: two processes that write the same addresses wait for each other and never in a circle.
    rows = [{"hash": key, **{name: getattr(probe, name) for name in names}} for key, probe in sorted(by_hash.items())]
    put_rows(connection, table, rows)


def forget_old(connection: Connection, before: datetime, most: int) -> int:
    """Delete what was asked before then, at most so many; how many."""
    old = sa.select(table.c.hash).where(table.c.at < before).order_by(table.c.at).limit(most)
    return connection.execute(sa.delete(table).where(table.c.hash.in_(old))).rowcount


def _hash(url: str) -> str:
    return sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
