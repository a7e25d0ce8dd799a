"""The HTML of a mail as a tree, with the number and the line of every element."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lxml.html
from lxml.etree import ParserError

from mailer.checks.blocks import DEEPEST, SILENT, Block, blocks_of
from mailer.checks.finding import Part, Place

Element = Any
"""An lxml element. lxml has no types of its own."""

Attributes = tuple[tuple[str, str], ...]

EXCERPT = 120
"""The longest text of a place, in characters."""

EMPTY = "<html><head></head><body></body></html>"


@dataclass(frozen=True, slots=True)
class Link:
    """An `a` element with an address. `text` is what a reader sees of it, alternative texts of images included."""

    href: str
    text: str
    element: Element


@dataclass(frozen=True, slots=True)
class Image:
    """An `img` element; `alt` is None where it has none."""

    src: str
    alt: str | None
    element: Element


class Document:
    """Parsed once for all rules. Broken HTML is read as libxml2 mends it."""

    def __init__(self, html: str) -> None:
        parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
        try:
            self.root: Element = lxml.html.document_fromstring(
                html.encode(errors="replace") or EMPTY.encode(), parser=parser
            )
        except ParserError:  # nothing but comments
            self.root = lxml.html.document_fromstring(EMPTY.encode(), parser=parser)

    @cached_property
    def elements(self) -> list[Element]:
        """Every element in the order of the document, without comments."""
        return list(self.root.iter("*"))

    @cached_property
    def parents(self) -> list[int]:
        """The number of the element that each is in, -1 for the root."""
        return [self.numbers.get(element.getparent(), -1) for element in self.elements]

    @cached_property
    def attributes(self) -> list[Attributes]:
        """Those of each element."""
        return [tuple(element.items()) for element in self.elements]

    @cached_property
    def texts(self) -> list[tuple[int, Element, str]]:
        """The elements that say something themselves, with their numbers; marks that only separate are nothing."""
        pieces: defaultdict[int, list[str]] = defaultdict(list)
        for node in self.root.iter():  # comments too: what stands behind one is said by the element around it
            number = self.numbers.get(node, -1)
            if number >= 0 and (text := node.text):
                pieces[number].append(text)
            if (tail := node.tail) and (parent := self.numbers.get(node.getparent(), -1)) >= 0:
                pieces[parent].append(tail)
        said = ((number, " ".join("".join(pieces[number]).split())) for number in sorted(pieces))
        return [(number, self.elements[number], text) for number, text in said if any(map(str.isalnum, text))]

    @cached_property
    def numbers(self) -> dict[Element, int]:
        return {element: number for number, element in enumerate(self.elements)}

    def place(self, element: Element, excerpt: str = "") -> Place:
        """Where an element is, with what stands there."""
        return Place(Part.HTML, element.sourceline or 0, short(excerpt), self.numbers[element])

    def tagged(self, *tags: str) -> Iterator[Element]:
        """The elements of these names, in the order of the document."""
        yield from self.root.iter(*tags)

    @cached_property
    def links(self) -> list[Link]:
        return [Link(each.get("href").strip(), visible(each), each) for each in self.tagged("a") if each.get("href")]

    @cached_property
    def images(self) -> list[Image]:
        return [Image((each.get("src") or "").strip(), each.get("alt"), each) for each in self.tagged("img")]

    @cached_property
    def blocks(self) -> list[Block]:
        """Its text by paragraphs, headings and cells."""
        return blocks_of(self.root)

    @cached_property
    def styles(self) -> list[Element]:
        """The `style` elements."""
        return list(self.tagged("style"))


def visible(element: Element) -> str:
    """The text of an element and what is in it, alternative texts of images included, white space as one space."""
    pieces: list[str] = []
    add_text(element, pieces)
    return " ".join("".join(pieces).split())


def add_text(element: Element, pieces: list[str], depth: int = 0) -> None:
    """What is read of an element, behind what was read before."""
    tag = element.tag
    if not isinstance(tag, str) or tag in SILENT:
        return
    if tag == "img":
        pieces.append(f" {element.get('alt') or ''} ")
    if text := element.text:
        pieces.append(text)
    if depth > DEEPEST:
        pieces.extend(list(element.itertext())[bool(element.text) :])
        return
    for child in element:
        add_text(child, pieces, depth + 1)
        if tail := child.tail:
            pieces.append(tail)


def own_text(element: Element) -> str:
    """What an element says itself, not what is in it."""
    pieces = [element.text, *(child.tail for child in element)]
    return " ".join("".join(piece for piece in pieces if piece).split())


def short(text: str) -> str:
    """At most so much of a text as a message can show, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 3] + "..."
