"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`error` stops a send; `warning` is for a person to weigh."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found. `rule` is stable; `advice` is what to do."""

    rule: str
    level: Level
    message: str
    advice: str
