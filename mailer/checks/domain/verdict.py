"""What was looked at and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`unknown`: it could not be found out, which is neither good nor bad."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`area` is what it is about, `advice` what to do next, `record` a line for the domain's zone as it stands."""

    area: str
    state: State
    words: str
    advice: str = ""
    record: str = ""


def fine(area: str, words: str) -> Verdict:
    return Verdict(area, State.OK, words)


def unknown(area: str, words: str, advice: str = "") -> Verdict:
    return Verdict(area, State.UNKNOWN, words, advice)
