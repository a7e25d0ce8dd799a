"""What addresses answered when they were last asked. Who only believes it needs nothing that asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from mailer.checks.facts import Probe
from mailer.checks.probed import asked_as, secure_twin
from mailer.services.program import Program
from mailer.store import probes as stored


def known_links(program: Program, urls: Iterable[str]) -> dict[str, Probe]:
    """What these addresses answered when they were last asked, as long as that is believed. Nobody is asked."""
    return by_link(urls, kept(program, wanted_of(urls), program.now()))


def wanted_of(urls: Iterable[str]) -> tuple[str, ...]:
    """The addresses as servers are asked for them, each once, and whether what is not encrypted could be."""
    bare = dict.fromkeys(asked_as(url) for url in urls)
    return tuple(bare | dict.fromkeys(twin for url in bare if (twin := secure_twin(url))))


def by_link(urls: Iterable[str], found: Mapping[str, Probe]) -> dict[str, Probe]:
    """The answers by links as they stand in the mail too."""
    return dict(found) | {url: found[asked_as(url)] for url in urls if asked_as(url) in found}


def kept(program: Program, urls: Sequence[str], now: datetime) -> dict[str, Probe]:
    since = now - timedelta(hours=program.settings.checks.link_hours)
    with program.store.read() as connection:
        return stored.known(connection, urls, since)
