"""A mail as a program in the light or in the dark shows it, whatever the browser that it is looked at in prefers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

Scheme = Literal["light", "dark"]

SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")

_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style\s*>)", re.DOTALL | re.IGNORECASE)
_MEDIA = re.compile(r"""(\bmedia\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_DECLARES = re.compile(
    r"""<meta\b[^>]*\bname\s*=\s*["']?(?:supported-)?color-schemes?["']?[^>]*>|\bcolor-scheme\s*:""", re.IGNORECASE
)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)
_TAG = re.compile(r"<[a-z!/](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)

TRUE, FALSE = "(min-width: 0px)", "(max-width: 0px)"
"""Media features that hold everywhere and nowhere, and may stand wherever the other one did."""


def in_scheme(html: str, scheme: Scheme) -> str:
    """The HTML with `prefers-color-scheme` answered: in style sheets and in `media` attributes, not in text."""

    def answered(text: str) -> str:
        return _PREFERS.sub(lambda found: TRUE if found[1].lower() == scheme else FALSE, text)

    def sheet(found: re.Match[str]) -> str:
        return tag(found[1]) + answered(found[2]) + found[3]

    def tag(text: str) -> str:
        return _MEDIA.sub(lambda found: found[1] + answered(found[2]), text)

    pieces, end = [], 0
    for found in _STYLE.finditer(html):
        pieces += [_outside(html[end : found.start()], tag), sheet(found)]
        end = found.end()
    pieces.append(_outside(html[end:], tag))
    return _with_canvas("".join(pieces), scheme)


def answers_dark(html: str) -> bool:
    """Whether it says anything about how it looks in the dark."""
    return any(found[1].lower() == "dark" for found in _PREFERS.finditer(html)) or bool(_DECLARES.search(html))


def _outside(text: str, change: Callable[[str], str]) -> str:
    return _TAG.sub(lambda found: change(found[0]), text) if "media" in text.lower() else text


def _with_canvas(html: str, scheme: Scheme) -> str:
    """The colours that a browser gives by itself, to what says that it can be dark and to no other."""
    canvas = scheme if _DECLARES.search(_COMMENT.sub("", html)) else "only light"
    own = f"<style>:root{{color-scheme:{canvas} !important}}</style>"
    found = _HEAD_END.search(html)
    return html[: found.start()] + own + html[found.start() :] if found else own + html
