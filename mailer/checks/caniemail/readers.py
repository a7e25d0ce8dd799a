"""The readers behind the mail programs: how many of them a feature does not reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mailer.checks.caniemail.table import NO, PARTLY, table

# Hardly anybody reads mail in the browser of a telephone; who wants it counted names it.
RARE = "mobile-webmail"

PLACES = {"ios": "iOS", "android": "Android", "macos": "macOS", "windows": "Windows", "desktop-webmail": "the web"}
PROGRAMS = {"outlook.outlook-com": "Outlook.com", "outlook.windows-mail": "Windows Mail"}


@dataclass(frozen=True, slots=True)
class Reached:
    """How many per cent of the readers have a feature not, or only in part, and the mail programs at fault.

    `notes` are caniemail's on those that have it in part.
    """

    lacking: float
    lacking_in: tuple[str, ...]
    partly: float
    partly_in: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def whole(self) -> float:
        """The readers who are not known to miss anything, in per cent."""
        return 100 - self.lacking - self.partly


def known_clients() -> frozenset[str]:
    """Every name that may stand for mail programs: FAMILY or FAMILY.PLATFORM."""
    return frozenset(table().clients) | {client.partition(".")[0] for client in table().clients}


def shares_of(clients: Mapping[str, float]) -> dict[str, float]:
    """The share of each FAMILY.PLATFORM in per cent. A family's is divided evenly over its platforms that are not
    named themselves; what is more than all readers is brought down to them."""
    shares = {name: share for name, share in clients.items() if "." in name and share}
    for name, share in clients.items():
        if "." not in name and (platforms := platforms_of(name, clients)):
            shares |= dict.fromkeys(platforms, share / len(platforms))
    total = sum(shares.values())
    return {name: share * 100 / total for name, share in shares.items()} if total > 100 else shares


def platforms_of(family: str, named: Mapping[str, float]) -> list[str]:
    found = [each for each in table().clients if each.startswith(f"{family}.") and each not in named]
    return [each for each in found if not each.endswith(f".{RARE}")]


def reached(slug: str, clients: Mapping[str, float], without: frozenset[str] = frozenset()) -> Reached:
    """Who of the readers gets a feature; `without`: programs that never see where it is used."""
    return answered(slug, tuple(sorted(clients.items())), without)


@lru_cache(maxsize=4096)
def answered(slug: str, clients: tuple[tuple[str, float], ...], without: frozenset[str]) -> Reached:
    shares = {name: share for name, share in shares_of(dict(clients)).items() if name not in without}
    feature = table().features[slug]
    lacking = [name for name in shares if feature.answers.get(name) == NO]
    partly = [name for name in shares if feature.answers.get(name) == PARTLY]
    notes = tuple(dict.fromkeys(feature.notes[name] for name in partly if name in feature.notes))
    return Reached(
        sum(shares[name] for name in lacking),
        names_of(lacking, shares),
        sum(shares[name] for name in partly),
        names_of(partly, shares),
        notes,
    )


def names_of(clients: Iterable[str], shares: Mapping[str, float]) -> tuple[str, ...]:
    """What people call them, the most used first; a family of which all are meant by its name alone."""
    chosen = set(clients)
    named: dict[str, float] = {}
    for client in sorted(chosen):
        family = client.partition(".")[0]
        kin = {each for each in shares if each.startswith(f"{family}.")}
        name = table().families[family] if kin <= chosen and len(kin) > 1 else name_of(client)
        named[name] = named.get(name, 0) + shares[client]
    return tuple(sorted(named, key=lambda name: (-named[name], name)))


def name_of(client: str) -> str:
    family, _, platform = client.partition(".")
    return PROGRAMS.get(client) or f"{table().families[family]} on {PLACES.get(platform, platform)}"
