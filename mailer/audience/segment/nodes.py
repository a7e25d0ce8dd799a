"""What a segment is made of once it is read. `docs/segments.md` says what each part means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a name stands for. `ATTRIBUTE`: one of the person's attributes, of any type."""

    ATTRIBUTE = "attribute"
    EMAIL = "email"
    DOMAIN = "domain"
    JOINED = "joined"
    TAGS = "tags"
    LISTS = "lists"


@dataclass(frozen=True, slots=True)
class Field:
    """A thing known of a person. `name` is the attribute's, or that of the kind."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """In ten-thousandths, so that every database compares whole numbers."""

    value: int


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool


@dataclass(frozen=True, slots=True)
class Day:
    value: date


@dataclass(frozen=True, slots=True)
class Moment:
    value: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A time relative to now: `-90d` lies in the past."""

    value: timedelta


Literal = Text | Number | Truth | Day | Moment | Span


class Op(StrEnum):
    """There is no `!=`: it is the negation of `==`."""

    EQ = "=="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class How(StrEnum):
    """`HOLDS`: an element of a list, or, where the value is a text, a part of it."""

    HOLDS = "in"
    STARTS = "startswith"
    ENDS = "endswith"
    CONTAINS = "contains"


class Act(StrEnum):
    RECEIVED = "received"
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part stands in the segment's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Not:
    part: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Compare:
    field: Field
    op: Op
    value: Literal
    place: Place


@dataclass(frozen=True, slots=True)
class Among:
    """`city in ("Oslo", "Bergen")`."""

    field: Field
    values: tuple[Literal, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Match:
    """`"volunteer" in tags`, `city.startswith("Os")`."""

    field: Field
    how: How
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Has:
    """`has(phone)`: there is a value, and it is not empty."""

    field: Field
    place: Place


@dataclass(frozen=True, slots=True)
class Did:
    """`opened("ISSUE")` or `opened_within(90d)`: one of `issue` and `within` is given."""

    act: Act
    issue: str | None
    within: timedelta | None
    place: Place


Leaf = Compare | Among | Match | Has | Did
Node = And | Or | Not | Leaf


@dataclass(frozen=True, slots=True)
class Segment:
    """An expression that was read: its text, and what it says."""

    text: str
    root: Node

    @property
    def attributes(self) -> dict[str, Place]:
        """The attributes it asks for, each with its first place."""
        found: dict[str, Place] = {}
        for leaf in leaves(self.root):
            if not isinstance(leaf, Did) and leaf.field.kind is Kind.ATTRIBUTE:
                found.setdefault(leaf.field.name, leaf.place)
        return found

    @property
    def issues(self) -> dict[str, Place]:
        """The issues it names, each with its first place."""
        return {leaf.issue: leaf.place for leaf in reversed(list(leaves(self.root)))
                if isinstance(leaf, Did) and leaf.issue is not None}  # fmt: skip

    @property
    def lists(self) -> dict[str, Place]:
        """The lists it names, each with its first place."""
        return {leaf.text: leaf.place for leaf in reversed(list(leaves(self.root)))
                if isinstance(leaf, Match) and leaf.field.kind is Kind.LISTS}  # fmt: skip

    @property
    def needs_tracking(self) -> bool:
        """Whether it asks who opened or clicked."""
        return any(isinstance(leaf, Did) and leaf.act is not Act.RECEIVED for leaf in leaves(self.root))


def leaves(node: Node) -> Iterator[Leaf]:
    """The parts that ask something of a person, from left to right."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield node
