"""The features of a mail's elements that mail programs may not know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lxml.etree import Comment

from mailer.checks.cssnames import prefixed, sharing
from mailer.checks.document import Document, Element, visible

TAGS: Mapping[str, str] = {
    **prefixed("html-", "abbr acronym address audio base bdi blockquote body code del dfn dialog div form hr img link"),
    **prefixed("html-", "marquee meter object p picture pre progress rp rt ruby select small span strike strong style"),
    **prefixed("html-", "svg table textarea video wbr"),
    **sharing("html-h1-h6", "h1 h2 h3 h4 h5 h6"),
    **sharing("html-lists", "ul ol dl"),
    **sharing("html-semantics", "article aside details figcaption figure footer header main mark nav section summary"),
    "time": "html-semantics",
    "map": "html-image-maps",
}
ATTRIBUTES: Mapping[str, str] = {
    **prefixed("html-", "align background cellpadding cellspacing dir height hidden lang popover required role"),
    **prefixed("html-", "target valign width"),
    **prefixed("html-", "aria-describedby aria-hidden aria-label aria-labelledby aria-live"),
    "loading": "html-loading-attribute",
    "inert": "css-inert-attribute",
}
INPUTS = frozenset({"checkbox", "hidden", "radio", "reset", "submit", "text"})
SCHEMES: Mapping[str, str] = {"#": "html-anchor-links", "mailto:": "html-mailto-links"}
IMAGES: Mapping[str, str] = {
    **prefixed("image-", "apng avif bmp gif hdr ico jpg mp4 png svg tiff webp"),
    **sharing("image-heif", "heif heic"),
    "jpeg": "image-jpg",
    "tif": "image-tiff",
    "svg+xml": "image-svg",
    "x-icon": "image-ico",
}
ENDING = re.compile(r"\.(\w+)(?:[?#].*)?$", re.DOTALL)
INLINE = re.compile(r"data:image/([\w.+-]+)", re.IGNORECASE)

Named = tuple[str, str, bool]
"""Slug, what stands there, and whether programs without it have something else."""


def of_element(element: Element) -> Iterator[Named]:
    tag = element.tag
    if slug := TAGS.get(tag):
        yield slug, f"<{tag}>", spares(element)
    for name in element.attrib:
        if slug := ATTRIBUTES.get(name):
            yield slug, f"<{tag} {name}>", name != "hidden" or "none" in (element.get("style") or "")
    if tag == "input" and (kind := (element.get("type") or "text").lower()) in INPUTS:
        yield f"html-input-{kind}", f"<input type={kind}>", True
    elif tag == "button" and (kind := (element.get("type") or "submit").lower()) in ("reset", "submit"):
        yield f"html-button-{kind}", f"<button type={kind}>", True
    elif tag == "meta" and (element.get("name") or "").lower() == "color-scheme":
        yield "html-meta-color-scheme", "<meta name=color-scheme>", True
    elif tag == "a":
        yield from of_address((element.get("href") or "").strip().lower())
    elif tag == "img":
        yield from of_image((element.get("src") or "").strip())
        if element.get("srcset"):
            yield "html-srcset", "<img srcset>", bool(element.get("src"))


def spares(element: Element) -> bool:
    """Whether what stands in an element is there for programs that do not know it."""
    if element.tag in ("video", "audio"):
        return bool(visible(element)) or element.find(".//img") is not None
    if element.tag == "picture":
        return element.find(".//img") is not None
    return False


def of_address(href: str) -> Iterator[Named]:
    for begins, slug in SCHEMES.items():
        if href.startswith(begins) and href != "#":
            yield slug, f'<a href="{href}">', False


def of_image(src: str) -> Iterator[Named]:
    """The kind of picture, by the end of its address or what it says itself."""
    if inline := INLINE.match(src):
        yield "image-base64", f"data:image/{inline[1]}", False
    found = inline or ENDING.search(src)
    if found and (slug := IMAGES.get(found[1].lower())):
        yield slug, src[:100], False


def of_document(document: Document) -> Iterator[Named]:
    """What belongs to no element."""
    if any(True for _ in document.root.iter(Comment)):
        yield "html-comments", "<!-- -->", True
    if any(name in document.root.attrib for name in ("amp4email", "⚡4email", "⚡")):
        yield "amp", "<html amp4email>", True
