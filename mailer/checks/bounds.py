"""CSS as far as a parser is let at it: what no author writes would end the program that reads it."""

from __future__ import annotations

import re
from typing import Final

DEEPEST: Final = 64
"""Brackets within brackets. What is nested deeper is read as nothing, and browsers have a limit as well."""

DIGITS: Final = re.compile(r"(?<=\d{20})\d+")
"""More of a number than anything depends on."""

BRACKETS: Final = re.compile(r"[][(){}]")


def bounded(css: str) -> str:
    """The same text for all that is ever written; shorter numbers or nothing for what is there to break a reader."""
    return "" if is_deep(css) else DIGITS.sub("", css)


def is_deep(css: str) -> bool:
    depth = 0
    for bracket in BRACKETS.finditer(css):
        depth = depth + 1 if bracket[0] in "[({" else max(depth - 1, 0)
        if depth > DEEPEST:
            return True
    return False
