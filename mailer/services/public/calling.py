"""What programs of the organisation ask for by the API: a person on a list, off it, and what is known of them.

A program with a token speaks for the organisation, so that it may say of a person that they agreed, and how. Where it
does not say so the person speaks for themselves, through it, and goes the way of everybody who fills in a form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from mailer.audience.address import Address
from mailer.audience.edits import TAGS, Edit, edit_of
from mailer.errors import UsageError
from mailer.model import How, JobKind, MailingList, SubscriptionState
from mailer.services.people import nobody
from mailer.services.program import Program
from mailer.services.public.signup import LONGEST_VALUE, Form, consent_version, said_in
from mailer.services.subscribers import Added, Entry, add_in
from mailer.services.tokens import Holder
from mailer.store import jobs, people, subscribers, subscriptions
from mailer.store.subscriptions import Change, Origin

LANGUAGE = "language"


@dataclass(frozen=True, slots=True)
class Joining:
    """Somebody for a list. `consent`: how and when they agreed, in words that are kept.

    `agreed_to_text`: to the list's own text, word for word.
    """

    address: Address
    definition: MailingList
    consent: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    agreed_to_text: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who wants to be on a list and speaks through a program. `agreed_to_text`: they were shown its text."""

    address: Address
    definition: MailingList
    attributes: Mapping[str, Any] = field(default_factory=dict)
    agreed_to_text: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody off a list, or off every one."""

    address: Address
    list_name: str | None = None
    reason: str = ""


def attributes_of(values: Mapping[str, Any], tags: tuple[str, ...]) -> dict[str, Any]:
    """Attributes with tags as they are kept. UsageError says what is wrong."""
    edit = edit_named(values, tag=tags)
    return {**edit.values, **({TAGS: list(edit.tag)} if edit.tag else {})}


def edit_named(
    values: Mapping[str, Any], unset: tuple[str, ...] = (), tag: tuple[str, ...] = (), untag: tuple[str, ...] = ()
) -> Edit:
    """What is to be changed. UsageError says what is wrong."""
    try:
        return edit_of(values, unset, tag, untag)
    except ValueError as error:
        raise UsageError(str(error)) from None


def join(program: Program, connection: Connection, who: Holder, joining: Joining) -> Added:
    """Put a person on a list who agreed before. Who said no, is suppressed or was forgotten is kept out."""
    definition = joining.definition
    if joining.agreed_to_text and not definition.consent:
        raise UsageError(f"{definition.name} has no consent text that anybody could have agreed to")
    origin = Origin(How.API, joining.consent, evidence=_evidence(who))
    entry = Entry(definition, SubscriptionState.CONFIRMED, origin, joining.agreed_to_text)
    return add_in(connection, entry, joining.address, joining.attributes, program.now())


def ask(program: Program, connection: Connection, who: Holder, asking: Asking) -> None:
    """Leave it to be carried out as if they had filled in the list's form. Nobody is looked up.

    UsageError for what the form would not have asked: what anybody may say of anybody is as little as possible.
    """
    definition = asking.definition
    if not definition.public:
        raise UsageError(f"{definition.name} takes nobody by forms: it is not public. Say how and when they agreed")
    allowed = (*definition.fields, LANGUAGE)
    for name, value in asking.attributes.items():
        if name not in allowed:
            fields = ", ".join(allowed)
            raise UsageError(f"{name}: without consent only what the list's form asks for is taken: {fields}")
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise UsageError(f"{name}: without consent, a text of at most {LONGEST_VALUE} characters")
    values = {name: str(value) for name, value in asking.attributes.items()}
    agreed = consent_version(definition) if asking.agreed_to_text else ""
    form = Form(values=values, language=values.get(LANGUAGE, ""), agreed=agreed)
    said = {**said_in(definition, form, asking.address), "token": who.name}
    jobs.add(connection, JobKind.SIGNUP, {"list": definition.name}, program.now(), body=[json.dumps(said).encode()])


def leave(program: Program, connection: Connection, who: Holder, leaving: Leaving) -> dict[str, SubscriptionState]:
    """Take a person off a list, or off every one; what they were on those they left now. Nobody is no mistake."""
    origin = Origin(How.API, leaving.reason, evidence=_evidence(who))
    person = subscribers.get(connection, leaving.address.key)
    if person is None:
        return {}
    left = {}
    for name, before in subscriptions.of(connection, leaving.address.key).items():
        wanted = Change(name, person.id, SubscriptionState.UNSUBSCRIBED, origin)
        if leaving.list_name in (None, name) and subscriptions.change(connection, wanted, program.now()):
            left[name] = before
    return left


def change(program: Program, connection: Connection, address: Address, edit: Edit) -> bool:
    """Change what is known of a person; whether that was anything. NotFoundError when nobody has the address."""
    touched = people.change_keys(connection, [address.key], edit.applied, program.now())
    if not touched.people:
        raise nobody()
    return touched.changed > 0


def _evidence(who: Holder) -> dict[str, str]:
    return {"token": who.name}
