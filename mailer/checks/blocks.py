"""The text of a document as paragraphs: what stands between two breaks that a reader sees."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

SILENT = frozenset({"style", "script", "title", "head", "noscript", "template"})
"""Elements whose text nobody reads."""

_FLOWING = """
    a abbr b bdi bdo big cite code del dfn em font i img ins kbd mark q s samp small span strike strong sub sup time tt
    u var
"""
FLOWING = frozenset(_FLOWING.split())
"""Elements that are part of a line; all others begin a block."""

DEEPEST = 250
"""Elements within elements. What is deeper, as in no mail that somebody made, is one text."""

UNSEEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)


class Block(NamedTuple):
    """A paragraph, a heading, a cell: its text on one line, and the element it stands in."""

    text: str
    element: Any


def blocks_of(root: Any) -> list[Block]:
    """Every block that says something, in the order of the document. What style attributes hide is left out."""
    found: list[Block] = []
    line: list[str] = []
    owner = root
    pieces: list[tuple[Any, str | None]] = []
    add_runs(root, root, pieces)
    for element, text in pieces:
        if text is None or element is not owner:
            if words := " ".join("".join(line).split()):
                found.append(Block(words, owner))
            line, owner = [], element
        if text:
            line.append(text)
    if words := " ".join("".join(line).split()):
        found.append(Block(words, owner))
    return found


def add_runs(element: Any, owner: Any, found: list[tuple[Any, str | None]], depth: int = 0) -> None:
    """Pieces of text with the block they belong to; None where a block begins or ends."""
    tag = element.tag
    if not isinstance(tag, str) or tag in SILENT or ((style := element.get("style")) and UNSEEN.search(style)):
        return
    own = owner if tag in FLOWING or tag == "br" else element
    if own is not owner:
        found.append((own, None))
    if text := " " if tag == "br" else element.text:
        found.append((own, text))
    if tag == "img":
        found.append((own, f" {element.get('alt') or ''} "))
    for child in element if depth <= DEEPEST else ():
        add_runs(child, own, found, depth + 1)
        if tail := child.tail:
            found.append((own, tail))
    if depth > DEEPEST:
        found.extend((own, text) for text in list(element.itertext())[bool(element.text) :])
    if own is not owner:
        found.append((owner, None))
