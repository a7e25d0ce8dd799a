"""What people read instead of the words of the database."""

from __future__ import annotations

from collections.abc import Mapping

_SOURCES = {
    "form": "form",
    "import": "import",
    "command": "by hand",
    "confirm_link": "confirmation link",
    "link": "link in a mail",
    "one_click": "one-click unsubscribe",
    "provider": "mail provider",
    "api": "program (API)",
    "forgotten": "forgotten",
}


def source_word(how: str) -> str:
    """`confirm_link` as `confirmation link`."""
    return _SOURCES.get(how, how.replace("_", " "))


def by_source(counts: Mapping[str, int]) -> dict[str, int]:
    """The same counts under the words that people read."""
    return {source_word(how): count for how, count in counts.items()}
