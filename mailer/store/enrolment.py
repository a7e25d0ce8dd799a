"""What the two databases are given when many people come at once, and what they give back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Arrival(NamedTuple):
    """A person as a row of the database. `attributes` is JSON; `plain`: the address is written as its key."""

    key: str
    attributes: str
    email: str
    ascii_email: str | None
    plain: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Onto which list people come, when, and what the consent log says of it; values as the database has them."""

    list_id: int
    at: int
    source: str
    how: str
    import_id: int | None
    consent_id: int | None
    evidence: str | None


class Known(NamedTuple):
    """What the database knows of an address. `attributes` is JSON, or what the driver makes of it."""

    key: str
    number: int
    attributes: Any
    state: str | None
