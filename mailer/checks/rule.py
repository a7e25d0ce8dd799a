"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level


class Family(StrEnum):
    """What a rule is about."""

    BULK = "law and bulk senders"
    CONTENT = "content"
    LINKS = "links and images"
    CLIENTS = "mail programs"
    ACCESSIBILITY = "accessibility"
    TEXT = "text part"
    AUDIENCE = "audience"


@dataclass(frozen=True, slots=True)
class Rule:
    """`why` and `advice` are a sentence each. `look` returns every breach in the facts, nothing where the facts it
    needs are not there. `firm`: it can be neither switched off, nor lowered, nor accepted."""

    id: str
    family: Family
    level: Level
    why: str
    advice: str
    look: Callable[[Facts], Iterable[Fault]]
    firm: bool = False
