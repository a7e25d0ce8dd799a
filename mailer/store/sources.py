"""What the last fetch of each source left."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import SourceState
from mailer.store.tables import sources

STATE = (sources.c.etag, sources.c.last_modified, sources.c.fetched_at, sources.c.not_before, sources.c.gone)


def state(connection: Connection, name: str) -> SourceState:
    """The state of a source; the empty one when it was never fetched."""
    row = connection.execute(sa.select(*STATE).where(sources.c.name == name)).first()
    return SourceState(*row) if row else SourceState()


def save_state(connection: Connection, name: str, state: SourceState, error: str | None) -> None:
    """Keep the state; `error` is one line for people, None when the fetch went well."""
    values = {
        "etag": state.etag,
        "last_modified": state.last_modified,
        "fetched_at": state.fetched_at,
        "not_before": state.not_before,
        "gone": state.gone,
        "error": error,
    }
    changed = connection.execute(sa.update(sources).where(sources.c.name == name).values(values))
    if not changed.rowcount:
        connection.execute(sa.insert(sources).values(name=name, **values))


def errors(connection: Connection) -> dict[str, str]:
    """The sources whose last fetch failed, and why."""
    query = sa.select(sources.c.name, sources.c.error).where(sources.c.error.is_not(None))
    return dict(connection.execute(query.order_by(sources.c.name)).all())
