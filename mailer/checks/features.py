"""The features that a mail uses, each where it does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from lxml.etree import Comment

from mailer.checks import cssfeatures, htmlfeatures
from mailer.checks.cssnames import BACKGROUNDS
from mailer.checks.document import Document, Element, short
from mailer.checks.finding import Part, Place

FROM_WORD = ("[if !mso", "[if !gte mso", "[if !(mso", "[if (!mso", "[if (!gte mso")
"""How a comment begins after which Outlook on Windows, which is Word, reads nothing until the next `endif`."""


BY_CONTENT = frozenset({"style", "video", "audio", "picture"})
"""Elements whose features depend on what is in them."""

VML_PICTURE = re.compile(r"<v:(?:fill|image|background)\b")


@dataclass(frozen=True, slots=True)
class Use:
    """A feature at a place. `graceful`: programs without it have something else, or miss nothing. `hidden_from_word`:
    Outlook on Windows does not see the place."""

    slug: str
    place: Place
    graceful: bool = False
    hidden_from_word: bool = False


USES: WeakKeyDictionary[Document, tuple[Use, ...]] = WeakKeyDictionary()


def uses(document: Document) -> tuple[Use, ...]:
    """Each feature of a mail with the first place where it is used so. What stands in comments for Outlook is not
    looked at."""
    if document not in USES:
        USES[document] = tuple(first_uses(document).values())
    return USES[document]


def first_uses(document: Document) -> dict[tuple[str, bool, bool], Use]:
    """By what sets them apart. A long mail has a thousand uses of fifty features."""
    found: dict[tuple[str, bool, bool], Use] = {}
    for slug, words, graceful in htmlfeatures.of_document(document):
        found[slug, graceful, False] = Use(slug, document.place(document.root, words), graceful)
    known, hidden, painted = vocabulary(document), unseen_by_word(document), has_vml_picture(document)
    seen = set()
    for element, attributes in zip(document.elements, document.attributes, strict=True):
        unseen = element in hidden
        like = element.tag, attributes, unseen
        if like in seen and element.tag not in BY_CONTENT:  # one before it has all of its features
            continue
        seen.add(like)
        for slug, words, graceful in htmlfeatures.of_element(element):
            if (slug, graceful, unseen) not in found:
                found[slug, graceful, unseen] = Use(slug, document.place(element, words), graceful, unseen)
        for css in styled(element, known):
            graceful = css.graceful or spared(css.slug, element, painted=painted)
            if (css.slug, graceful, unseen) not in found:
                place = place_of(document, element, css)
                found[css.slug, graceful, unseen] = Use(css.slug, place, graceful, unseen)
    return found


def styled(element: Element, known: frozenset[str]) -> Iterator[cssfeatures.Found]:
    """The CSS of an element: its attribute, or what it is."""
    if style := element.get("style"):
        yield from cssfeatures.in_block(style)
    if element.tag == "style" and element.text:
        for found in cssfeatures.in_sheet(element.text):
            if not found.needs or any(need <= known for need in found.needs):
                yield found


def place_of(document: Document, element: Element, found: cssfeatures.Found) -> Place:
    line = (element.sourceline or 0) + found.line - 1
    return Place(Part.HTML, line, short(found.words), document.numbers[element])


def spared(slug: str, element: Element, *, painted: bool) -> bool:
    """Whether an attribute of the element is there for programs that do not know its style."""
    if slug in BACKGROUNDS:
        return painted or bool(element.get("bgcolor"))
    if slug == "css-float":
        return bool(element.get("align"))
    return slug in ("css-unit-calc", "css-object-fit", "css-aspect-ratio") and bool(element.get("width"))


def vocabulary(document: Document) -> frozenset[str]:
    """Every tag, .class and #id of a mail: a rule for others means nobody."""
    found = set()
    for element in document.elements:
        found.add(element.tag)
        found.update(f".{name}" for name in (element.get("class") or "").split())
        if name := element.get("id"):
            found.add(f"#{name}")
    return frozenset(found)


def unseen_by_word(document: Document) -> frozenset[Element]:
    found, unseen = set(), False
    for node in document.root.iter():
        if node.tag is Comment:
            text = (node.text or "").strip().lower()
            unseen = text.startswith(FROM_WORD) or (unseen and "[endif]" not in text)
        elif unseen:
            found.add(node)
    return frozenset(found)


def has_vml_picture(document: Document) -> bool:
    """Whether Outlook on Windows gets its own picture behind text."""
    return any(VML_PICTURE.search(comment.text or "") for comment in document.root.iter(Comment))
