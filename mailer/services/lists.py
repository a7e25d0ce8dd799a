"""Subscriber lists: what they are, and how many people on them can be mailed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.model import MailingList, SubscriptionState
from mailer.store import ledger
from mailer.store import lists as stored
from mailer.store.database import Store


@dataclass(frozen=True, slots=True)
class ListFigures:
    """A list and its subscriptions by state. `mailable`: those whom an issue would reach now."""

    definition: MailingList
    counts: Mapping[SubscriptionState, int]
    mailable: int

    @property
    def name(self) -> str:
        return self.definition.name


def list_figures(
    store: Store, lists: Mapping[str, MailingList], now: datetime | None = None
) -> tuple[ListFigures, ...]:
    """The lists in order of their names. Who is on a pause at `now` is not mailable."""
    with store.read() as connection:
        return tuple(figures(connection, definition, now) for _, definition in sorted(lists.items()))


def figures(connection: Connection, definition: MailingList, now: datetime | None = None) -> ListFigures:
    counts = stored.counts(connection, definition.name)
    return ListFigures(definition, counts, mailable(connection, definition.name, now) if any(counts.values()) else 0)


def mailable(connection: Connection, name: str, now: datetime | None) -> int:
    """Counted with the query that chooses the recipients of an issue, so that the two cannot disagree."""
    return ledger.preview(connection, [name], smtputf8=True, now=now).recipients
