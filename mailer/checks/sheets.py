"""The style sheets of a mail: which of their rules mean which element."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import cssselect2
import tinycss2
from lxml.etree import ElementBase

from mailer.checks.declared import Declared, of_declarations
from mailer.checks.document import Attributes, Document
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


Selected = tuple[Any, StyleRule, bool]
"""A selector, its rule, and whether it asks for more than what an element and those around it are called."""

ASKS_MORE = re.compile(r"[+~]|:(?!(?:root|link|any-link|visited|hover|active|focus)(?![\w-]))", re.IGNORECASE)
"""What is beside an element, how many there are, what is in it: then two that are alike may differ."""

ASKED = re.compile(r"\[\s*(?:href|src|alt|title|aria-label)\s*[~|^$*]?=|\[[^\]=]*[|\\]", re.IGNORECASE)
"""A selector that asks what such an attribute says, or that is written in a way in which it might."""

OWN = frozenset({"href", "src", "alt", "title", "aria-label"})
"""Attributes that differ from person to person; only what they are called matters unless a selector asks for more."""

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
                more = bool(ASKS_MORE.search(tinycss2.serialize(node.prelude)))
                yield from ((selector, StyleRule(media, said), more) for selector in selectors(node.prelude))
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
    matcher, many = cssselect2.Matcher(), False
    for style in document.styles:
        if (style.get("type") or "text/css").strip().lower() == "text/css":
            media = (style.get("media") or "").strip()
            for selector, rule, more in sheet(style.text or "", (media,) if media else ()):
                matcher.add_selector(selector, rule)
                many = many or more
    found: Matched = {}
    first: dict[int, list[StyleRule]] = {}
    wrappers = cssselect2.ElementWrapper.from_html_root(document.root).iter_subtree()
    for wrapper, likeness in zip(wrappers, count() if many else likenesses(document), strict=not many):
        if likeness not in first:
            first[likeness] = [rule for _, _, _, rule in matcher.match(wrapper)]
        if rules := first[likeness]:
            found[wrapper.etree_element] = rules
    return found


def told_apart(document: Document) -> list[Attributes]:
    """The attributes by which the style sheets can tell elements apart."""
    asked = any(ASKED.search(style.text or "") for style in document.styles)
    return document.attributes if asked else impersonal(document)


def impersonal(document: Document) -> list[Attributes]:
    """The attributes of every element without what differs from person to person."""
    every = set(document.attributes)
    without = {each: tuple((name, "" if name in OWN else value) for name, value in each) for each in every}
    return [without[each] for each in document.attributes]


def likenesses(document: Document) -> Iterator[int]:
    """A number for each element, the same for those that are called the same and are in such as are."""
    numbers: dict[tuple[int, str, Attributes], int] = {}
    found: list[int] = []
    for element, parent, attributes in zip(document.elements, document.parents, told_apart(document), strict=True):
        key = found[parent] if parent >= 0 else -1, element.tag, attributes
        found.append(numbers.setdefault(key, len(numbers)))
        yield found[-1]
