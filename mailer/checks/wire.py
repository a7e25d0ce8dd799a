"""A serialised message taken apart as little as the rules need, so that nothing is mended on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
BRACKETED = re.compile(r"<([^<>]*)>")
BARE = re.compile(r"(?<![^\s:<>])[^\s:<>]+@[^\s:<>]+")
QUOTED = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)', re.DOTALL)
"""One that nobody closed goes on to the end."""
LONGEST_NESTING = 10


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it stands in the message. `lines` are its physical lines, the name taken away."""

    name: str
    lines: tuple[str, ...]

    @property
    def value(self) -> str:
        """Its content on one line."""
        return "".join(self.lines).strip()


@dataclass(frozen=True, slots=True)
class Entity:
    """A message or a part of one: headers, and the body as its bytes stand there."""

    headers: tuple[Header, ...]
    body: bytes

    def named(self, name: str) -> list[Header]:
        return [header for header in self.headers if header.name.lower() == name.lower()]

    def value(self, name: str) -> str:
        """The content of the first header of this name; empty where there is none."""
        return next((header.value for header in self.named(name)), "")

    @property
    def type(self) -> str:
        """As text/html; text/plain where nothing is said (RFC 2045, 5.2)."""
        return self.value("Content-Type").partition(";")[0].strip().lower() or "text/plain"

    @property
    def encoding(self) -> str:
        return self.value("Content-Transfer-Encoding").lower() or "7bit"

    @property
    def parts(self) -> list[Entity]:
        found = BOUNDARY.search(self.value("Content-Type")) if self.type.startswith("multipart/") else None
        if not found:
            return []
        line = b"\n--" + (found[1] or found[2]).encode("latin-1")
        pieces = re.split(re.escape(line) + rb"(?:--)?[ \t]*\r?(?=\n|\Z)", b"\n" + self.body)
        return [entity(piece.removeprefix(b"\n").removesuffix(b"\r")) for piece in pieces[1:-1]]

    def leaves(self, depth: int = 0) -> Iterator[Entity]:
        """The parts that hold no other parts."""
        parts = self.parts if depth < LONGEST_NESTING else []
        for part in parts:
            yield from part.leaves(depth + 1)
        if not parts:
            yield self


@lru_cache(maxsize=16)
def message(raw: bytes) -> Entity:
    """A whole message. One that a file keeps with the line ends of Unix is read as well."""
    return entity(raw)


@lru_cache(maxsize=16)
def leaves(raw: bytes) -> tuple[Entity, ...]:
    """Its parts that hold no other parts."""
    return tuple(message(raw).leaves())


def entity(raw: bytes) -> Entity:
    head, _, body = raw.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")
    if raw.startswith((b"\n", b"\r\n")):
        head, body = b"", raw.removeprefix(b"\r").removeprefix(b"\n")
    return Entity(tuple(headers(head.decode("latin-1"))), body)


def headers(head: str) -> Iterator[Header]:
    lines: list[str] = []
    for line in [*head.replace("\r\n", "\n").split("\n"), ""]:
        if line.startswith((" ", "\t")) and lines:
            lines.append(line)
            continue
        if lines:
            name, _, first = lines[0].partition(":")
            yield Header(name.strip(), (first, *lines[1:]))
        lines = [line] if ":" in line else []


def addresses(header: str) -> list[str]:
    """The addresses in a header such as To, each in angle brackets or bare."""
    without_names = QUOTED.sub("", header)
    pieces = (BRACKETED.findall(each) or BARE.findall(each) for each in re.split("[,;]", without_names))
    return [address for found in pieces for address in found]
