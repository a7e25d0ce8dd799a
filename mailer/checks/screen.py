"""What a mail is looked at with, and which style rules apply there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import tinycss2

from mailer.checks.bounds import bounded

Token = Any

CUT_PIXELS = {"px": 1.0, "em": 16.0, "rem": 16.0, "pt": 4 / 3, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
"""Lengths in media queries, where an em is that of the browser."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A window of so many CSS pixels, of a reader who likes it dark or not."""

    width: int
    height: int
    dark: bool = False

    @property
    def phone(self) -> bool:
        return self.width < self.height


PHONE, DESKTOP = Screen(375, 812), Screen(800, 600)
DARK_PHONE, DARK_DESKTOP = Screen(375, 812, dark=True), Screen(800, 600, dark=True)
LIGHT, DARK = (PHONE, DESKTOP), (DARK_PHONE, DARK_DESKTOP)


@lru_cache(maxsize=4096)
def applies(query: str, screen: Screen) -> bool:
    """Whether a list of media queries lets rules through. Nobody prints here."""
    tokens = tinycss2.parse_component_value_list(bounded(query), skip_comments=True)
    return not query.strip() or any(fits(part, screen) for part in split(tokens, ","))


def split(tokens: list[Token], mark: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == mark:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def fits(tokens: list[Token], screen: Screen) -> bool:
    """One query: words and features in brackets, joined by `and` or by `or`."""
    words = [token.lower_value for token in tokens if token.type == "ident"]
    answers = [holds(token.content, screen) for token in tokens if token.type == "() block"]
    answers += [word in ("all", "screen") for word in words if word not in ("only", "not", "and", "or")]
    if not answers or any(token.type == "error" for token in tokens):
        return False
    answer = any(answers) if "or" in words else all(answers)
    return answer is not ("not" in words)


def holds(tokens: list[Token], screen: Screen) -> bool:
    """One feature, `(max-width: 480px)` or `(width <= 480px)`, or queries in brackets."""
    bare = [token for token in tokens if token.type != "whitespace"]
    if any(token.type == "() block" for token in bare):
        return fits(bare, screen)
    if not bare:
        return False
    if bare[0].type == "ident" and len(bare) > 2 and bare[1] == ":":
        return feature(bare[0].lower_value, bare[2:], screen)
    return ranged(bare, screen) if len(bare) > 1 else bare[0].type == "ident" and bare[0].lower_value in KNOWN


KNOWN = frozenset({"width", "height", "color", "hover", "pointer", "prefers-color-scheme"})
"""Features that mean something without a value."""


def feature(name: str, value: list[Token], screen: Screen) -> bool:
    word = value[0].lower_value if value[0].type == "ident" else ""
    said = {
        "prefers-color-scheme": "dark" if screen.dark else "light",
        "orientation": "portrait" if screen.phone else "landscape",
        "hover": "none" if screen.phone else "hover",
        "pointer": "coarse" if screen.phone else "fine",
        "prefers-reduced-motion": "no-preference",
        "prefers-contrast": "no-preference",
        "forced-colors": "none",
    }
    if name in said:
        return word == said[name]
    if found := DENSITY.fullmatch(name):
        return within(found[1] or "", DOTS, dots(value[0]))
    side, _, what = name.replace("-device-", "-").rpartition("-")
    return within(side, {"width": screen.width, "height": screen.height}.get(what), pixels(value[0]))


DENSITY = re.compile(r"(?:-webkit-)?(?:(min|max)-)?(?:-moz-)?(?:resolution|device-pixel-ratio)")
DOTS = 1
"""For each pixel: what is meant for finer screens alone is not seen on others, so a mail must be fine without it."""


def within(side: str, own: float | None, limit: float | None) -> bool:
    if limit is None or own is None:
        return False
    return {"min": own >= limit, "max": own <= limit, "": own == limit}.get(side, False)


def dots(token: Token) -> float | None:
    """For each pixel (CSS Values 4, section 7.4)."""
    if token.type == "number":
        return float(token.value)
    known = {"dppx": 1.0, "x": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}
    unit = known.get(token.lower_unit) if token.type == "dimension" else None
    return None if unit is None else float(token.value) * unit


def pixels(token: Token) -> float | None:
    if token.type == "number":
        return float(token.value) if token.value == 0 else None
    known = CUT_PIXELS.get(token.lower_unit) if token.type == "dimension" else None
    return None if known is None else float(token.value) * known


def ranged(tokens: list[Token], screen: Screen) -> bool:
    """`400px <= width < 600px`: numbers and signs, from left to right."""
    values: list[float | None] = []
    signs: list[str] = []
    for token in tokens:
        if token.type == "literal":
            joined = signs and len(signs) == len(values)
            signs[-1 if joined else len(signs) :] = [signs[-1] + token.value if joined else token.value]
        elif token.type == "ident":
            values.append({"width": screen.width, "height": screen.height}.get(token.lower_value))
        else:
            values.append(pixels(token))
    if len(values) != len(signs) + 1:
        return False
    return all(compared(*each) for each in zip(values, signs, values[1:], strict=False))


def compared(left: float | None, sign: str, right: float | None) -> bool:
    if left is None or right is None:
        return False
    known = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "=": left == right}
    return known.get(sign, False)
