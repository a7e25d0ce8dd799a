"""The SMTP provider from settings. Reads keys and certificates; connects to nothing."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from mailer.errors import ConfigError
from mailer.providers.smtp.connection import Server
from mailer.providers.smtp.dkim import DkimSigner
from mailer.providers.smtp.exchange import Terms
from mailer.providers.smtp.keyfile import load_key, public_text
from mailer.providers.smtp.pauses import Pauses
from mailer.providers.smtp.pool import Pool
from mailer.providers.smtp.provider import Smtp

if TYPE_CHECKING:
    from mailer.config import Settings

PORTS = {"starttls": 587, "implicit": 465, "none": 25}


def make_smtp(settings: Settings, root: Path) -> Smtp:
    """The provider that `[provider]` describes, for the workspace at `root`."""
    chosen = settings.provider
    keys = [load_key(_file(root, each.key), each.domain, each.selector) for each in chosen.dkim]
    terms = Terms(Pauses(), DkimSigner(keys) if keys else None)
    return Smtp(Pool(_server(settings, root), chosen.connections), terms, smtputf8=chosen.smtputf8)


def dkim_records(settings: Settings, root: Path) -> tuple[tuple[str, str, str], ...]:
    """Domain, selector and record of each key that signs. ConfigError says what is wrong with one."""
    return tuple((each.domain, each.selector, public_text(_file(root, each.key))) for each in settings.provider.dkim)


def _server(settings: Settings, root: Path) -> Server:
    chosen = settings.provider
    if not chosen.host:
        raise ConfigError("smtp needs the mail server's name", hint='set host = "smtp.example.org" under [provider]')
    secret = settings.secrets.smtp_password
    password = secret.get_secret_value() if secret else ""
    if chosen.user and not password:
        raise ConfigError(f"there is no password for smtp user {chosen.user}", hint="set MAILER_SMTP_PASSWORD")
    if chosen.tls == "none" and not is_here(chosen.host):
        _refuse_clear_text(chosen.user, allowed=chosen.allow_unencrypted)
    return Server(
        host=chosen.host,
        port=chosen.port or PORTS[chosen.tls],
        tls=chosen.tls,
        context=None if chosen.tls == "none" else _context(_file(root, chosen.ca_file) if chosen.ca_file else None),
        user=chosen.user,
        password=password,
        helo=chosen.helo,
        timeout=chosen.timeout,
    )


def _refuse_clear_text(user: str, *, allowed: bool) -> None:
    if user:
        raise ConfigError(
            "smtp: a password is not sent to another machine without encryption",
            hint='set tls = "starttls" or "implicit" under [provider], or remove user',
        )
    if not allowed:
        raise ConfigError(
            'smtp: tls = "none" would send every mail to another machine in clear text',
            hint='set tls = "starttls" or "implicit" under [provider]; allow_unencrypted = true if it must be',
        )


def is_here(host: str) -> bool:
    """Whether the host is this machine, by name or number. No name service is asked: its answer could change."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _context(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except ssl.SSLError:
        raise ConfigError(f"ca_file: {authority} holds no certificate in PEM form") from None
    except OSError as error:
        raise ConfigError(f"ca_file: {authority} cannot be read: {error.strerror}") from None


def _file(root: Path, name: str) -> Path:
    """A file that the settings name: inside the workspace, or anywhere when the whole path is written."""
    path = Path(name)
    if path.is_absolute():
        return path
    inside = (root / path).resolve()
    if not inside.is_relative_to(root.resolve()):
        raise ConfigError(f'"{name}" leads out of the workspace', hint="write its whole path if that is meant")
    return inside
