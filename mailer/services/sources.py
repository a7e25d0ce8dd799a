"""The sources of `mailer.toml` as things that can be read: over the network or inside the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mailer.articles import kinds, markdown
from mailer.articles.source import Parsed, SourceSpec
from mailer.config import Settings, SourceSettings
from mailer.errors import NotFoundError
from mailer.fetch import FetchPolicy, fetch
from mailer.model import SourceState
from mailer.services.files import MEGABYTE, read_bounded, read_documents
from mailer.wording import unknown
from mailer.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Source:
    """One configured source. `path` is set for what lies in the workspace, `spec.url` for the network.

    `foreign_tags` are those that the other sources add to their articles.
    """

    kind: str
    spec: SourceSpec
    workspace: Workspace
    policy: FetchPolicy
    path: str | None = None
    foreign_tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.spec.name


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source gave: the state to keep, and its articles unless nothing changed."""

    state: SourceState
    parsed: Parsed | None = None


def chosen_sources(settings: Settings, workspace: Workspace, names: Sequence[str]) -> tuple[Source, ...]:
    """The named sources, or all that are enabled."""
    for name in names:
        if name not in settings.sources:
            raise NotFoundError(unknown("source", name, settings.sources), hint="Sources stand in mailer.toml.")
    wanted = dict.fromkeys(names) or [name for name, source in settings.sources.items() if source.enabled]
    return tuple(source_of(name, settings, workspace) for name in wanted)


def source_of(name: str, settings: Settings, workspace: Workspace) -> Source:
    source, limits = settings.sources[name], settings.limits
    policy = FetchPolicy(
        allow_private=source.allow_private,
        total_seconds=limits.fetch_seconds,
        max_bytes=limits.fetch_megabytes * MEGABYTE,
    )
    foreign = tuple(tag for other, its in settings.sources.items() if other != name for tag in its.tags)
    return Source(source.kind, spec_of(name, source), workspace, policy, source.path, foreign)


def spec_of(name: str, source: SourceSettings, tags: Sequence[str] = ()) -> SourceSpec:
    """What a parser is told of a source; `tags` are added to its own."""
    return SourceSpec(name, source.url, (*source.tags, *tags), source.split_tags, source.zone, source.language)


def read(source: Source, state: SourceState, now: datetime) -> Reading:
    """Reads and parses one source. Raises SourceError; touches no store."""
    if source.path is not None:
        # Whatever an address that stood here before answered no longer counts.
        return Reading(SourceState(fetched_at=now), read_path(source, source.workspace.inside(source.path), now))
    assert source.spec.url is not None
    fetched = fetch(source.spec.url, policy=source.policy, state=state, now=now)
    if fetched.status != "new":
        return Reading(fetched.state)
    spec = replace(source.spec, url=fetched.final_url)  # relative links start where the redirects ended
    parse = kinds.PARSERS[source.kind]
    return Reading(fetched.state, parse(fetched.body, source=spec, now=now, content_type=fetched.content_type))


def read_path(source: Source, path: Path, now: datetime) -> Parsed:
    if source.kind == kinds.FOLDER:
        return markdown.parse(read_documents(path), source=source.spec, now=now)
    return kinds.PARSERS[source.kind](read_bounded(path), source=source.spec, now=now)
