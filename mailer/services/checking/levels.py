"""The levels that a workspace gives to rules."""

from __future__ import annotations

from collections.abc import Mapping

from mailer.checks.table import BY_ID
from mailer.config.checks import Checks
from mailer.errors import ConfigError
from mailer.wording import unknown

HINT = "mailer check --rules lists them"


def levels_of(settings: Checks) -> Mapping[str, str]:
    """The levels by rule. ConfigError when one of them is no rule."""
    if mistakes := mistakes_in(settings):
        raise ConfigError("\n".join(f"mailer.toml: {each}" for each in mistakes.values()), hint=HINT)
    return settings.rules


def mistakes_in(settings: Checks) -> Mapping[str, str]:
    """What is wrong with the levels, by the name that stands there."""
    found = {}
    for name, level in settings.rules.items():
        if name not in BY_ID:
            found[name] = f"[checks] rules: {unknown('rule', name, BY_ID)}"
        elif BY_ID[name].firm and level != BY_ID[name].level.value:
            found[name] = f"[checks] rules: {name} is always an error: {BY_ID[name].why}"
    return found
