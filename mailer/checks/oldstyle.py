"""What elements look like before any style sheet: the browser's own rules, and attributes of HTML that are colours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailer.checks.colour import Colour, old_colour
from mailer.checks.declared import Length, Value
from mailer.checks.document import Element

LINK, DARK_LINK = Colour(0, 0, 238), Colour(158, 158, 255)
"""Of links that nothing colours, in Chromium."""

BOLD: Mapping[str, Value] = {"font-weight": "bolder"}
BLOCK: Mapping[str, Value] = {"display": "block"}
HIDDEN: Mapping[str, Value] = {"display": "none"}
FIXED: Mapping[str, Value] = {"font-family": "monospace"}
SMALLER: Mapping[str, Value] = {"font-size": Length(1 / 1.2, "em")}
UNDERLINED: Mapping[str, Value] = {"text-decoration-line": "underline"}
HEADING: dict[str, Value] = {"display": "block", "font-weight": 700}

OF_TAGS: Mapping[str, Mapping[str, Value]] = {
    **dict.fromkeys(("head", "script", "style", "title", "meta", "link", "noscript", "template", "base"), HIDDEN),
    **dict.fromkeys(("html", "body", "div", "p", "ul", "ol", "blockquote", "center", "article", "section"), BLOCK),
    **dict.fromkeys(("header", "footer", "main", "nav", "figure", "address", "dl", "dt", "dd", "form", "hr"), BLOCK),
    **dict.fromkeys(("b", "strong"), BOLD),
    **dict.fromkeys(("u", "ins"), UNDERLINED),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), FIXED),
    **dict.fromkeys(("small", "sub", "sup"), SMALLER),
    "big": {"font-size": Length(1.2, "em")},
    "pre": {**BLOCK, **FIXED},
    "li": {"display": "list-item"},
    "table": {"display": "table"},
    "tr": {"display": "table-row"},
    "td": {"display": "table-cell"},
    "th": {"display": "table-cell", "font-weight": 700},
    "img": {"display": "inline-block"},
    "button": {"display": "inline-block"},
    "mark": {"background-color": Colour(255, 255, 0), "color": Colour(0, 0, 0)},
    **{
        f"h{level}": {**HEADING, "font-size": Length(share, "em")}
        for level, share in enumerate((2.0, 1.5, 1.17, 1.0, 0.83, 0.67), 1)
    },
}
FONT_SIZES = {1: 10.0, 2: 13.0, 3: 16.0, 4: 18.0, 5: 24.0, 6: 32.0, 7: 48.0}
GROUNDED = frozenset({"body", "table", "thead", "tbody", "tfoot", "tr", "td", "th"})
ALIGNED = frozenset({"div", "p", "td", "th", "tr", "h1", "h2", "h3", "h4", "h5", "h6"})


def browsers_own(element: Element, *, dark: bool) -> dict[str, Value]:
    """The browser's style sheet."""
    values = dict(OF_TAGS.get(element.tag, {}))
    if element.tag == "a" and element.get("href") is not None:
        values |= {"color": DARK_LINK if dark else LINK, **UNDERLINED}
    return values


def of_attributes(element: Element) -> dict[str, Value]:
    """What `bgcolor` and its like say. Any style rule wins over it."""
    values: dict[str, Value] = {}
    attributes = element.attrib
    if element.get("hidden") is not None:
        values["display"] = "none"
    if element.tag in GROUNDED:
        values |= coloured("background-color", attributes.get("bgcolor"))
        if (attributes.get("background") or "").strip():
            values["background-image"] = "picture"
    if element.tag in ALIGNED and attributes.get("align"):
        values["text-align"] = attributes["align"].strip().lower()
    if element.tag == "center":
        values["text-align"] = "center"
    if element.tag == "body":
        values |= coloured("color", attributes.get("text"))
    if element.tag == "a" and element.get("href") is not None:
        body = element.getroottree().find("body")
        values |= coloured("color", None if body is None else body.get("link"))
    if element.tag == "font":
        values |= coloured("color", attributes.get("color")) | font_size(attributes.get("size"))
    return values


def coloured(name: str, text: str | None) -> dict[str, Value]:
    found = old_colour(text) if text else None
    return {name: found} if found else {}


def font_size(text: str | None) -> dict[str, Value]:
    found = re.fullmatch(r"\s*([+-]?)(\d{1,9})\s*", text or "")
    if not found:
        return {}
    number = int(found[2]) if not found[1] else 3 + int(found[1] + found[2])
    return {"font-size": Length(FONT_SIZES[min(7, max(1, number))], "named")}
