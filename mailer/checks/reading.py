"""The text of a mail as it is read: which element says what, and how that looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from mailer.checks.cascade import Look, looks
from mailer.checks.document import Document, Element, visible
from mailer.checks.facts import Facts, Mail
from mailer.checks.screen import DARK, LIGHT, Screen

SCREENS = (*LIGHT, *DARK)


class Words(NamedTuple):
    """Text that an element says itself, not what is in it."""

    element: Element
    text: str
    look: Look


def written(facts: Facts) -> Iterator[Mail]:
    """The mails that have HTML."""
    return (mail for mail in facts.mails if mail.html.strip())


@lru_cache(maxsize=32)
def words_on(document: Document, screen: Screen) -> Sequence[Words]:
    """What is there to read; marks that only separate are not."""
    known = looks(document, screen)
    return tuple(Words(element, text, known[number]) for number, element, text in document.texts if known[number].read)


def shown(document: Document, element: Element) -> bool:
    """Whether it is to be seen on any screen."""
    number = document.numbers[element]
    return any(looks(document, screen)[number].shown for screen in SCREENS)


def name_of(element: Element) -> str:
    """What a screen reader calls a link: its label, else what is in it, else its title."""
    return (element.get("aria-label") or "").strip() or visible(element) or (element.get("title") or "").strip()


def block_of(document: Document, element: Element, screen: Screen) -> Element:
    """The nearest element around it that is not part of a line."""
    for each in element.iterancestors():
        if not looks(document, screen)[document.numbers[each]].inline:
            return each
    return document.root
