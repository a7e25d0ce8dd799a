"""A list as CSV."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from mailer.model import SubscriptionState
from mailer.services.imports import STATE_COLUMN
from mailer.services.spreadsheet import csv_line, safe_address, safe_text
from mailer.store import subscribers as stored
from mailer.store.database import Store


def csv_lines(store: Store, list_name: str, state: SubscriptionState | None = None) -> Iterator[str]:
    """The header and one line for each person, in constant memory; both passes see one moment of the database."""
    with store.read() as connection:
        names = attribute_names(connection, list_name, state)
        yield csv_line(["email", STATE_COLUMN, *names])
        for person, current in stored.stream(connection, list_name, state):
            values = [person.attributes.get(name) for name in names]
            cells = ["" if value is None else safe_text(value) for value in values]
            yield csv_line([safe_address(person.email), current.value, *cells])


def attribute_names(connection: Connection, list_name: str, state: SubscriptionState | None) -> list[str]:
    """Every attribute that anybody has, in the order of first sight."""
    names: dict[str, None] = {}
    for person, _ in stored.stream(connection, list_name, state):
        names.update(dict.fromkeys(person.attributes))
    return list(names)
