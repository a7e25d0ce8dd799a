"""The style sheets of a mail: which of their rules mean which element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cssselect2
import tinycss2
from lxml.etree import ElementBase

from mailer.checks.declared import Declared, of_declarations
from mailer.checks.document import Document
from mailer.checks.parsed import declarations_in, rules_of
from mailer.checks.screen import Screen, applies

DEPTH = 20
"""At-rules within at-rules are read to here."""


@dataclass(frozen=True, slots=True)
class StyleRule:
    """What the elements that a selector means look like, where all of `media` let it through."""

    media: tuple[str, ...]
    said: Declared

    def applies(self, screen: Screen) -> bool:
        return all(applies(query, screen) for query in self.media)


Selected = tuple[Any, StyleRule]
Matched = dict[ElementBase, list[StyleRule]]


@lru_cache(maxsize=64)
def sheet(css: str, media: tuple[str, ...] = ()) -> tuple[Selected, ...]:
    """Selectors with their rules, in their order. The mails of an issue share their style sheets."""
    return tuple(rules_in(rules_of(css), media))


def rules_in(nodes: Iterable[Any], media: tuple[str, ...], depth: int = 0) -> Iterator[Selected]:
    for node in nodes:
        if node.type == "qualified-rule":
            said = of_declarations(declarations_in(node.content))
            if said.normal or said.important:
                yield from ((selector, StyleRule(media, said)) for selector in selectors(node.prelude))
        elif node.type == "at-rule" and node.content is not None and depth < DEPTH:
            inner = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
            query = tinycss2.serialize(node.prelude)
            if node.lower_at_keyword == "media":
                yield from rules_in(inner, (*media, query), depth + 1)
            elif node.lower_at_keyword == "supports" and not query.strip().lower().startswith("not"):
                yield from rules_in(inner, media, depth + 1)


def selectors(prelude: list[Any]) -> list[Any]:
    """None of them where one is not understood, as browsers do."""
    try:
        return [each for each in cssselect2.compile_selector_list(prelude) if each.pseudo_element is None]
    except cssselect2.SelectorError:
        return []


def matched(document: Document) -> Matched:
    """The rules for every element that has some, the one that wins last."""
    matcher = cssselect2.Matcher()
    for style in document.styles:
        if (style.get("type") or "text/css").strip().lower() == "text/css":
            media = (style.get("media") or "").strip()
            for selector, rule in sheet(style.text or "", (media,) if media else ()):
                matcher.add_selector(selector, rule)
    found: Matched = {}
    for wrapper in cssselect2.ElementWrapper.from_html_root(document.root).iter_subtree():
        if rules := [rule for _, _, _, rule in matcher.match(wrapper)]:
            found[wrapper.etree_element] = rules
    return found
