"""Whether text stands out from what is behind it, in light and in dark (WCAG 2.1, 1.4.1 and 1.4.3)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mailer.checks.cascade import Look, looks
from mailer.checks.colour import contrast
from mailer.checks.document import Document, Element, visible
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.reading import block_of, words_on, written
from mailer.checks.rule import Family, Rule
from mailer.checks.screen import DARK, LIGHT, Screen

NEEDED, NEEDED_LARGE = 4.5, 3.0
BARELY = 2.0
"""A link to unsubscribe with less than that is as good as hidden."""

APART = 3.0
"""Between a link and the text around it, where nothing else tells them apart."""

AROUND = 10
"""Letters beside a link in its paragraph, from which on it is a link within text."""

DARK_GROUND = 0.2
"""The luminance below which a dark logo may be lost."""


def in_light(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        yield from too_faint(mail, LIGHT)


def in_dark(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        if knows_dark(mail.document):
            yield from too_faint(mail, DARK)


def too_faint(mail: Mail, screens: Iterable[Screen]) -> Iterator[Fault]:
    """The first text of every pair of colours that is too faint."""
    said = set()
    for screen in screens:
        known: dict[int, Faint | None] = {}  # by the Look's own id: a mail has many texts and few looks
        for words in words_on(mail.document, screen):
            number = id(words.look)
            if number not in known:
                known[number] = faint(words.look)
            if (found := known[number]) is None:
                continue
            level = Level.ERROR if found.ratio < BARELY and leads_out(words.element, mail.unsubscribe) else None
            pair = found.text, found.ground, found.needed, level
            if pair not in said:
                said.add(pair)
                yield Fault(found.message, mail.document.place(words.element, words.text), level=level)


class Faint(NamedTuple):
    """Two colours that are too near, and how much apart they are and should be."""

    text: str
    ground: str
    ratio: float
    needed: float

    @property
    def message(self) -> str:
        return f"{self.text} on {self.ground} has a contrast of {floored(self.ratio)}, needed is {self.needed:g}"


def faint(look: Look) -> Faint | None:
    """The colours of a text that hardly shows; None where it does, or where they are not known."""
    if look.seen is None:
        return None
    text, ground = look.seen
    ratio, needed = contrast(text, ground), NEEDED_LARGE if look.large else NEEDED
    return Faint(text.code, ground.code, ratio, needed) if ratio < needed else None


def floored(ratio: float) -> str:
    """Never rounded up to what is needed."""
    return f"{math.floor(ratio * 100) / 100:g}"


def leads_out(element: Element, unsubscribe: str) -> bool:
    """Whether it is in the link to unsubscribe."""
    return bool(unsubscribe) and any(each.get("href") == unsubscribe for each in [element, *element.iterancestors()])


def knows_dark(document: Document) -> bool:
    """Whether a mail says anything about dark mode."""
    styles = " ".join(style.text or "" for style in document.styles)
    media = " ".join(style.get("media") or "" for style in document.styles)
    metas = [each.get("content") or "" for each in document.tagged("meta") if is_scheme(each.get("name"))]
    return bool(DARK_STYLE.search(f"{styles} {media}")) or any("dark" in each.lower() for each in metas)


DARK_STYLE = re.compile(r"color-scheme\s*+:[^;:}]*\bdark\b", re.IGNORECASE)
"""As a property, and as what a media query asks."""


def is_scheme(name: str | None) -> bool:
    return (name or "").strip().lower() in ("color-scheme", "supported-color-schemes")


def not_dark(facts: Facts) -> Iterator[Fault]:
    if any(not knows_dark(mail.document) for mail in written(facts)):
        yield Fault("nothing in it is meant for dark mode", Place(Part.HTML))


SEE_THROUGH = re.compile(r"\.(png|gif|svg|webp|avif)([?#]|\Z)", re.IGNORECASE)
LOGO = re.compile(r"logo|icon|wordmark|signet", re.IGNORECASE)


def lost_logos(facts: Facts) -> Iterator[Fault]:
    """Pictures that are logos by what they are called, of a kind that may be transparent, on a dark ground."""
    for mail in written(facts):
        document = mail.document
        if not knows_dark(document):
            continue
        for image in document.images:
            called = " ".join(
                (image.src, image.alt or "", image.element.get("class") or "", image.element.get("id") or "")
            )
            on_dark = [looks(document, screen)[document.numbers[image.element]] for screen in DARK]
            dark = any(one.shown and one.ground and one.ground.luminance < DARK_GROUND for one in on_dark)
            if dark and SEE_THROUGH.search(image.src) and LOGO.search(called):
                yield Fault("a logo may be transparent and stands on a dark ground", document.place(image.element))


def only_colour(facts: Facts) -> Iterator[Fault]:
    """The first link within text that nothing but its colour tells apart."""
    for mail in written(facts):
        document = mail.document
        for link in document.links:
            if any(unmarked(document, link.element, screen) for screen in (LIGHT[1], DARK[1])):
                yield Fault(
                    "a link differs from the text around it by nothing but its colour",
                    document.place(link.element, link.text),
                )
                break


def unmarked(document: Document, link: Element, screen: Screen) -> bool:
    """Whether a link in a paragraph is as the text around it, but for a colour that is near."""
    known = looks(document, screen)
    inside = [known[document.numbers[each]] for each in link.iter("*")]
    own, around = known[document.numbers[link]], known[document.numbers[link.getparent()]]
    if not own.read or not own.inline or any(each.underlined or each.own or each.bordered for each in inside):
        return False
    if any(abs(each.weight - around.weight) >= 200 for each in inside) or not within_text(document, link, screen):
        return False
    if own.seen is None or around.seen is None:
        return False
    return contrast(own.seen[0], around.seen[0]) < APART


def within_text(document: Document, link: Element, screen: Screen) -> bool:
    """Whether its paragraph says something that is not a link."""
    block = block_of(document, link, screen)
    linked = sum(len(visible(each)) for each in block.iter("a") if each.get("href"))
    return len(visible(block)) - linked >= AROUND


RULES = (
    Rule(
        "contrast",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Text that hardly differs from what is behind it is not read: one in twelve men sees colours less well, and "
        "everybody reads in the sun.",
        "make the text darker or its ground lighter: in [theme.colours] of mailer.toml, or where the colour stands",
        in_light,
    ),
    Rule(
        "contrast-dark",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "A third of mails is read in dark mode, and styles that change only half of the colours leave dark on dark.",
        "set text and ground together for dark mode: the colours beginning with dark_ in [theme.colours]",
        in_dark,
    ),
    Rule(
        "no-dark-mode",
        Family.ACCESSIBILITY,
        Level.NOTE,
        "Mail programs change the colours of such a mail as they see fit.",
        'say <meta name="color-scheme" content="light dark"> and write styles for prefers-color-scheme: dark',
        not_dark,
    ),
    Rule(
        "dark-logo",
        Family.ACCESSIBILITY,
        Level.NOTE,
        "A dark logo on a transparent ground is not seen in dark mode.",
        "look at it in dark mode; give it a light ground or an outline",
        lost_logos,
    ),
    Rule(
        "link-by-colour",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Who does not see the colour does not find the link.",
        "underline links within text",
        only_colour,
    ),
)
