"""Everything that is held about one person, table by table: for who asks what an organisation knows of them.

Whatever table refers to a person is read, so that one which comes later is not overlooked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.audience.suppressing import values_of
from mailer.store.tables import (
    consent_texts,
    deliveries,
    events,
    exclusions,
    imports,
    issues,
    lists,
    metadata,
    subscribers,
    suppression_events,
    suppressions,
)

# Numbers that mean nothing outside the database.
INSIDE = frozenset({"id", "subscriber_id", "batch_id"})
# What a number of another table stands for.
MEANINGS: Mapping[str, tuple[sa.Table, Mapping[str, sa.Column[Any]]]] = {
    "list_id": (lists, {"list": lists.c.name}),
    "issue_id": (issues, {"issue": issues.c.name, "subject": issues.c.subject}),
    "import_id": (
        imports,
        {"import": imports.c.name, "import_words": imports.c.words, "imported_at": imports.c.started_at},
    ),
    "consent_id": (consent_texts, {"consent_version": consent_texts.c.version, "consent_text": consent_texts.c.text}),
}

Record = dict[str, Any]


def of_person(table: sa.Table, number: int | None) -> sa.ColumnElement[bool]:
    """The rows of a table that are about one person.

    Deliveries and exclusions have an index by issue and person: asked issue by issue it is used, where reading all
    the rows of a hundred million would be the other way. Events are found by their deliveries, without which there
    are none.
    """
    mine: sa.ColumnElement[bool] = table.c.subscriber_id == number
    if table is events:
        theirs = sa.select(deliveries.c.id).where(of_person(deliveries, number))
        return sa.and_(events.c.delivery_id.in_(theirs), mine)
    if table in (deliveries, exclusions):
        return sa.and_(table.c.issue_id.in_(sa.select(issues.c.id)), mine)
    return mine


def held(connection: Connection, email_key: str, hashed: Sequence[str]) -> dict[str, Any]:
    """The records by their tables; `hashed` are the values under which the address may have been forgotten.

    `subscribers` is one record or None; what names the person's whole domain is among the suppressions.
    """
    row = connection.execute(sa.select(subscribers).where(subscribers.c.email_key == email_key)).first()
    number = row.id if row else None
    found: dict[str, Any] = {"subscribers": _bare(row._asdict()) if row else None}
    for table in metadata.sorted_tables:
        if "subscriber_id" in table.c:
            found[table.name] = _records(connection, table, of_person(table, number))
    values = (*values_of(email_key), *hashed)
    for table in (suppressions, suppression_events):
        found[table.name] = _records(connection, table, table.c.value.in_(values))
    return found


def _records(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> list[Record]:
    known = [name for name in MEANINGS if name in table.c]
    columns: list[sa.ColumnElement[Any]] = [column for column in table.c if column.name not in {*INSIDE, *known}]
    source: sa.FromClause = table
    for name in known:
        meaning, named = MEANINGS[name]
        source = source.outerjoin(meaning, meaning.c.id == table.c[name])
        columns += [column.label(label) for label, column in named.items()]
    query = sa.select(*columns).select_from(source).where(where).order_by(*table.primary_key.columns)
    return [row._asdict() for row in connection.execute(query)]


def _bare(record: Mapping[str, Any]) -> Record:
    return {name: value for name, value in record.items() if name not in INSIDE}
