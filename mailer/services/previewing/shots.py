"""What a picture of an issue is taken of: the same mail in every frame that the page has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailer.render.scheme import SCHEMES, Scheme, in_scheme
from mailer.services.previewing.session import Session
from mailer.services.previewing.shown import Wish

WIDTHS: Final = {"phone": 375, "desktop": 800}


@dataclass(frozen=True, slots=True)
class Shot:
    """A mail to be loaded by a browser of this width, in this scheme. `images`: whether they are loaded."""

    name: str
    html: str
    width: int
    scheme: Scheme
    images: bool = True


def shots(session: Session, wish: Wish) -> Iterator[Shot]:
    """Phone and desktop, each light, dark and without images. Nothing where the issue never compiled."""
    view = session.view(wish)
    if view is None:
        return
    for frame, width in WIDTHS.items():
        for scheme in SCHEMES:
            yield Shot(f"{frame}-{scheme}", in_scheme(view.mail.html, scheme), width, scheme)
        yield Shot(f"{frame}-images-off", in_scheme(view.mail.html, "light"), width, "light", images=False)
