"""The API key: from the environment, or from a file that nobody else can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mailer.errors import ConfigError

VARIABLE = "SENDGRID_API_KEY"
LONGEST_KEY = 500
WHERE = f"Set {VARIABLE}, or key_file under [provider] to a file that only you can read."
MAKE = "Settings, API Keys at SendGrid makes one, and shows it once."


def api_key(given: str, file: Path | None) -> str:
    """The key. Without one the SDK would send "Bearer None", so that is refused here. The key is never repeated."""
    if given.strip():
        return _plain(given, VARIABLE)
    if file is None:
        raise ConfigError("sendgrid needs an API key", hint=WHERE)
    return _plain(_read(file), str(file))


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(LONGEST_KEY + 1).decode("ascii", "replace")
    except OSError as error:
        raise ConfigError(f"the key file {file} cannot be read: {error.strerror}", hint=WHERE) from None
    # On Windows the mode says nothing about other people.
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"other people can read {file}", hint=f"chmod 600 {file}")
    return text


def _plain(text: str, where: str) -> str:
    key = text.strip()
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(f"{where} holds no API key: one word of letters, digits and signs", hint=MAKE)
    return key
