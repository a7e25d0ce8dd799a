"""The settings as they may be shown, and whether they and the list definitions are in order."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mailer.config import Settings, load_settings
from mailer.errors import ConfigError, Mistake
from mailer.providers import make_provider
from mailer.services import starter
from mailer.services.checking.levels import HINT, mistakes_in
from mailer.tomlfile import read_toml
from mailer.wording import unknown
from mailer.workspace import Workspace

HIDDEN = "(set, not shown)"


def public_settings(settings: Settings) -> dict[str, Any]:
    """Every setting under the name it has in mailer.toml; of secrets only whether they are set."""
    values = settings.model_dump(mode="json", exclude={"secrets"})
    values["from"] = values.pop("senders")
    values["database"]["url"] = without_password(values["database"]["url"])
    values["secrets"] = {name: HIDDEN if secret else None for name, secret in settings.secrets}
    return values


def without_password(url: str) -> str:
    """The URL with stars for its password, and without its query, which drivers take passwords from as well."""
    parts = urlsplit(url)
    place = parts.netloc
    if "@" in place and ":" in place.rpartition("@")[0]:
        user, _, host = place.rpartition("@")
        place = f"{user.partition(':')[0]}:***@{host}"
    begin = f"{parts.scheme}://{place}{parts.path}"
    return f"{begin}?***" if parts.query else begin


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """`section.key` and its value as TOML writes it, one line each; what is not set is left out."""
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flattened(value, f"{path}.")
        elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
            for number, part in enumerate(value):
                yield from flattened(part, f"{path}[{number}].")
        elif value is not None:
            yield path, toml_text(value)


def toml_text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case list():
            return f"[{', '.join(toml_text(part) for part in value)}]"
    return str(value)


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. Mistakes are raised; `missing` is what a first issue will need, `examples` the settings that
    are as `mailer init` wrote them and must be somebody's own.
    """

    file: Path
    sources: tuple[str, ...]
    lists: tuple[str, ...]
    senders: tuple[str, ...]
    missing: tuple[str, ...]
    examples: tuple[str, ...] = ()

    def summary(self) -> list[str]:
        """The report as lines."""
        found = {"sources": self.sources, "lists": self.lists, "senders": self.senders}
        lines = [f"{self.file} is in order"]
        lines += [f"{name}: {', '.join(names) or 'none yet'}" for name, names in found.items()]
        return [*lines, *self.to_do]

    @property
    def to_do(self) -> list[str]:
        """What is in order and must be seen to all the same."""
        found = [f"before the first issue: {gap}" for gap in self.missing]
        if self.examples:
            names = ", ".join(self.examples)
            found.append(f"before mails leave by a real provider: put your own in place of the examples in {names}")
        return found


def check(workspace: Workspace, environ: Mapping[str, str]) -> Report:
    """Reads everything that a person configures. Raises ConfigError with every mistake."""
    settings = load_settings(workspace.settings_file, environ)
    check_levels(settings, workspace.settings_file)
    make_provider(settings, workspace.root).close()
    lists = workspace.load_lists()
    for definition in lists.values():
        if definition.sender and definition.sender not in settings.senders:
            what = unknown("sender", definition.sender, settings.senders)
            raise ConfigError(
                f"subscribers/{definition.name}.toml: {what}", hint="senders are [from.NAME] in mailer.toml"
            )
    absent = tuple(absent_sources(settings, workspace))
    return Report(
        workspace.settings_file, tuple(settings.sources), tuple(lists), tuple(settings.senders),
        (*gaps(settings, lists), *absent), tuple(left_as_examples(settings)),
    )  # fmt: skip


def check_levels(settings: Settings, path: Path) -> None:
    """ConfigError with the lines where a level is given to what is no rule, or to one that has no other."""
    if mistakes := mistakes_in(settings.checks):
        file = read_toml(path.read_text(encoding="utf-8-sig"), path.name)
        lines = [Mistake(file.line(("checks", "rules", name)), message) for name, message in mistakes.items()]
        raise file.error(lines, hint=HINT)


def absent_sources(settings: Settings, workspace: Workspace) -> Iterator[str]:
    """Sources whose file is not there: another program may still write it. WorkspaceError for one that leads out."""
    for name, source in settings.sources.items():
        if source.path is not None and not workspace.inside(source.path).exists():
            yield f"sources.{name} reads {source.path}, which is not there"


def left_as_examples(settings: Settings) -> Iterator[str]:
    """The settings that say who sends and are still what `mailer init` wrote."""
    examples = set(flattened(tomllib.loads(starter.SETTINGS)))
    for name, text in flattened(public_settings(settings)):
        if name.startswith(starter.MADE_UP) and (name, text) in examples:
            yield name


def gaps(settings: Settings, lists: Mapping[str, Any]) -> Iterator[str]:
    if not settings.organisation.name:
        yield "give the organisation its name, [organisation] name"
    if not settings.organisation.postal_address:
        yield "write the postal address, [organisation] postal_address, which the foot of every mail must have"
    if not settings.senders:
        yield 'add who writes, [from.office] with name = "..." and email = "..."'
    if not lists:
        yield "define a list, subscribers/NAME.toml with its title"
