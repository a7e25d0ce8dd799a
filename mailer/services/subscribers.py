"""People on lists: adding one, listing them, taking one off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.engine import Connection

from mailer.audience.address import Address, parse_address
from mailer.audience.edits import parse_edit
from mailer.errors import NotFoundError, UsageError
from mailer.model import How, MailingList, Outcome, SubscriptionState
from mailer.store import consents
from mailer.store import lists as stored_lists
from mailer.store import subscribers as stored
from mailer.store import subscriptions as stored_subscriptions
from mailer.store.database import Store
from mailer.store.subscriptions import Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """How people come to a list: in which state, and what proves that they want to.

    `agreed_to_text`: they agreed to the list's consent text word for word, so that its version is part of the proof.
    """

    definition: MailingList
    state: SubscriptionState
    origin: Origin
    agreed_to_text: bool = False


class NotAsked(StrEnum):
    """Why somebody is not asked to confirm now."""

    PAUSE = "pause"
    ENOUGH = "enough"
    NOT_PENDING = "not_pending"


ASK_WORDS = {
    NotAsked.PAUSE: "they were asked to confirm lately, and are not asked again yet",
    NotAsked.ENOUGH: "they were asked to confirm as often as anybody is, and are not asked again",
    NotAsked.NOT_PENDING: "nobody of that address waits to confirm, or no mail may go there",
    Outcome.ACCEPTED: "asked by mail to confirm",
    Outcome.REFUSED: "the mail that asks them to confirm was refused",
    Outcome.DOUBTFUL: "the mail that asks them to confirm is in doubt: it may have been sent",
    Outcome.NOT_SENT: "the mail that asks them to confirm was not sent",
    Outcome.RETRY: "the mail that asks them to confirm was not sent",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """What became of asking one person to confirm: what the provider said of the mail, or why there is none."""

    result: Outcome | NotAsked
    detail: str = ""

    def summary(self) -> str:
        """What happened, as a sentence without the address."""
        return ASK_WORDS[self.result] + (f" ({self.detail})" if self.detail else "")

    @property
    def needs_somebody(self) -> bool:
        """Whether a mail was to go out and did not, or may not have."""
        return isinstance(self.result, Outcome) and self.result is not Outcome.ACCEPTED


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one person. `kept_out`: they unsubscribed, are suppressed or were forgotten.

    `asked` is what became of the mail that asks them to confirm; None where none was wanted.
    """

    list_name: str
    state: SubscriptionState
    new: bool
    updated: bool
    kept_out: bool
    asked: Asking | None = None

    def summary(self) -> str:
        """What happened, as a sentence without the address."""
        if self.kept_out:
            return (
                f"kept out of {self.list_name}: they unsubscribed, are suppressed or were forgotten; "
                "mailer subscribers show and mailer suppressions show tell which"
            )
        done = "added to" if self.new else "updated on" if self.updated else "already on"
        mailed = "" if self.state is SubscriptionState.CONFIRMED else "; not mailed until they confirm"
        asked = f"; {self.asked.summary()}" if self.asked else ""
        return f"{done} {self.list_name} as {self.state.value}{mailed}{asked}"


def attributes_of(settings: Sequence[str]) -> Mapping[str, Any]:
    """`KEY=VALUE` and `KEY:=JSON` texts as attributes, under the names that an imported column would get."""
    try:
        return parse_edit(settings).values
    except ValueError as error:
        raise UsageError(f"--set: {error}", hint="--set city=Oslo") from None


def checked_address(text: str) -> Address:
    """The address; a UsageError that does not repeat it."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise UsageError(f"that is no e-mail address: {error}") from None


def add(store: Store, entry: Entry, address: Address, attributes: Mapping[str, Any], now: datetime) -> Added:
    """Puts one person on a list, or brings their attributes up to date."""
    with store.write() as connection:
        return add_in(connection, entry, address, attributes, now)


def add_in(
    connection: Connection, entry: Entry, address: Address, attributes: Mapping[str, Any], now: datetime
) -> Added:
    """The same within a transaction. `state` is the one they have then, which may be an earlier, better one."""
    person = stored.NewSubscriber(address, dict(attributes), entry.state)
    name = entry.definition.name
    number = stored_lists.ensure(connection, entry.definition)
    origin = entry.origin
    if entry.agreed_to_text:
        origin = replace(origin, consent_id=consents.ensure(connection, entry.definition.consent, now))
    counts = stored.upsert(connection, number, [person], origin, now)
    state = stored_subscriptions.of(connection, address.key).get(name, entry.state)
    return Added(name, state, bool(counts.new), bool(counts.updated), bool(counts.kept_out))


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    list_name: str
    before: SubscriptionState

    def summary(self) -> str:
        """What happened, as a sentence without the address."""
        if self.before is SubscriptionState.UNSUBSCRIBED:
            return f"was unsubscribed from {self.list_name} already"
        return f"unsubscribed from {self.list_name}; no import puts them back"


def unsubscribe(store: Store, definition: MailingList, address: Address, reason: str, now: datetime) -> Unsubscribed:
    """Takes somebody off the list for good. Raises NotFoundError for who is not on it."""
    with store.write() as connection:
        before = stored_subscriptions.of(connection, address.key).get(definition.name)
        person = stored.get(connection, address.key)
        if before is None or person is None:
            raise NotFoundError(
                f"that address is not on the list {definition.name}", hint="Check its spelling and the list."
            )
        change = stored_subscriptions.Change(
            definition.name, person.id, SubscriptionState.UNSUBSCRIBED, Origin(How.COMMAND, reason)
        )
        stored_subscriptions.change(connection, change, now)
    return Unsubscribed(definition.name, before)
