"""Providers by name. A new one is a module, a line in `FACTORIES` and a row in the common test suite.

A factory imports its module when it is called: a provider's libraries cost nothing to those who use another one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mailer.errors import ConfigError
from mailer.providers.protocol import Capabilities as Capabilities
from mailer.providers.protocol import ChecksAccess as ChecksAccess
from mailer.providers.protocol import Holds as Holds
from mailer.providers.protocol import HoldTerms as HoldTerms
from mailer.providers.protocol import KeepsMails as KeepsMails
from mailer.providers.protocol import KnowsDomains as KnowsDomains
from mailer.providers.protocol import NeedsKey as NeedsKey
from mailer.providers.protocol import PostsEvents as PostsEvents
from mailer.providers.protocol import Provider as Provider
from mailer.providers.protocol import Rehearses as Rehearses
from mailer.providers.protocol import SendingDomain as SendingDomain
from mailer.providers.protocol import SubmitsInOrder as SubmitsInOrder
from mailer.providers.protocol import Webhook as Webhook
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


def _sendgrid(settings: Settings, root: Path) -> Provider:
    from mailer.providers.sendgrid.key import api_key
    from mailer.providers.sendgrid.provider import SendGrid
    from mailer.providers.sendgrid.request import Options

    chosen, secret = settings.provider, settings.secrets.sendgrid_api_key
    given, file = secret.get_secret_value() if secret else "", root / chosen.key_file if chosen.key_file else None
    options = Options(
        categories=chosen.categories,
        ip_pool=chosen.ip_pool,
        unsubscribe_group=chosen.unsubscribe_group,
        sandbox=chosen.sandbox,
        # Where there are pages of our own, they count.
        tracking=settings.privacy.tracking and not settings.web.base_url,
        safe=chosen.safe,
    )
    place = {"region": chosen.region, "base_url": chosen.base_url}
    return SendGrid(lambda: api_key(given, file), options, seconds=chosen.timeout, **place)


def _smtp(settings: Settings, root: Path) -> Provider:
    from mailer.providers.smtp.making import make_smtp

    return make_smtp(settings, root)


FACTORIES: dict[str, Callable[[Settings, Path], Provider]] = {
    "outbox": _outbox,
    "sendgrid": _sendgrid,
    "smtp": _smtp,
}


def make_provider(settings: Settings, root: Path) -> Provider:
    """The provider that the settings name, for the workspace at `root`."""
    name = settings.provider.name
    if name not in FACTORIES:
        raise ConfigError(unknown("provider", name, FACTORIES), hint="Set name under [provider] in mailer.toml.")
    return FACTORIES[name](settings, root)
