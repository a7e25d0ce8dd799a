"""What is known of people, by attribute: how many have it, of which type, and whether it is indexed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailer.audience.segment.fields import is_nameable
from mailer.errors import NotFoundError, UsageError
from mailer.services.program import Program
from mailer.store import attributes as stored
from mailer.store import lists as stored_lists
from mailer.wording import quoted, unknown

# The databases' words for what JSON holds, in ours.
TYPES = {
    "text": "text",
    "string": "text",
    "integer": "number",
    "real": "number",
    "number": "number",
    "true": "yes/no",
    "false": "yes/no",
    "boolean": "yes/no",
    "array": "list",
    "object": "object",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute without anybody's value of it. `types`: how many people have one of each type."""

    name: str
    people: int
    types: Mapping[str, int]
    indexed: bool


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of an index."""

    attribute: str
    changed: bool
    indexed: bool


def attribute_list(program: Program, list_name: str | None) -> list[Attribute]:
    """The attributes that people have, or those of one list: the most frequent first."""
    with program.store.read() as connection:
        number = None if list_name is None else (stored_lists.number(connection, list_name) or 0)
        kinds = stored.kinds(connection, number)
        indexed = stored.indexed(connection, kinds)
    found = [Attribute(name, sum(types.values()), named(types), name in indexed) for name, types in kinds.items()]
    return sorted(found, key=lambda each: (-each.people, each.name))


def named(types: Mapping[str, int]) -> dict[str, int]:
    """The counts under our words, the most frequent first."""
    counts: dict[str, int] = {}
    for kind, number in types.items():
        counts[TYPES[kind]] = counts.get(TYPES[kind], 0) + number
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def index(program: Program, attribute: str) -> Indexed:
    """Index an attribute that somebody has."""
    if not is_nameable(attribute):
        raise UsageError(f"an attribute called {quoted(attribute)} cannot be indexed")
    with program.store.write() as connection:
        if stored.unknown(connection, [attribute]):
            what = unknown("attribute", attribute, stored.names(connection))
            raise NotFoundError(what, hint="mailer attributes list shows what there is.")
        return Indexed(attribute, stored.index(connection, attribute), indexed=True)


def unindex(program: Program, attribute: str) -> Indexed:
    """Drop the index over an attribute."""
    with program.store.write() as connection:
        return Indexed(attribute, stored.unindex(connection, attribute), indexed=False)
