"""The tags of a person: a set in which case makes no difference, and how a cell of a CSV file carries them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

LONGEST_TAG = 100
MOST_TAGS = 200


def tag_set(tags: Iterable[str]) -> tuple[str, ...]:
    """Each tag once, in order; of two that differ in case alone the first stays."""
    found: dict[str, str] = {}
    for tag in tags:
        if text := " ".join(tag.split()):
            found.setdefault(text.casefold(), text)
    return tuple(sorted(found.values(), key=lambda tag: (tag.casefold(), tag)))


def with_tags(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """The tags after adding; what was there keeps its spelling."""
    return tag_set([*old, *new])


def without_tags(old: Iterable[str], gone: Collection[str]) -> tuple[str, ...]:
    """The tags after taking some away, whatever their case."""
    folded = {" ".join(tag.split()).casefold() for tag in gone}
    return tag_set(tag for tag in old if tag.casefold() not in folded)


def checked_tag(text: str) -> str:
    """A tag as a person wrote it, with single spaces. ValueError says why it cannot be one."""
    tag = " ".join(text.split())
    if not tag:
        raise ValueError("a tag is empty")
    if len(tag) > LONGEST_TAG:
        raise ValueError(f"a tag is longer than {LONGEST_TAG} characters")
    if not tag.isprintable():
        raise ValueError("a tag holds an unprintable character")
    return tag


def tags_cell(tags: Iterable[str]) -> str:
    """The tags as one cell: CSV within the cell, as Mailchimp writes it: `volunteer,"Oslo, east"`."""
    return ",".join(_quoted(tag) for tag in tags)


def _quoted(tag: str) -> str:
    # Semicolons and bars stand between the tags in other programs' files, and a bracket begins JSON.
    plain = not set(',;|"\r\n') & set(tag) and tag == tag.strip() and not tag.startswith("[")
    return tag if plain else '"' + tag.replace('"', '""') + '"'
