"""The HTML of a mail with the number of each element in it, so that a page can show where a finding is."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from mailer.checks.document import Document

ATTRIBUTE: Final = "data-mailer-element"

_NAME_END = re.compile(r"<[^\s/>]+")


class _Starts(HTMLParser):
    """Where start tags stand; those in comments, also in conditional ones, are none."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.places: list[int] = []
        self._lines = [0]
        self._lines += [found.end() for found in re.finditer("\n", html)]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        self.places.append(self._lines[line - 1] + column)


def numbered(html: str) -> str:
    """The HTML with `data-mailer-element="N"` in each start tag, N as `Document` counts it.

    The tags are numbered as they stand, and libxml2 is asked which element became of each: it adds elements that
    nobody wrote and drops some that somebody did. Otherwise nothing of the text changes.
    """
    places = _Starts(html).places
    first = _with(html, places, range(len(places)))
    numbers = {
        int(mark): number
        for number, element in enumerate(Document(first).elements)
        if (mark := element.get(ATTRIBUTE, "")).isdecimal()
    }
    kept = [place for index, place in enumerate(places) if index in numbers]
    return _with(html, kept, [numbers[index] for index in range(len(places)) if index in numbers])


def _with(html: str, places: list[int], numbers: range | list[int]) -> str:
    pieces, end = [], 0
    for place, number in zip(places, numbers, strict=True):
        name = _NAME_END.match(html, place)
        assert name is not None
        pieces += [html[end : name.end()], f' {ATTRIBUTE}="{number}"']
        end = name.end()
    return "".join([*pieces, html[end:]])
