"""What is left of a part when the issue is compiled: constant runs and small expressions, as data.

A `Flat` is the frozen form of a part. It is plain JSON (`to_json`, `from_json`), so that the store can keep exactly
what was approved, and whoever continues an interrupted send works from the same text, whatever has happened to the
templates since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FORMAT = 1
"""The version of the JSON form. A reader refuses what it does not know."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands in the author's files."""

    template: str
    line: int


@dataclass(frozen=True, slots=True)
class Print:
    """`{{ expression }}`."""

    expression: str
    place: Place


@dataclass(frozen=True, slots=True)
class Choice:
    """`{% if %}`: the first branch whose test holds, else `otherwise`."""

    branches: tuple[tuple[str, tuple[Segment, ...]], ...]
    otherwise: tuple[Segment, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Repeat:
    """`{% for target in iterable if test %}`."""

    target: str
    iterable: str
    test: str | None
    body: tuple[Segment, ...]
    otherwise: tuple[Segment, ...]
    place: Place


Segment = str | Print | Choice | Repeat


@dataclass(frozen=True, slots=True)
class Flat:
    """One compiled part. `values` are the encoded values (render.values) that expressions name as `_g0`, `_g1`, ..."""

    segments: tuple[Segment, ...]
    values: Mapping[str, Any]
    autoescape: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "autoescape": self.autoescape,
            "values": dict(self.values),
            "segments": [segment_to_json(segment) for segment in self.segments],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Flat:
        if data.get("format") != FORMAT:
            raise ValueError(f"a compiled part of format {data.get('format')!r} is not known here")
        return cls(segments_from_json(data["segments"]), dict(data["values"]), bool(data["autoescape"]))


def sources(segments: Sequence[Segment]) -> Iterator[str]:
    """Every expression, in order, inner ones too."""
    return (expression for expression, _ in placed_sources(segments))


def placed_sources(segments: Sequence[Segment]) -> Iterator[tuple[str, Place]]:
    """The same, each with where it stands; a later branch of a condition is where that begins."""
    for segment in segments:
        match segment:
            case Print(expression, place):
                yield expression, place
            case Choice(branches, otherwise, place):
                for test, body in branches:
                    yield test, place
                    yield from placed_sources(body)
                yield from placed_sources(otherwise)
            case Repeat(iterable=iterable, test=test, body=body, otherwise=otherwise, place=place):
                yield iterable, place
                yield test or "", place
                yield from placed_sources(body)
                yield from placed_sources(otherwise)


def segment_to_json(segment: Segment) -> Any:
    match segment:
        case str():
            return segment
        case Print(expression, place):
            return {"print": expression, "at": [place.template, place.line]}
        case Choice(branches, otherwise, place):
            return {
                "if": [[test, [segment_to_json(inner) for inner in body]] for test, body in branches],
                "else": [segment_to_json(inner) for inner in otherwise],
                "at": [place.template, place.line],
            }
        case Repeat(target, iterable, test, body, otherwise, place):
            return {
                "for": [target, iterable, test],
                "do": [segment_to_json(inner) for inner in body],
                "else": [segment_to_json(inner) for inner in otherwise],
                "at": [place.template, place.line],
            }


def segments_from_json(data: Sequence[Any]) -> tuple[Segment, ...]:
    return tuple(segment_from_json(item) for item in data)


def segment_from_json(data: Any) -> Segment:
    if isinstance(data, str):
        return data
    place = Place(*data["at"])
    if "print" in data:
        return Print(data["print"], place)
    otherwise = segments_from_json(data["else"])
    if "if" in data:
        branches = tuple((test, segments_from_json(body)) for test, body in data["if"])
        return Choice(branches, otherwise, place)
    target, iterable, test = data["for"]
    return Repeat(target, iterable, test, segments_from_json(data["do"]), otherwise, place)
