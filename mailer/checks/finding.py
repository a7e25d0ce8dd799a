"""What a check says, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`error` stops a send; `warning` is for a person to weigh; `note` is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Part(StrEnum):
    """What a fault is in."""

    ISSUE = "issue"
    SUBJECT = "subject"
    PREHEADER = "preheader"
    HTML = "html"
    TEXT = "text"
    HEADERS = "headers"
    AUDIENCE = "audience"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is. `line` counts from 1 within the part, 0 for none in particular; `excerpt` is what stands
    there; `element` is the number of an HTML element in the order of the document, -1 for none."""

    part: Part
    line: int = 0
    excerpt: str = ""
    element: int = -1


@dataclass(frozen=True, slots=True)
class Source:
    """A line of a file that its author can change, relative to the workspace."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One breach of a rule. `message` has fixed words and numbers only: what stands in a mail goes into the place's
    excerpt, so that nothing of a real person's mail is repeated unless the author wrote it.

    `advice` and `level` replace those of the rule where they fit better. `source`: where it is written, if the rule
    knows.
    """

    message: str
    place: Place | None = None
    advice: str = ""
    level: Level | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found. `rule` is stable; `advice` is what to do.

    `accepted`: the reason why a person let it pass; such a finding stops nothing.
    """

    rule: str
    level: Level
    message: str
    advice: str
    place: Place | None = None
    source: Source | None = None
    accepted: str = ""

    @property
    def stops(self) -> bool:
        """Whether nothing may be sent because of it."""
        return self.level is Level.ERROR and not self.accepted

    @property
    def words(self) -> str:
        """The message with what stands at the place."""
        return f"{self.message}: {self.place.excerpt}" if self.place and self.place.excerpt else self.message
