"""Looking at people: everything about one, the people of a list, and the tags they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailer.audience.address import Address
from mailer.audience.edits import TAGS, tags_of
from mailer.errors import NotFoundError
from mailer.model import MailingList, SubscriptionState, SuppressionReason
from mailer.services.program import Program
from mailer.services.segments import parse_for
from mailer.store import lists as stored_lists
from mailer.store import people as stored
from mailer.store import subscribers, suppressions
from mailer.store.database import Store
from mailer.store.people import Membership, Received, Which
from mailer.store.segments import Scope, condition

SHOWN_ISSUES = 5
# Numbers of lists begin with 1.
NO_LIST = 0


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An entry that keeps a person from being mailed: by their address or its domain, on one list or on every one."""

    by: str
    list_name: str | None
    reason: SuppressionReason
    since: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Person:
    """Everything about one person that is of use to who answers them. `paused_until`: it may be over."""

    id: str
    email: str
    known_since: datetime | None
    attributes: Mapping[str, Any]
    tags: tuple[str, ...]
    lists: tuple[Membership, ...]
    suppressed: tuple[Suppressed, ...]
    issues: tuple[Received, ...]
    needs_smtputf8: bool
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person and their state on the list that was asked for."""

    id: str
    email: str
    state: SubscriptionState
    attributes: Mapping[str, Any]
    created_at: datetime | None
    tags: tuple[str, ...] = ()
    joined: datetime | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which people of a list: in one state, in a segment (its name or an expression), with all of these tags."""

    definition: MailingList
    state: SubscriptionState | None = None
    segment: str | None = None
    tags: tuple[str, ...] = ()


def person(store: Store, address: Address) -> Person:
    """The person with this address; NotFoundError, which does not repeat it, when nobody has it."""
    with store.read() as connection:
        found = subscribers.get(connection, address.key)
        if found is None:
            raise nobody()
        entries = suppressions.entries(connection, suppressions.values_of(address.key))
        names = stored_lists.names(connection, [entry.list_id for entry in entries])
        return Person(
            found.id, found.email, found.created_at,
            {name: value for name, value in found.attributes.items() if name != TAGS},
            tags_of(found.attributes),
            tuple(stored.memberships(connection, address.key)),
            tuple(
                Suppressed("domain" if entry.value.startswith("@") else "address", names.get(entry.list_id),
                           entry.reason, entry.created_at, entry.note)
                for entry in entries
            ),
            tuple(stored.received(connection, address.key, SHOWN_ISSUES)),
            found.ascii_email is None,
            found.paused_until,
        )  # fmt: skip


def nobody() -> NotFoundError:
    """For every command that is given an address which nobody has."""
    return NotFoundError("nobody here has that address", hint="Check its spelling.")


def which(program: Program, asked: Asked) -> Which:
    """Those people as the store finds them; nobody where nobody ever was on the list."""
    name = asked.definition.name
    texts = [*([asked.segment] if asked.segment else []), *(f"{tag!r} in tags" for tag in asked.tags)]
    segments = [parse_for(program, text, [name]) for text in texts]
    with program.store.read() as connection:
        number = stored_lists.number(connection, name) or NO_LIST
    scope = Scope(number, program.now())
    return Which(number, asked.state, tuple(condition(segment, scope) for segment in segments))


def number_of(store: Store, people: Which) -> int:
    """How many those are."""
    with store.read() as connection:
        return stored.number_of(connection, people)


def members(store: Store, people: Which, limit: int | None = None, *, by_email: bool = False) -> Iterator[Member]:
    """The people of a list, one after the other, so that a million of them need no memory."""
    with store.read() as connection:
        for number, (subscriber, state, joined) in enumerate(stored.members(connection, people, by_email)):
            if limit is not None and number >= limit:
                return
            attributes = {name: value for name, value in subscriber.attributes.items() if name != TAGS}
            yield Member(
                subscriber.id, subscriber.email, state, attributes, subscriber.created_at,
                tags_of(subscriber.attributes), joined, subscriber.paused_until,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag and how many people have it."""

    tag: str
    people: int


def tag_counts(store: Store, list_name: str | None) -> Sequence[TagCount]:
    """The tags of a list's people, or of everybody: the most frequent first, spellings that differ in case as one."""
    with store.read() as connection:
        number = (stored_lists.number(connection, list_name) or NO_LIST) if list_name is not None else None
        counts = stored.tag_counts(connection, number)
    spellings: dict[str, Counter[str]] = {}
    for tag, people in counts.items():
        spellings.setdefault(tag.casefold(), Counter())[tag] += people
    # The most frequent spelling stands for all.
    best = (max((number, tag) for tag, number in each.items())[1] for each in spellings.values())
    found = [TagCount(tag, spellings[tag.casefold()].total()) for tag in best]
    return sorted(found, key=lambda each: (-each.people, each.tag.casefold()))
