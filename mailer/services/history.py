"""How one person came to be on lists, and left them: every change with its proof, and every mail that asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailer.audience.address import Address
from mailer.errors import NotFoundError
from mailer.store import confirmations, subscribers, subscriptions
from mailer.store.confirmations import Confirmation
from mailer.store.database import Store


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the consent log. `words` are those it was made with, or those of the import."""

    at: datetime
    list_name: str
    became: str
    how: str
    words: str
    import_name: str | None
    consent_version: str | None
    consent_text: str | None
    evidence: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Ask:
    """A mail that asked to confirm. `outcome` is `open` while nobody knows what became of it."""

    at: datetime
    list_name: str
    message_id: str
    outcome: str
    consent_version: str | None
    consent_text: str | None


@dataclass(frozen=True, slots=True)
class History:
    """Everything about one address, oldest first."""

    changes: tuple[Change, ...]
    asks: tuple[Ask, ...]


def history(store: Store, address: Address) -> History:
    """NotFoundError for an address that nobody here has."""
    with store.read() as connection:
        if subscribers.get(connection, address.key) is None:
            raise NotFoundError(
                "nobody here has that address", hint="check its spelling; a forgotten person leaves no history"
            )
        events = subscriptions.history(connection, address.key)
        asks = confirmations.of_person(connection, address.key)
    return History(
        tuple(
            Change(
                event.at,
                event.list_name,
                event.state.value,
                event.how.value,
                event.source,
                event.import_name,
                event.consent_version,
                event.consent_text,
                event.evidence,
            )
            for event in events
        ),
        tuple(map(ask_of, asks)),
    )


def ask_of(mail: Confirmation) -> Ask:
    return Ask(mail.asked_at, mail.list_name, mail.message_id, mail.outcome, mail.consent_version, mail.consent_text)
