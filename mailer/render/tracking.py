"""Links that count: which of an issue's links may be, and a compiled part with short links in their place.

A link is replaced where its whole address is the same for everybody. What holds recipient data, leads to a page of
ours (unsubscribing, preferences, the mail as a page) or shows its address to the reader stays as it is: a link that
says one address and leads to another is what frauds do, and mail programs warn of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from mailer.render.flat import Choice, Flat, Print, Repeat, Segment

MOST: Final = 500
"""So many links of an issue are counted; the others stay as they are."""

LONGEST: Final = 2000

# As the engine writes them: quoted by the double sign. An address beside which something personal stands is not whole
# in a run, so it is not found.
ANCHOR = re.compile(
    r"(<a\b[^<>]*?\shref=\")(https?://[^\"<>\s\\]+)(?=\"[^<>]*>(?!(?:\s|<(?!/a\b)[^<>]*>)*(?:https?:|www\.)))",
    re.IGNORECASE,
)
# In a text, with the sign before it, so that nothing is cut out of a longer address.
BARE = re.compile(r"(^|[\s(<\[])(https?://[^\s<>\"\\]+?)(?=[.,;:!?)\]}'*_]*(?:[\s<>]|$))", re.IGNORECASE)
# What ends a sentence and no address.
STOPS = ".,;:!?)]}'*_"
END = re.compile(r"</body\s*>", re.IGNORECASE)


def countable(html: Flat, own: str) -> tuple[str, ...]:
    """The addresses that links of an HTML part lead to and that may be counted, each once, in their order.

    `own`: where our own pages are.
    """
    found = (unescape(match[2]) for run in _runs(html.segments) for match in ANCHOR.finditer(run))
    return tuple(dict.fromkeys(url for url in found if _may_count(url, own)))[:MOST]


def counting(html: Flat, text: Flat, urls: Sequence[str], base: str | Print) -> tuple[Flat, Flat]:
    """Both parts with short links to these addresses: `base`, and behind it the number of the address, from 1.

    The HTML gets a picture too, which has the number 0. `base`: the same for everybody, or what is each reader's own.
    """
    numbers = {url: number for number, url in enumerate(urls, 1)}
    short_html = _Shortening(ANCHOR, numbers, base, escaped=True).all(html.segments)
    short_text = _Shortening(BARE, numbers, base, escaped=False).all(text.segments)
    return replace(html, segments=_with_picture(short_html, base)), replace(text, segments=short_text)


def _may_count(url: str, own: str) -> bool:
    if len(url) > LONGEST or not url.isprintable() or re.search(r"[\s\\\"<>]", url):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    ours = own.rstrip("/").lower()
    mine = url.lower() == ours or url.lower().startswith((f"{ours}/", f"{ours}?", f"{ours}#"))
    # Other letters in a name of a host, or somebody's password in an address, are none of a short link's business.
    return bool(host) and host.isascii() and "@" not in parts.netloc and not mine


def _runs(segments: Sequence[Segment]) -> Iterator[str]:
    for segment in segments:
        match segment:
            case str():
                yield segment
            case Choice(branches, otherwise):
                for _, body in branches:
                    yield from _runs(body)
                yield from _runs(otherwise)
            case Repeat(body=body, otherwise=otherwise):
                yield from _runs(body)
                yield from _runs(otherwise)


class _Shortening:
    def __init__(self, pattern: re.Pattern[str], numbers: Mapping[str, int], base: str | Print, *, escaped: bool):
        self.pattern, self.numbers, self.base, self.escaped = pattern, numbers, base, escaped

    def all(self, segments: Sequence[Segment]) -> tuple[Segment, ...]:
        short: list[Segment] = []
        for place, segment in enumerate(segments):
            match segment:
                case str():
                    # What stands at an edge of a run may go on in what is personal.
                    after, before = place + 1 < len(segments), place > 0
                    short += self.run(segment, begins=not before, ends=not after)
                case Choice(branches, otherwise):
                    bodies = tuple((test, self.inner(body)) for test, body in branches)
                    short.append(replace(segment, branches=bodies, otherwise=self.inner(otherwise)))
                case Repeat(body=body, otherwise=otherwise):
                    short.append(replace(segment, body=self.inner(body), otherwise=self.inner(otherwise)))
                case _:
                    short.append(segment)
        return tuple(short)

    def inner(self, segments: Sequence[Segment]) -> tuple[Segment, ...]:
        """What stands inside a condition: nothing is known of what stands beside it."""
        return self.all(("", *segments, ""))[1:-1] if segments else ()

    def run(self, text: str, *, begins: bool, ends: bool) -> list[Segment]:
        pieces: list[Segment] = []
        done = 0
        for found in self.pattern.finditer(text):
            url = unescape(found[2]) if self.escaped else found[2]
            torn = not self.escaped and (
                (found.start(2) == 0 and not begins) or (not ends and not text[found.end(2) :].strip(STOPS))
            )
            if url in self.numbers and not torn:
                pieces += [text[done : found.start(2)], self.base, f"/{self.numbers[url]}"]
                done = found.end(2)
        return [*pieces, text[done:]]


def _with_picture(segments: Sequence[Segment], base: str | Print) -> tuple[Segment, ...]:
    """The part with a picture of one point at its end, whose fetching is an opening."""
    before, after = '<img src="', '/0" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'
    for place in reversed(range(len(segments))):
        segment = segments[place]
        ends = list(END.finditer(segment)) if isinstance(segment, str) else []
        if isinstance(segment, str) and ends:
            at = ends[-1].start()
            picture = (segment[:at] + before, base, after + segment[at:])
            return (*segments[:place], *picture, *segments[place + 1 :])
    return (*segments, before, base, after)
