"""The colours of a picture."""

from __future__ import annotations

import io

from PIL import Image

Colour = tuple[int, int, int]


class Pixels:
    """Those of a PNG."""

    def __init__(self, png: bytes) -> None:
        self.image = Image.open(io.BytesIO(png)).convert("RGB")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.image.size

    def at(self, x: int, y: int) -> Colour:
        red, green, blue = self.image.crop((x, y, x + 1, y + 1)).tobytes()
        return red, green, blue
