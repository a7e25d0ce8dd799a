"""Recognising an address that was forgotten, by the keys of the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from mailer.audience.suppressing import fingerprint_of, hashes
from mailer.workspace.signing import keys_of


class Recogniser:
    """Gives the values under which an address would be kept, the newest key's first. Keys are read when needed."""

    def __init__(self, key_file: Path, environ: Mapping[str, str]) -> None:
        self._key_file = key_file
        self._environ = environ

    @cached_property
    def _keys(self) -> dict[str, bytes]:
        return {key.fingerprint: key.value for key in keys_of(self._key_file, self._environ)}

    def __call__(self, email_key: str) -> tuple[str, ...]:
        return hashes(self._keys, email_key)

    def knows(self, value: str) -> bool:
        """Whether a hash was made with one of the keys; without its key nobody can tell whose it is."""
        return fingerprint_of(value) in self._keys
