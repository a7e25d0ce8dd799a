"""What people decide about themselves, by the link in their own mails: lists, language, a pause, being counted.

The link proves that mails to the address reach whoever holds it, so that a list is joined without a second mail. A
mail that was forwarded carries its link along: what shows or erases everything asks for the address besides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from mailer.audience.address import parse_address
from mailer.audience.edits import Edit
from mailer.errors import LinkError
from mailer.model import How, MailingList, SubscriptionState
from mailer.render.links import LinkTarget, Purpose
from mailer.services.program import Program
from mailer.services.signers import signer
from mailer.services.subscribers import Entry, add_in
from mailer.store import consents, people, subscriptions, suppressions
from mailer.store import lists as stored_lists
from mailer.store import preferences as stored
from mailer.store.preferences import Holder
from mailer.store.subscriptions import Origin

LANGUAGE = "language"
MOST_WEEKS = 52
CONFIRMED, PENDING, LEFT = SubscriptionState.CONFIRMED, SubscriptionState.PENDING, SubscriptionState.UNSUBSCRIBED


@dataclass(frozen=True, slots=True)
class Choice:
    """A list that a person may be on. `waiting`: asked to confirm; `blocked`: none of its mails may go there."""

    name: str
    title: str
    description: str
    consent: str
    on: bool
    waiting: bool
    blocked: bool


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person decided so far. `address` is shortened: whoever got the mail forwarded sees the page too.

    `stopped`: no mail may go to them at all. `counting`: the organisation counts openings and clicks.
    """

    address: str
    lists: tuple[Choice, ...]
    language: str
    paused_until: datetime | None
    counted: bool
    counting: bool
    stopped: bool


def preferences(program: Program, token: str) -> Preferences:
    """LinkError for what is no link of ours, and for somebody who was forgotten, in the same words."""
    target = read_link(program, token)
    now = program.now()
    with program.store.read() as connection:
        who = found(stored.holder(connection, target.subscriber_id))
        entries = suppressions.entries(connection, suppressions.values_of(who.email_key))
        banned = {entry.list_id for entry in entries}
        states = {each.list_name: each.state for each in people.memberships(connection, who.email_key)}
        lists = tuple(_choices(connection, program.lists, states, banned))
    language = who.attributes.get(LANGUAGE)
    return Preferences(
        address=shortened(who.email),
        lists=lists,
        language=language if isinstance(language, str) else "",
        paused_until=who.paused_until if who.paused_until is not None and who.paused_until > now else None,
        counted=not who.untracked,
        counting=program.settings.privacy.tracking,
        stopped=suppressions.EVERY_LIST in banned,
    )


def _choices(
    connection: Connection,
    defined: Mapping[str, MailingList],
    states: Mapping[str, SubscriptionState],
    banned: Collection[int],
) -> Iterable[Choice]:
    """The lists for everybody, and those they are on. Another one that they left is not theirs to join again."""
    for name in sorted({*defined, *states}):
        state = states.get(name)
        definition = defined.get(name) or MailingList(name, name)
        if definition.public or state in (CONFIRMED, PENDING):
            number = stored_lists.number(connection, name)
            yield Choice(
                name, definition.title, definition.description, definition.consent,
                state is CONFIRMED, state is PENDING, number in banned,
            )  # fmt: skip


def choose_lists(program: Program, token: str, shown: Collection[str], wanted: Collection[str]) -> None:
    """Join and leave what differs from what the page had `shown` as ticked: one that was open for a month takes back
    nothing that was decided since."""
    target = read_link(program, token)
    with program.store.write() as connection:
        who = found(stored.holder(connection, target.subscriber_id, locked=True))
        theirs = subscriptions.of(connection, who.email_key)
        for name in sorted(set(theirs) & set(shown) - set(wanted)):
            _leave(connection, who, name, _origin(target), program.now())
        for name in sorted(set(wanted) - set(shown)):
            if (definition := program.lists.get(name)) is not None:
                _join(connection, who, definition, _origin(target), program.now())


def leave_all(program: Program, token: str) -> None:
    """End every subscription, also those that wait to be confirmed."""
    target = read_link(program, token)
    with program.store.write() as connection:
        who = found(stored.holder(connection, target.subscriber_id, locked=True))
        for name in subscriptions.of(connection, who.email_key):
            _leave(connection, who, name, _origin(target), program.now())


def _leave(connection: Connection, who: Holder, name: str, origin: Origin, now: datetime) -> None:
    standing = subscriptions.standing(connection, name, who.id)
    if standing is None:
        return
    if standing.state is LEFT:
        # Somebody may have entered the address since they left: the mail that asks is good for nothing now.
        subscriptions.say_no_again(connection, standing, origin, now)
    else:
        subscriptions.move(connection, standing, LEFT, origin, now)


def _join(connection: Connection, who: Holder, definition: MailingList, origin: Origin, now: datetime) -> None:
    standing = subscriptions.standing(connection, definition.name, who.id)
    if standing is None:
        if definition.public:
            # Kept out where the address is suppressed.
            entry = Entry(definition, CONFIRMED, origin, agreed_to_text=bool(definition.consent))
            add_in(connection, entry, parse_address(who.email), {}, now)
    elif not standing.suppressed and (standing.state is PENDING or (standing.state is LEFT and definition.public)):
        agreed = consents.ensure(connection, definition.consent, now)
        words = Origin(origin.how, origin.words, consent_id=agreed, evidence=origin.evidence)
        subscriptions.move(connection, standing, CONFIRMED, words, now)


def _origin(target: LinkTarget) -> Origin:
    return Origin(How.PREFERENCES, "on their own page", evidence={"link_of_list": target.list_name})


def speak(program: Program, token: str, language: str) -> None:
    """In which language they are spoken to; empty for the one that their browser asks for."""
    target = read_link(program, token)
    edit = Edit({LANGUAGE: language}) if language else Edit(unset=frozenset({LANGUAGE}))
    with program.store.write() as connection:
        who = found(stored.holder(connection, target.subscriber_id, locked=True))
        if (changed := edit.applied(who.attributes)) is not None:
            stored.set_attributes(connection, who.number, changed, program.now())


def pause(program: Program, token: str, weeks: int) -> None:
    """Send them nothing for so many weeks from now; none ends a pause."""
    target = read_link(program, token)
    now = program.now()
    until = now + timedelta(weeks=min(weeks, MOST_WEEKS)) if weeks > 0 else None
    with program.store.write() as connection:
        who = found(stored.holder(connection, target.subscriber_id, locked=True))
        stored.pause(connection, who.number, until, now)


def count_me(program: Program, token: str, *, counted: bool) -> None:
    """Whether what they open and click is counted, where anything is."""
    target = read_link(program, token)
    with program.store.write() as connection:
        who = found(stored.holder(connection, target.subscriber_id, locked=True))
        stored.count_them(connection, who.number, counted, program.now())


def read_link(program: Program, token: str) -> LinkTarget:
    """Whom a link to the preferences names; LinkError for every other."""
    return signer(program).read(token, Purpose.PREFERENCES)


def found(who: Holder | None) -> Holder:
    if who is None:
        raise LinkError("this link is not valid", hint="Copy the whole link.")
    return who


def shortened(email: str) -> str:
    """Enough of an address for its owner to know it."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"
