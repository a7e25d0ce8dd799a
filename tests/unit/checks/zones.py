"""A domain's records without a name server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mailer.checks.domain.records import NO_SUCH_NAME, UNKNOWN, Answer
from mailer.checks.domain.verdict import State, Verdict


@dataclass
class Zone:
    """Answers from a mapping "NAME TYPE" -> records; `lost` are names that nobody answers for."""

    records: Mapping[str, tuple[str, ...]]
    lost: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str, kind: str) -> Answer:
        self.asked.append(f"{name} {kind}")
        if name in self.lost:
            return UNKNOWN
        found = self.records.get(f"{name} {kind}", ())
        there = found or any(key.split()[0] == name or key.split()[0].endswith(f".{name}") for key in self.records)
        return Answer(found) if there else NO_SUCH_NAME


def zone(records: Mapping[str, str | tuple[str, ...]], *lost: str) -> Zone:
    return Zone({key: (value,) if isinstance(value, str) else value for key, value in records.items()}, frozenset(lost))


def told(verdicts: Iterable[Verdict], state: State) -> list[str]:
    """The words of those in that state."""
    return [verdict.words for verdict in verdicts if verdict.state is state]
