"""Providers by name. A new one is a module, a line in `FACTORIES` and a row in the common test suite.

A factory imports its module when it is called: a provider's libraries cost nothing to those who use another one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mailer.errors import ConfigError
from mailer.providers.protocol import Capabilities as Capabilities
from mailer.providers.protocol import KeepsMails as KeepsMails
from mailer.providers.protocol import Provider as Provider
from mailer.wording import unknown

if TYPE_CHECKING:
    from mailer.config import Settings


def _outbox(settings: Settings, root: Path) -> Provider:
    from mailer.providers.outbox import Outbox

    folder = (root / settings.provider.path).resolve()
    if not folder.is_relative_to(root.resolve()) or folder == root.resolve():
        raise ConfigError(
            f'provider.path "{settings.provider.path}" is not a folder inside the workspace',
            hint='Name one such as path = "outbox" under [provider] in mailer.toml.',
        )
    return Outbox(folder)


FACTORIES: dict[str, Callable[[Settings, Path], Provider]] = {
    "outbox": _outbox,
}


def make_provider(settings: Settings, root: Path) -> Provider:
    """The provider that the settings name, for the workspace at `root`."""
    name = settings.provider.name
    if name not in FACTORIES:
        raise ConfigError(unknown("provider", name, FACTORIES), hint="Set name under [provider] in mailer.toml.")
    return FACTORIES[name](settings, root)
