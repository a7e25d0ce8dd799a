"""What the two databases are given when many people come at once, and what they give back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mailer.model import SubscriptionState

# Written as its key, which nearly every address is: key, attributes as JSON.
Plain = tuple[str, str]


class Odd(NamedTuple):
    """An address that is written otherwise than its key."""

    key: str
    attributes: str
    email: str
    ascii_email: str | None


@dataclass(slots=True)
class Arrivals:
    """People who come in one state."""

    state: SubscriptionState
    plain: list[Plain] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.plain) + len(self.odd)

    def addresses(self) -> Iterator[str]:
        """Their keys."""
        yield from (one[0] for one in self.plain)
        yield from (one.key for one in self.odd)

    def every(self) -> Iterator[Odd]:
        """All of them in one form."""
        for key, text in self.plain:
            yield Odd(key, text, key, key)
        yield from self.odd

    def without(self, keys: Any) -> Arrivals:
        """Those whose addresses are not among these."""
        plain = [one for one in self.plain if one[0] not in keys]
        return Arrivals(self.state, plain, [one for one in self.odd if one.key not in keys])


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
    """What the database knows of an address. `attributes` is JSON."""

    key: str
    number: int
    attributes: str
    state: str | None
