"""CSS as tinycss2 parses it, once for all who read it. Nobody changes what comes from here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tinycss2

from mailer.checks.bounds import bounded

Node = Any
"""A node of tinycss2, which has no types of its own."""


@lru_cache(maxsize=64)
def rules_of(css: str) -> tuple[Node, ...]:
    """The rules of a `style` element."""
    return tuple(tinycss2.parse_stylesheet(bounded(css), skip_comments=True, skip_whitespace=True))


@lru_cache(maxsize=1024)
def declarations_of(css: str) -> tuple[Node, ...]:
    """What a `style` attribute says."""
    return declarations_in(css)


def declarations_in(content: str | list[Node]) -> tuple[Node, ...]:
    """What a block says; of a rule's, its content is parsed in parts already."""
    given = bounded(content) if isinstance(content, str) else content
    nodes = tinycss2.parse_blocks_contents(given, skip_comments=True, skip_whitespace=True)
    return tuple(node for node in nodes if node.type == "declaration")
