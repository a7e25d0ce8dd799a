"""Sentences that several parts say about a word a person wrote: the near name, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Above this many names the whole list helps nobody.
LISTED = 24


def near_name(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that `word` was probably meant to be."""
    names = {name.casefold(): name for name in allowed}
    found = get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def allowed_names(allowed: Iterable[str]) -> str:
    """`a, b or c`; of a very long list only its beginning."""
    names = sorted(allowed)
    if len(names) > LISTED:
        return ", ".join(names[:LISTED]) + ", ..."
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def unknown(what: str, word: str, allowed: Iterable[str]) -> str:
    """`unknown key "subjct": did you mean "subject"? (allowed: ...)`."""
    names = list(allowed)
    near = near_name(word, names)
    question = f": did you mean {quoted(near)}?" if near else ""
    helps = names and not (near and len(names) > LISTED)
    choice = f" (allowed: {allowed_names(names)})" if helps else ""
    return f"unknown {what} {quoted(word)}{question}{choice}"


def quoted(word: str, limit: int = 60) -> str:
    """The word between quotation marks, on one line, cut where it is long, with nothing a terminal would obey."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in word[:limit])
    return f'"{shown}{"..." if len(word) > limit else ""}"'


def counted(number: int, one: str, many: str = "") -> str:
    """`1 article`, `2 articles`, `1,000 people`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
