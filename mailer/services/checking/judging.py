"""What the rules find, as the workspace weighs it."""

from __future__ import annotations

from collections.abc import Mapping

from mailer.checks.table import BY_ID
from mailer.config.checks import Checks
from mailer.errors import ConfigError
from mailer.wording import unknown


def levels_of(settings: Checks) -> Mapping[str, str]:
    """The levels that the workspace gives to rules. ConfigError when one of them is no rule, or cannot be lowered."""
    for name in settings.rules:
        if name not in BY_ID:
            raise ConfigError(
                f"mailer.toml: [checks] rules: {unknown('rule', name, BY_ID)}", hint="mailer check --rules lists them"
            )
    return settings.rules
