"""The table of features: what each mail program makes of them. `docs/make_clients.py` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import orjson

YES, NO, PARTLY = "y", "n", "a"


@dataclass(frozen=True, slots=True)
class Feature:
    """`answers` has YES, NO, PARTLY or something unknown for each client that was tried; `notes` what is said of some
    of them."""

    slug: str
    title: str
    tested: str
    answers: Mapping[str, str]
    notes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """`clients` are named FAMILY.PLATFORM; `families` and `platforms` have the names that people know."""

    version: str
    date: str
    families: Mapping[str, str]
    platforms: Mapping[str, str]
    clients: tuple[str, ...]
    features: Mapping[str, Feature]


@cache
def table() -> Table:
    raw = orjson.loads(files(__package__).joinpath("table.json").read_bytes())
    clients = tuple(raw["clients"])
    features = {row[0]: feature(row, clients) for row in raw["features"]}
    return Table(raw["version"], raw["date"], raw["families"], raw["platforms"], clients, features)


def feature(row: list[str | dict[str, str]], clients: tuple[str, ...]) -> Feature:
    slug, title, tested, letters, noted, notes = row
    assert isinstance(noted, dict) and isinstance(notes, dict)
    said = {clients[int(at)]: " ".join(notes[number] for number in text.split()) for at, text in noted.items()}
    return Feature(str(slug), str(title), str(tested), dict(zip(clients, letters, strict=True)), said)
