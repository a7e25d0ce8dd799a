"""Which picture stands for an article."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser

import nh3

from mailer.articles.clean import plain_text, safe_url

_ATTRIBUTES = {"src", "alt", "width", "height", "class", "data-src", "data-lazy-src"}
_ALT_LIMIT = 250
# Faces, smileys and counters are no picture of the article.
_DECORATION = re.compile(r"\b(?:emoji|smiley|avatar|gravatar|icon|spacer|pixel)\b", re.IGNORECASE)
_COUNTERS = re.compile(
    r"//(?:s\.w\.org|pixel\.wp\.com|stats\.wordpress\.com|[^/]*gravatar\.com|feeds\.feedburner\.com"
    r"|[^/]*doubleclick\.net|[^/]*google-analytics\.com)/",
    re.IGNORECASE,
)
_SMALLEST = 32
# Lazy loading keeps the picture in there for browsers without scripts.
_NOSCRIPT = re.compile(r"</?noscript\b[^<>]*>", re.IGNORECASE)
_CONTENT_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as a source offers it; a size of 0 means that none is declared."""

    url: str
    alt: str = ""
    width: int = 0
    height: int = 0
    css_class: str = ""


def choose_image(offered: Iterable[Image], content: str, root: str | None) -> tuple[str | None, str]:
    """The link and the alternative text of the first usable picture: those offered, then those in the content."""
    for image in (*offered, *images_in(content)):
        url = safe_url(image.url, root)
        if url and _is_picture(image, url):
            return url, plain_text(image.alt)[:_ALT_LIMIT]
    return None, ""


def pixels(value: object) -> int:
    """A declared size; 0 when it is not a number of pixels."""
    match = re.fullmatch(r"\s*(\d{1,5})(?:\.\d+)?\s*(?:px)?\s*", str(value), re.ASCII)
    return int(match[1]) if match else 0


def _is_picture(image: Image, url: str) -> bool:
    declared = [size for size in (image.width, image.height) if size]
    if any(size < _SMALLEST for size in declared):
        return False
    # No mail client of weight shows SVG.
    path = url.split("?", 1)[0].lower()
    return not (path.endswith((".svg", ".svgz")) or _COUNTERS.search(url) or _DECORATION.search(image.css_class))


def images_in(content: str) -> list[Image]:
    """The pictures of an HTML text, in its order."""
    if "<img" not in content.lower():
        return []
    cleaned = nh3.clean(
        _NOSCRIPT.sub("", content[:_CONTENT_LIMIT]).encode("utf-8", "ignore").decode("utf-8"),
        tags={"img"}, attributes={"img": _ATTRIBUTES}, url_schemes={"http", "https"}, link_rel=None,
        clean_content_tags={"script", "style", "template"},
    )  # fmt: skip
    reader = _ImageReader()
    reader.feed(cleaned)
    return reader.found


class _ImageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Image] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        # Lazy loading puts a placeholder into src and the picture here.
        source = values.get("data-src") or values.get("data-lazy-src") or values.get("src", "")
        self.found.append(
            Image(
                source, values.get("alt", ""), pixels(values.get("width", "")), pixels(values.get("height", "")),
                values.get("class", ""),
            )
        )  # fmt: skip
