"""Forgetting a person: everything personal leaves every table, and what the figures need stays.

subscribers          emptied; the row stays, because the ledger refers to it
subscriptions        deleted
subscription_events  words and evidence emptied; what and when stay, and that the person left now is added
confirmations        the mails' ids emptied
deliveries           what the provider said emptied; state, issue and batch stay
exclusions           stay: issue and reason are nothing personal without the person
engagements          deleted
events               what was reported emptied; what happened to which mail stays
suppressions         the address gives way to its keyed hash, for every list
suppression_events   the same, and the words are emptied
stray_mails          deleted where the address stands in them

jobs                 forms with the address that wait, or that could not be carried out, deleted

Files that wait in `job_parts` are not looked into: an import leaves out whom it recognises by the hash, and the file
goes with the job that it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.errors import ConflictError
from mailer.model import BatchState, DeliveryState, How, SubscriptionState, SuppressionReason
from mailer.store import jobs, strays
from mailer.store import suppressions as stored
from mailer.store.confirmations import on_its_way
from mailer.store.database import hold, shut_door
from mailer.store.held import of_person
from mailer.store.subscribers import new_public_id
from mailer.store.subscriptions import Origin, write_event
from mailer.store.tables import (
    batches,
    confirmations,
    deliveries,
    engagements,
    events,
    exclusions,
    issues,
    lists,
    subscribers,
    subscription_events,
    subscriptions,
    suppression_events,
    suppressions,
)

# The tables that say something about one person, and whether anything of it is left after forgetting.
COVERED: Mapping[str, str] = {
    "subscribers": "emptied",
    "subscriptions": "deleted",
    "subscription_events": "emptied",
    "confirmations": "emptied",
    "deliveries": "emptied",
    "exclusions": "kept",
    "engagements": "deleted",
    "events": "emptied",
    "suppressions": "hashed",
    "suppression_events": "hashed",
}

# Stands where a provider's answer stood, so that figures by reason name it.
FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of a person, in rows. `mails` and `asks` are what a provider may have files of.

    `public_id` is the person's, empty where there is none. `mails`: for each issue the numbers of its deliveries;
    `asks`: for each list the numbers of the mails that asked to confirm.
    """

    public_id: str = ""
    lists: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    mails: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    asks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    suppressions: tuple[stored.Suppression, ...] = ()
    forgotten: bool = False

    @property
    def nothing(self) -> bool:
        """Whether there is nothing in plain words."""
        return not self.public_id and not self.suppressions and not self.counts.get("suppression_events")


def traces(connection: Connection, email_key: str, hashed: Sequence[str]) -> Traces:
    """What is known under an address; `hashed` are the values under which it would be forgotten."""
    number = _number(connection, email_key)
    counts = {
        table.name: _count(connection, table, of_person(table, number))
        for table in (subscriptions, subscription_events, confirmations, deliveries, exclusions, engagements, events)
    }
    entries = stored.entries(connection, [email_key])
    counts["suppressions"] = len(entries)
    counts["suppression_events"] = _count(connection, suppression_events, suppression_events.c.value == email_key)
    names = sa.select(lists.c.name).join(subscriptions, subscriptions.c.list_id == lists.c.id)
    mails = sa.select(issues.c.name, deliveries.c.id).join(issues, issues.c.id == deliveries.c.issue_id)
    asks = sa.select(lists.c.name, confirmations.c.id).join(lists, lists.c.id == confirmations.c.list_id)
    public_id = connection.execute(sa.select(subscribers.c.public_id).where(subscribers.c.id == number)).scalar()
    return Traces(
        public_id=public_id or "",
        lists=tuple(connection.execute(names.where(subscriptions.c.subscriber_id == number)).scalars()),
        counts=counts,
        mails=_grouped(connection.execute(mails.where(of_person(deliveries, number)))),
        asks=_grouped(connection.execute(asks.where(confirmations.c.subscriber_id == number))),
        suppressions=tuple(entries),
        forgotten=bool(stored.entries(connection, hashed)),
    )


def _grouped(rows: Iterable[sa.Row[Any]]) -> dict[str, tuple[int, ...]]:
    grouped: dict[str, tuple[int, ...]] = {}
    for row in rows:
        name, number = tuple(row)
        grouped[name] = (*grouped.get(name, ()), number)
    return grouped


