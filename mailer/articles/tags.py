"""Campaign tags: when two spellings are one tag, and whether an article carries the wanted ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from mailer.errors import UsageError

# NFKC has turned the non-breaking hyphen into U+2010 by then.
_WORD_START = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_SEPARATORS = frozenset("-_\u2010")


def tag_key(tag: str) -> str:
    """What makes two spellings one tag: `#CleanRivers`, `clean-rivers` and `Clean Rivers` share a key."""
    key = _folded(tag)
    # Case folding can undo NFKC and the reverse (U+0345, U+1E9E), so one pass is not always a fixed point.
    while (again := _folded(key)) != key:
        key = again
    return key


def _folded(tag: str) -> str:
    text = unicodedata.normalize("NFKC", tag).casefold()
    joined = "".join(char for char in text if char not in _SEPARATORS and not char.isspace() and char.isprintable())
    return joined.removeprefix("#")


def distinct(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in order, the first spelling of each; those without a letter or digit are left out."""
    found: dict[str, str] = {}
    for tag in tags:
        name = tag.strip().removeprefix("#").strip()
        if key := tag_key(name):
            found.setdefault(key, name)
    return tuple(found.values())


def readable(tag: str) -> str:
    """A tag as a person would write it in a sentence: `#CleanRivers` and `clean_rivers` are "Clean rivers"."""
    words = _WORD_START.sub(" ", tag.strip().removeprefix("#"))
    spaced = " ".join("".join(" " if char in _SEPARATORS else char for char in words).split())
    # What is written in capitals is a name: NHS, IMF.
    lowered = " ".join(word if word.isupper() else word.lower() for word in spaced.split())
    return lowered[:1].upper() + lowered[1:]


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags a person asked for. Raises UsageError for one that no article can have."""
    asked = tuple(tags)
    for tag in asked:
        if not any(map(str.isalnum, tag_key(tag))):
            raise UsageError(f"{tag!r} is no tag: it needs a letter or a digit")
    return asked


class TagMatcher:
    """Matches tags after aliases. `aliases` maps a tag to its other names, as `[tags.aliases]` does."""

    def __init__(self, aliases: Mapping[str, Sequence[str]] | None = None) -> None:
        self._names = {tag_key(other): tag_key(name) for name, others in (aliases or {}).items() for other in others}

    def canonical(self, tag: str) -> str:
        """The key of the tag, or of the tag it is an alias of."""
        key = tag_key(tag)
        seen = {key}
        while (name := self._names.get(key)) and name not in seen:
            seen.add(key := name)
        return key

    def matches(self, article_tags: Iterable[str], wanted: Sequence[str], *, every: bool = False) -> bool:
        """Whether an article carries any (or `every`) of the wanted tags; true when none is wanted."""
        carried = {self.canonical(tag) for tag in article_tags}
        found = [self.canonical(tag) in carried for tag in wanted]
        return not found or (all(found) if every else any(found))
