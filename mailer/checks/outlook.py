"""Outlook on Windows, which draws mails with Microsoft Word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.etree import Comment

from mailer.checks.caniemail.readers import shares_of
from mailer.checks.document import Document, Element, short
from mailer.checks.facts import Facts
from mailer.checks.features import unseen_by_word
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule
from mailer.checks.support import WORD

MARK = re.compile(
    r"<!(?:(?P<open>(?:--)?\[if\b[^\]<>]*\]>)"
    r"|(?P<broken>(?:--)?\[if\b[^\]<>]*>)"
    r"|(?P<close>\[endif\](?:--)?>))",
    re.IGNORECASE,
)
"""Where conditional comments begin and end."""

WIDTH = re.compile(r"(?:^|;)\s*(?:width\s*:\s*[\d.]+(?:px|%)|max-width\s*:\s*[\d.]+px)", re.IGNORECASE)
SHRINKS = re.compile(r"(?:^|;)\s*max-width\s*:\s*[\d.]+%", re.IGNORECASE)
MOST = re.compile(r"(?:^|;)\s*max-width\s*:\s*(\d{1,9})(?:\.\d+)?px", re.IGNORECASE)
GHOST = re.compile(r"<(?:table|td)\b[^<>]*\bwidth", re.IGNORECASE)
USUAL_WIDTH = 600
"""Pixels that nearly every mail is wide."""

WHOLE_MAIL = 400
"""Pixels from which something with a greatest width is the mail itself, and not a thing in it."""


def conditionals(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        opened: re.Match[str] | None = None
        for mark in MARK.finditer(mail.html):
            if mark["broken"]:
                yield Fault("a conditional comment lacks its ]", at(mark))
            elif mark["open"] and opened:
                yield Fault("a conditional comment begins inside another one", at(mark))
            elif mark["close"] and not opened:
                yield Fault("a conditional comment ends that never began", at(mark))
            opened = None if mark["close"] else mark
        if opened:
            yield Fault("a conditional comment never ends", at(opened))


def at(mark: re.Match[str]) -> Place:
    return Place(Part.HTML, mark.string.count("\n", 0, mark.start()) + 1, short(mark[0]))


def image_width(facts: Facts) -> Iterator[Fault]:
    if not read_in_word(facts):
        return
    for mail in facts.mails:
        hidden = unseen_by_word(mail.document)
        for image in mail.document.images:
            if image.element.get("width") or image.element in hidden:
                continue
            style, place = image.element.get("style") or "", mail.document.place(image.element, image.src)
            if WIDTH.search(style):
                message = "a picture has its width in its style only; Outlook on Windows shows it at its full size"
                yield Fault(message, place)
            elif SHRINKS.search(style) and not is_small(image.src, facts):
                message = "a picture shrinks by its style only; Outlook on Windows shows it at its full size"
                yield Fault(message, place, level=Level.NOTE)


def is_small(src: str, facts: Facts) -> bool:
    """Whether a picture is known to fit into a mail as it is."""
    known = facts.probes.get(src)
    return known is not None and 0 < known.width <= USUAL_WIDTH


def max_width(facts: Facts) -> Iterator[Fault]:
    """Word knows `max-width` on tables only, and a mail in a `div` gets as wide as the window."""
    if not read_in_word(facts):
        return
    for mail in facts.mails:
        document = mail.document
        if has_ghost_table(document):
            continue
        for element in document.tagged("div", "section", "main", "td", "center", "article"):
            wide = MOST.search(element.get("style") or "")
            if wide and int(wide[1]) >= WHOLE_MAIL and not is_held(element):
                yield Fault("in Outlook on Windows the mail is as wide as its window", document.place(element, wide[0]))
                break


def has_ghost_table(document: Document) -> bool:
    """Whether there is a table that only Outlook sees, to hold the width."""
    return any(GHOST.search(comment.text or "") for comment in document.root.iter(Comment))


def is_held(element: Element) -> bool:
    """Whether it, or something around it or right in it, has a width in pixels as an attribute."""
    return any((each.get("width") or "").isdigit() for each in (element, *element, *element.iterancestors()))


def read_in_word(facts: Facts) -> bool:
    return any(shares_of(facts.clients).get(name) for name in WORD)


RULES = (
    Rule(
        "outlook-comments",
        Family.CLIENTS,
        Level.WARNING,
        "What follows a conditional comment that is broken may be lost, in Outlook or everywhere.",
        "write <!--[if mso]> ... <![endif]-->, or <!--[if !mso]><!--> ... <!--<![endif]-->",
        conditionals,
    ),
    Rule(
        "outlook-image-width",
        Family.CLIENTS,
        Level.WARNING,
        "Outlook on Windows reads the width of pictures from their attribute.",
        "write width as an attribute as well, in whole pixels",
        image_width,
    ),
    Rule(
        "outlook-width",
        Family.CLIENTS,
        Level.NOTE,
        "Outlook on Windows knows max-width on tables only.",
        'put a table with a width into <!--[if mso]> ... <![endif]--> around it, or write width="600" on a table',
        max_width,
    ),
)
