"""What pictures of an issue are taken of: every view that the page has, each as a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from mailer.languages import direction
from mailer.render.scheme import Scheme, in_scheme
from mailer.services.previewing.drawn import inbox_page, lines_page
from mailer.services.previewing.session import Session
from mailer.services.previewing.shown import View, Wish

PHONE: Final = 375
DESKTOP: Final = 800

FROM_RIGHT: Final = "ar"
"""The language in which an issue is shown from right to left, as on the page."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A view of a mail. `images`: whether they are loaded; `turned`: from right to left; `brief`: one of the few that
    show what another reader changes."""

    name: str
    words: str
    width: int
    scheme: Scheme = "light"
    images: bool = True
    turned: bool = False
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """A page to be loaded by a browser of this width, in this scheme, with or without `images`. `drawn`: it is one of
    ours, and not the mail."""

    name: str
    html: str
    width: int
    scheme: Scheme
    images: bool = True
    words: str = ""
    direction: str = ""
    drawn: bool = False


FRAMES: Final = (
    Frame("phone-light", "phone, light", PHONE, brief=True),
    Frame("phone-dark", "phone, dark", PHONE, "dark"),
    Frame("phone-images-off", "phone, images off", PHONE, images=False),
    Frame("phone-right-to-left", "phone, right-to-left", PHONE, turned=True),
    Frame("desktop-light", "desktop, light", DESKTOP, brief=True),
    Frame("desktop-dark", "desktop, dark", DESKTOP, "dark"),
    Frame("desktop-images-off", "desktop, images off", DESKTOP, images=False),
    Frame("desktop-right-to-left", "desktop, right-to-left", DESKTOP, turned=True),
    Frame("inbox-light", "in the inbox of a phone, light", PHONE, images=False, brief=True),
    Frame("inbox-dark", "in the inbox of a phone, dark", PHONE, "dark", images=False),
    Frame("text", "plain text", DESKTOP, images=False, brief=True),
    Frame("source", "source of the HTML", DESKTOP, images=False),
    Frame("message", "message as it is handed over", DESKTOP, images=False),
)

DRAWN: Final[dict[str, Callable[[View], str]]] = {
    "inbox-light": lambda view: inbox_page(view, "light"),
    "inbox-dark": lambda view: inbox_page(view, "dark"),
    "text": lambda view: lines_page("Plain text", view.mail.text),
    "source": lambda view: lines_page("Source", view.mail.html),
    "message": lambda view: lines_page("Message", view.mail.raw.decode("utf-8", "replace")),
}
"""Views that are pages of ours; all others are the mail itself."""


def frames_for(language: str, *, whole: bool) -> tuple[Frame, ...]:
    """All of them, or the brief ones. An issue that is from right to left anyway is not turned."""
    own = direction(language) == "rtl"
    return tuple(each for each in FRAMES if (whole or each.brief) and not (own and each.turned))


def shots(session: Session, wish: Wish, *, whole: bool = True) -> Iterator[Shot]:
    """A shot of each frame, of one mail. Nothing where the issue never compiled."""
    view = session.view(wish)
    if view is None:
        return
    turned: View | None = None
    for frame in frames_for(view.language, whole=whole):
        if frame.turned:
            turned = turned or session.view(replace(wish, language=FROM_RIGHT))
        shown = (turned or view) if frame.turned else view
        draw = DRAWN.get(frame.name)
        html = draw(shown) if draw else in_scheme(shown.mail.html, frame.scheme)
        yield Shot(
            frame.name, html, frame.width, frame.scheme, frame.images, frame.words, shown.direction, draw is not None
        )
