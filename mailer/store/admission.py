"""What an import may do to one person: pure decisions, so that no order of rows or size of a file changes them.

Everything that brings people in asks here: one person at a terminal, and a million rows of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from mailer.audience.tagging import with_tags
from mailer.model import Attributes, SubscriptionState, SuppressionReason

TAGS = "tags"


class Update(StrEnum):
    """What a row may do to the attributes of somebody who is known already."""

    KEEP = "keep"
    OVERWRITE = "overwrite"
    FILL = "fill"


class Admission(StrEnum):
    """What a row did. `banned`: it said that its address must not be mailed, and was heard.

    `duplicate`: its address stood in an earlier row of the same file; whatever it changed counts once, with that one.
    """

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    BANNED = "banned"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    FORGOTTEN = "forgotten"


class ParsedAddress(Protocol):
    """An address as the audience layer parsed it."""

    @property
    def email(self) -> str:
        """As it was written."""

    @property
    def key(self) -> str:
        """What makes it one address."""

    @property
    def ascii_email(self) -> str | None:
        """As any mail server takes it; None when only SMTPUTF8 can carry it."""


class Ban(NamedTuple):
    """A row's own word that its address must not be mailed, on any list."""

    reason: SuppressionReason
    note: str = ""


NOTHING: Attributes = {}


class NewSubscriber(NamedTuple):
    """A row to import: who, with what, and which subscription the importer vouches for. A tuple: a million are made."""

    address: ParsedAddress
    attributes: Attributes = NOTHING
    state: SubscriptionState = SubscriptionState.CONFIRMED
    ban: Ban | None = None


@dataclass(slots=True)
class Person:
    """The working record of one address: what the store knows, changed by row after row. `number`: None for nobody."""

    number: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    state: SubscriptionState | None = None
    first_state: SubscriptionState | None = None
    touched: bool = False
    changes: list[SubscriptionState] = field(default_factory=list)


def next_state(old: SubscriptionState | None, wanted: SubscriptionState) -> SubscriptionState:
    """The state after a row that asks for `wanted`: consent grows only from pending, and a no is always heard."""
    if old is None or wanted is SubscriptionState.UNSUBSCRIBED:
        return wanted
    if old is SubscriptionState.PENDING:
        return wanted
    return old


def is_empty(value: Any) -> bool:
    """A value that says nothing."""
    return value is None or value == "" or (isinstance(value, list | dict) and not value)


def said(attributes: Attributes) -> Attributes:
    """The attributes of a row that say something."""
    # Looked at as a whole first: of a million rows nearly none has an empty value.
    if all(attributes.values()):
        return attributes
    return {name: value for name, value in attributes.items() if not is_empty(value)}


def merge(old: Attributes, new: Attributes, update: Update = Update.OVERWRITE) -> Attributes:
    """Attributes of somebody known after a row. Empty values say nothing; tags of both sides come together."""
    if update is Update.KEEP:
        return old
    values = dict(said(new))
    if isinstance(tags := values.get(TAGS), list) and isinstance(known := old.get(TAGS), list):
        values[TAGS] = list(with_tags(known, tags))
    if update is Update.FILL:
        values = {name: value for name, value in values.items() if name == TAGS or is_empty(old.get(name))}
    return {**old, **values}


def admit(
    old: SubscriptionState | None, wanted: SubscriptionState, kept_out: Admission | None = None
) -> Admission | None:
    """Why a row is kept out; None when it is let in. `kept_out`: suppressed or forgotten, as the suppressions say."""
    # A no to a suppressed person's subscription is written down: it must outlive the suppression.
    if wanted is SubscriptionState.UNSUBSCRIBED and old is not None and old is not wanted:
        return None
    if kept_out is not None:
        return kept_out
    if old is SubscriptionState.UNSUBSCRIBED:
        return Admission.UNSUBSCRIBED
    return None


def apply(person: Person, row: NewSubscriber, kept_out: Admission | None, update: Update) -> Admission:
    """Let a row change what is known of a person, as far as it may; what it did."""
    refused = admit(person.state, row.state, kept_out)
    if refused is not None:
        return refused
    result = Admission.UNCHANGED if person.state else Admission.NEW
    merged = merge(person.attributes, row.attributes, update)
    if merged != person.attributes:
        person.attributes, person.touched = merged, True
        result = Admission.NEW if result is Admission.NEW else Admission.UPDATED
    state = next_state(person.state, row.state)
    if state is not person.state:
        result = Admission.NEW if person.state is None else Admission.UPDATED
        person.state = state
        person.changes.append(state)
    return result
