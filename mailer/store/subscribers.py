"""People and their attributes: bringing some in, finding them, reading a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.model import Subscriber, SubscriptionState
from mailer.store.admission import Admission
from mailer.store.admission import NewSubscriber as NewSubscriber
from mailer.store.admission import ParsedAddress as ParsedAddress
from mailer.store.banning import broadest
from mailer.store.importing import Target, bring_in, gather
from mailer.store.publicids import public_ids
from mailer.store.seen import Seen
from mailer.store.subscriptions import Origin
from mailer.store.tables import lists, subscribers, subscriptions

# Rows at once: as many as fit into little memory; the size changes nothing else.
CHUNK = 5000

PERSON = (
    subscribers.c.public_id,
    subscribers.c.email,
    subscribers.c.email_key,
    subscribers.c.ascii_email,
    subscribers.c.attributes,
    subscribers.c.created_at,
    subscribers.c.paused_until,
)


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import did, in rows; see `Admission`. `unsubscribed`, `suppressed` and `forgotten` were kept out."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    banned: int = 0
    unsubscribed: int = 0
    suppressed: int = 0
    forgotten: int = 0

    @property
    def kept_out(self) -> int:
        """Rows of people who said no or must not be mailed."""
        return self.unsubscribed + self.suppressed + self.forgotten


def upsert(
    connection: Connection, list_id: int, rows: Iterable[NewSubscriber], origin: Origin, now: datetime
) -> ImportCounts:
    """Bring rows in, each address once, whatever their order. `origin` says how they came, for the history.

    Nobody who unsubscribed from this list or is suppressed is revived.
    """
    tally: Counter[Admission] = Counter()
    seen, target = Seen(), Target(list_id, origin, now)
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        tally.update(bring_in(connection, gather(chunk, seen), target))
    return ImportCounts(**{admission.value: tally[admission] for admission in Admission})


def get(connection: Connection, email_key: str) -> Subscriber | None:
    """The subscriber with this address; None when nobody has it."""
    row = connection.execute(sa.select(*PERSON).where(subscribers.c.email_key == email_key)).first()
    return Subscriber(*row) if row else None


def by_id(connection: Connection, public_id: str) -> Subscriber | None:
    """The subscriber with this opaque id, as links carry it."""
    row = connection.execute(sa.select(*PERSON).where(subscribers.c.public_id == public_id)).first()
    return Subscriber(*row) if row else None


def stream(
    connection: Connection, list_name: str, state: SubscriptionState | None = None
) -> Iterator[tuple[Subscriber, SubscriptionState]]:
    """The people of a list, in the order they came, read as they are consumed."""
    query = (
        sa.select(*PERSON, subscriptions.c.state)
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(lists.c.name == list_name)
        .order_by(subscriptions.c.subscriber_id)
    )
    if state is not None:
        query = query.where(subscriptions.c.state == state)
    with connection.execute(query, execution_options={"yield_per": 1000}) as result:
        for *person, its_state in result:
            yield Subscriber(*person), its_state


def mailable(connection: Connection, list_name: str, limit: int, *within: sa.ColumnElement[bool]) -> list[Subscriber]:
    """The first people of a list who are confirmed on it and not suppressed, of those for whom `within` holds."""
    query = (
        sa.select(*PERSON)
        .join(subscriptions, subscriptions.c.subscriber_id == subscribers.c.id)
        .join(lists, lists.c.id == subscriptions.c.list_id)
        .where(lists.c.name == list_name, subscriptions.c.state == SubscriptionState.CONFIRMED)
        .where(broadest(lists.c.id).is_(None), *within)
        .order_by(subscriptions.c.subscriber_id)
        .limit(limit)
    )
    return [Subscriber(*row) for row in connection.execute(query)]


def new_public_id() -> str:
    """An opaque id for one person."""
    return public_ids(1)[0]
