"""The colours of a PNG as a browser writes it: eight bits, red, green and blue, with or without alpha."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Pixels:
    width: int
    height: int
    depth: int
    rows: list[bytes]

    def at(self, x: int, y: int) -> Colour:
        first = x * self.depth
        red, green, blue = self.rows[y][first : first + 3]
        return red, green, blue


def size(png: bytes) -> tuple[int, int]:
    """Width and height; the colours are not looked at."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def read(png: bytes) -> Pixels:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed, header = 8, b"", b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + size]
        header = content if kind == b"IHDR" else header
        packed += content if kind == b"IDAT" else b""
        at += size + 12
    width, height, bits, colours = struct.unpack(">IIBB", header[:10])
    assert (bits, colours) in ((8, 2), (8, 6))
    depth = 3 if colours == 2 else 4
    return Pixels(width, height, depth, unfiltered(zlib.decompress(packed), width * depth, depth))


def unfiltered(data: bytes, length: int, depth: int) -> list[bytes]:
    """The rows (PNG specification, section 9)."""
    before, rows = bytearray(length), []
    for start in range(0, len(data), length + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + length])
        if kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, before, strict=True))
        elif kind:
            for place in range(length):
                left = row[place - depth] if place >= depth else 0
                corner = before[place - depth] if place >= depth else 0
                row[place] = (row[place] + predicted(kind, left, before[place], corner)) & 255
        rows.append(bytes(row))
        before = row
    return rows


def predicted(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 3:
        return (left + above) // 2
    guess = left + above - corner
    return min((abs(guess - each), place, each) for place, each in enumerate((left, above, corner)))[2]
