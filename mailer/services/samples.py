"""Some of the people whom an issue goes to, and people who do not exist: whose mails are looked at before it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from mailer.audience.segment.reading import parse
from mailer.model import Recipient
from mailer.services.prepare import Prepared
from mailer.services.program import Program
from mailer.store import ledger
from mailer.store import lists as stored_lists
from mailer.store import subscribers as stored_subscribers
from mailer.store.segments import Scope, condition

SAMPLES = 500
"""So many recipients are rendered for a plan: enough to meet the missing names, a fraction of a second."""

MADE_UP = {"name": "Alex Reader", "first_name": "Alex", "last_name": "Reader", "city": "Anytown"}


def narrowing_of(program: Program, prepared: Prepared) -> ledger.Narrowing | None:
    """The issue's segment as it is asked now; None for everybody on its lists."""
    text = prepared.issue.segment
    return ledger.Narrowing(parse(text), program.now()) if text else None


def sample_recipients(
    connection: Connection, prepared: Prepared, narrowing: ledger.Narrowing | None
) -> list[Recipient]:
    """Confirmed people of the issue's lists, in its segment, who are not suppressed."""
    found: dict[str, Recipient] = {}
    for definition in prepared.lists:
        number = stored_lists.number(connection, definition.name)
        within = [condition(narrowing.segment, Scope(number, narrowing.now))] if narrowing else []
        for person in stored_subscribers.mailable(connection, definition.name, SAMPLES, *within):
            if person.id not in found:
                email = person.ascii_email or person.email
                found[person.id] = Recipient(0, person.id, email, definition.name, person.attributes)
            if len(found) >= SAMPLES:
                return list(found.values())
    return list(found.values())


def neutral_recipient(prepared: Prepared) -> Recipient:
    """Somebody who is nobody, for a list without people."""
    return Recipient(0, "nobody", "reader@example.org", prepared.lists[0].name, {})


def made_up_of(prepared: Prepared, people: Sequence[Recipient]) -> Recipient:
    """Somebody who does not exist, with the fields that these people have and none of their values: what is made for
    this reader is shown, kept, and asked of sites that it links to."""
    fields = {key: value for person in people for key, value in person.attributes.items()}
    invented = {key: invent(key, value) for key, value in fields.items()}
    return neutral_recipient(prepared)._replace(attributes=invented or MADE_UP)


def invent(key: str, value: Any) -> Any:
    """A value of the same type that is nobody's. Yes and no are anybody's."""
    match value:
        case None | bool():
            return value
        case str():
            return MADE_UP.get(key, f"({key})")
        case list() | tuple():
            return [invent(key, each) for each in value[:1]]
        case dict():
            return {name: invent(name, each) for name, each in value.items()}
        case float():
            return 1.5
        case _:
            return 1
