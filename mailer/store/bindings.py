"""The places that may send from this database. A copy of it elsewhere is not among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.store.database import hold, insert_absent
from mailer.store.tables import bindings

# What stands for places while a database is moved: in the old one where it went, in the new one where its rows come
# from. No place has such an identity, so neither may send.
MOVED, ARRIVING = "moved:", "arriving:"


@dataclass(frozen=True, slots=True)
class Binding:
    """One place: `identity` tells it from every other, `label` names it for people."""

    identity: str
    label: str
    bound_at: datetime

    @property
    def moved(self) -> bool:
        """Not a place that may send, but where this database was moved to."""
        return self.identity.startswith(MOVED)

    @property
    def arriving(self) -> bool:
        """Not a place that may send, but where the rows come from that are still arriving here."""
        return self.identity.startswith(ARRIVING)

    def marked(self, mark: str) -> Binding:
        """This place as the one that a database was moved to, or comes from."""
        return replace(self, identity=(mark + self.identity)[:64])


def every(connection: Connection) -> list[Binding]:
    """The places, oldest first."""
    query = sa.select(bindings.c.identity, bindings.c.label, bindings.c.bound_at)
    return [Binding(*row) for row in connection.execute(query.order_by(bindings.c.bound_at, bindings.c.identity))]


def hold_places(connection: Connection) -> None:
    """Let nobody else bind a place until this write transaction ends."""
    hold(connection, bindings)


def bind_first(connection: Connection, place: Binding) -> list[Binding]:
    """Bind this place if none is bound yet; the places that are bound then.

    Two that try at once wait for one another: the second finds the first.
    """
    hold(connection, bindings)
    there = every(connection)
    if not there:
        insert_absent(connection, bindings, _values(place))
        return [place]
    return there


def bind(connection: Connection, place: Binding, *, keep: bool) -> list[Binding]:
    """Bind this place, in the place of all others unless they are to be kept; those that were removed."""
    hold(connection, bindings)
    others = [] if keep else [each for each in every(connection) if each.identity != place.identity]
    connection.execute(sa.delete(bindings).where(bindings.c.identity.in_([each.identity for each in others])))
    insert_absent(connection, bindings, _values(place))
    return others


def _values(place: Binding) -> dict[str, object]:
    return {"identity": place.identity, "label": place.label, "bound_at": place.bound_at}
