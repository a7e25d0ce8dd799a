"""What a parser is told about a source, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailer.model import Article


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source as its parser sees it.

    `url` is the base of relative links: the address the bytes came from, or the site's root for a folder.
    `tags` are added to every article. `zone` is the time zone of dates that name none.
    """

    name: str
    url: str | None = None
    tags: tuple[str, ...] = ()
    split_tags: bool = False
    zone: str = "UTC"
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """Articles in the order of the source. Each warning is one line that names the source and the entry."""

    articles: tuple[Article, ...]
    warnings: tuple[str, ...] = ()


# A feed of 2,000 entries with three faults each must not print 6,000 lines.
MAX_WARNINGS = 50


def short_of(warnings: Iterable[str]) -> tuple[str, ...]:
    """The first warnings, and a line that counts the rest."""
    every = list(dict.fromkeys(warnings))
    kept = every[:MAX_WARNINGS]
    if rest := len(every) - len(kept):
        kept.append(f"… and {rest} more warnings")
    return tuple(kept)
