"""Secrets that somebody wrote into `mailer.toml`, which ends up in git. The value is never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from mailer.errors import Mistake
from mailer.tomlfile import KeyPath, TomlFile

_SECRET_KEY = re.compile(r"api_?key|passw(or)?d|passphrase|token|secret|private_?key|credential", re.IGNORECASE)
# What SendGrid's keys begin with.
_SENDGRID = "SG."
# Below these the keys are a person's own words: a tag may well be called "secret-ballot".
_OWN_WORDS = (("tags", "aliases"),)


def misplaced_secrets(file: TomlFile) -> list[Mistake]:
    """A mistake for each value of the file that is a secret or is named like one."""
    return [
        Mistake(file.line(path), f"{spoken(path)} is a secret and must not stand in a file: set {variable} instead")
        for path, value in _leaves(file.values, ())
        if (variable := _variable(path, value))
    ]


def spoken(path: KeyPath) -> str:
    """`theme.social[0].url`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def variable_name(path: KeyPath) -> str:
    """The environment variable that sets this key."""
    return "MAILER_" + "__".join(str(part).upper() for part in path)


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*path, number))
    else:
        yield path, value


def _variable(path: KeyPath, value: Any) -> str | None:
    """The variable to use instead; None when this is no secret."""
    text = value if isinstance(value, str) else ""
    if text.startswith(_SENDGRID):
        return "SENDGRID_API_KEY"
    if path == ("database", "url") and _has_password(text):
        return "DATABASE_URL"
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if path[:2] in _OWN_WORDS or not _SECRET_KEY.search(key):
        return None
    return "SENDGRID_API_KEY" if re.search(r"api_?key", key, re.IGNORECASE) else variable_name(path)


def _has_password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return False
