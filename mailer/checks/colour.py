"""Colours as CSS writes them, laid over one another, and how well one is read on another (WCAG 2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinycss2.color4 import parse_color

SAYS_RGB = frozenset({"srgb", "hsl", "hwb"})
SHORT_HEX = re.compile(r"#[0-9a-f]{3}")
HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Colour:
    """Red, green and blue from 0 to 255; `alpha` 1 covers what is behind."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def over(self, behind: Colour) -> Colour:
        """What is seen of this colour in front of one that covers."""
        return self.mixed(behind, self.alpha)

    def mixed(self, behind: Colour, share: float) -> Colour:
        return Colour(
            behind.red + (self.red - behind.red) * share,
            behind.green + (self.green - behind.green) * share,
            behind.blue + (self.blue - behind.blue) * share,
        )

    @property
    def code(self) -> str:
        """As #rrggbb."""
        return "#" + "".join(f"{round(part):02x}" for part in (self.red, self.green, self.blue))

    @property
    def luminance(self) -> float:
        """Relative luminance, from 0 for black to 1 for white."""
        return 0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)


WHITE = Colour(255, 255, 255)
BLACK = Colour(0, 0, 0)
CLEAR = Colour(0, 0, 0, 0)


def linear(part: float) -> float:
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def contrast(one: Colour, other: Colour) -> float:
    """From 1 for the same luminance to 21 for black and white."""
    darker, lighter = sorted((one.luminance, other.luminance))
    return (lighter + 0.05) / (darker + 0.05)


def css_colour(token: object) -> Colour | str | None:
    """A colour, `currentcolor`, or None for what is none or cannot be worked out here (lab, oklch)."""
    found = parse_color(token)
    if found is None or isinstance(found, str):
        return found
    if found.space not in SAYS_RGB:
        return None
    try:
        red, green, blue = found.to("srgb").coordinates
    except NotImplementedError:
        return None
    return Colour(byte(red), byte(green), byte(blue), found.alpha)


def byte(share: float) -> float:
    return min(255.0, max(0.0, share * 255))


def old_colour(text: str) -> Colour | None:
    """A colour of an HTML attribute such as `bgcolor`. Browsers make one of whatever stands there, as HTML has it
    ("rules for parsing a legacy color value")."""
    word = text.strip().lower()
    if word in ("", "transparent"):
        return None
    found = css_colour(word) if word.isalpha() or SHORT_HEX.fullmatch(word) else None
    return found if isinstance(found, Colour) else guessed(word[:128].removeprefix("#"))


def guessed(word: str) -> Colour:
    """Three equal parts, each a number as far as it is one; what is no hexadecimal digit counts as 0."""
    digits = "".join(letter if letter in HEX else "0" for letter in word)
    digits += "0" * (max(3, len(digits)) + -max(3, len(digits)) % 3 - len(digits))
    length = len(digits) // 3
    parts = [digits[at : at + length][-8:] for at in range(0, 3 * length, length)]
    while len(parts[0]) > 2 and all(part[0] == "0" for part in parts):
        parts = [part[1:] for part in parts]
    red, green, blue = (float(int(part[:2], 16)) for part in parts)
    return Colour(red, green, blue)