def forget(
    connection: Connection, email_key: str, hashed: Sequence[str], now: datetime, how: How = How.COMMAND
) -> Traces:
    """Erase a person; what there was. ConflictError while a mail to them is being handed over.

    `hashed` are the values under which the address is recognised, the one to be kept first. `how` they asked for it.
    """
    # Nobody may come in, or be suppressed, between being looked for and being erased.
    shut_door(connection)
    hold(connection, subscribers, suppressions)
    number = _number(connection, email_key)
    if number is not None:
        _refuse_in_flight(connection, number, now)
    found = traces(connection, email_key, hashed)
    strays.erase(connection, {email_key, *_spellings(connection, number)})
    jobs.erase_forms(connection, email_key, now)
    if number is not None:
        _leave_lists(connection, number, how, now)
        _empty(connection, number, now)
    _hash(connection, email_key, hashed, _before(found), now)
    return found


def _spellings(connection: Connection, number: int | None) -> list[str]:
    query = sa.select(subscribers.c.email, subscribers.c.ascii_email).where(subscribers.c.id == number)
    row = connection.execute(query).first()
    return [each for each in row or () if each]


def _number(connection: Connection, email_key: str) -> int | None:
    query = sa.select(subscribers.c.id).where(subscribers.c.email_key == email_key)
    return connection.execute(query).scalar()


def _count(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one()


def _refuse_in_flight(connection: Connection, number: int, now: datetime) -> None:
    """A sender that has the address in hand would write it down again. Its lease ends soon, or it is done before."""
    mine = sa.select(deliveries.c.batch_id).where(
        of_person(deliveries, number),
        deliveries.c.state.in_((DeliveryState.PENDING, DeliveryState.SUBMITTING)),
    )
    # Locked where rows are locked: no batch of this person is claimed until they are gone from it.
    rows = connection.execute(
        sa.select(batches.c.state, batches.c.lease_until)
        .where(batches.c.id.in_(mine))
        .order_by(batches.c.id)
        .with_for_update()
    ).all()
    held = (BatchState.CLAIMED, BatchState.SUBMITTING)
    batch = any(row.state in held and row.lease_until is not None and row.lease_until > now for row in rows)
    if batch or on_its_way(connection, number, now):
        raise ConflictError(
            "a mail to this person is being handed over at this moment; nothing was erased",
            hint="Run the command again in a few minutes, or when the send is over.",
        )


def _leave_lists(connection: Connection, number: int, how: How, now: datetime) -> None:
    query = sa.select(subscriptions.c.list_id, subscriptions.c.state).where(subscriptions.c.subscriber_id == number)
    for row in connection.execute(query).all():
        if row.state is not SubscriptionState.UNSUBSCRIBED:
            key = {"list_id": row.list_id, "subscriber_id": number}
            write_event(connection, key, SubscriptionState.UNSUBSCRIBED, Origin(how), now)
    for table in (subscriptions, engagements):
        connection.execute(sa.delete(table).where(table.c.subscriber_id == number))


def _empty(connection: Connection, number: int, now: datetime) -> None:
    public_id = new_public_id()  # links in old mails lead nowhere from now on
    nobody = f"forgotten:{public_id}"
    emptied: list[tuple[sa.Table, dict[str, Any]]] = [
        (subscription_events, {"source": "", "evidence": sa.null()}),
        (confirmations, {"message_id": "", "outcome": FORGOTTEN}),
        (deliveries, {"provider_id": "", "detail": _detail()}),
        (events, {"detail": ""}),
    ]
    for table, values in emptied:
        connection.execute(sa.update(table).where(of_person(table, number)).values(**values))
    connection.execute(
        sa.update(subscribers)
        .where(subscribers.c.id == number)
        .values(
            public_id=public_id,
            email=nobody,
            email_key=nobody,
            ascii_email=None,
            attributes={},
            domain="",
            paused_until=None,
            untracked=False,
            updated_at=now,
            forgotten_at=now,
        )
    )


def _detail() -> sa.ColumnElement[str]:
    """Why somebody was excluded is a word of ours; anything else may be an answer that names them."""
    kept = sa.or_(deliveries.c.detail == "", deliveries.c.state == DeliveryState.EXCLUDED)
    return sa.case((kept, deliveries.c.detail), else_=FORGOTTEN)


def _before(found: Traces) -> str:
    """The reasons of the entries that the hash stands for now, without anybody's words."""
    reasons = dict.fromkeys(entry.reason.value for entry in found.suppressions)
    return f"before: {', '.join(reasons)}" if reasons else ""


def _hash(connection: Connection, email_key: str, hashed: Sequence[str], note: str, now: datetime) -> None:
    connection.execute(sa.delete(suppressions).where(suppressions.c.value == email_key))
    connection.execute(
        sa.update(suppression_events)
        .where(suppression_events.c.value.in_((email_key, *hashed)))
        .values(value=hashed[0], note="")
    )
    if not stored.entries(connection, hashed):
        entry = stored.Suppression(hashed[0], SuppressionReason.FORGOTTEN, note)
        stored.add(connection, entry, now)
