"""Whether text is large and loose enough to be read, also by whoever enlarges it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mailer.checks.cascade import Look
from mailer.checks.document import visible
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Level
from mailer.checks.reading import shown, words_on, written
from mailer.checks.rule import Family, Rule
from mailer.checks.screen import LIGHT

LEAST, HARDLY = 14, 12
"""Pixels: what is easy to read on a phone, and below which most people hold it closer."""

TIGHT = 1.3
"""Lines that are less than that apart run into one another; a share of the font."""

PARAGRAPH = 120
"""Letters from which on text has several lines everywhere."""

HEADING = 24
"""Pixels of large text, which may be set tighter."""

ZOOM = 2.0


def small(facts: Facts) -> Iterator[Fault]:
    """The first text of every size that is too small."""
    for mail in written(facts):
        said = set()
        for screen in LIGHT:
            for words in words_on(mail.document, screen):
                size = round(words.look.size, 1)
                if size < LEAST and size not in said and words.element.tag not in ("sub", "sup"):
                    said.add(size)
                    level = Level.WARNING if size < HARDLY else Level.NOTE
                    place = mail.document.place(words.element, words.text)
                    yield Fault(f"text of {size:g} pixels is small", place, level=level)


def tight(facts: Facts) -> Iterator[Fault]:
    yield from (fault for mail in written(facts) for fault in first_of(mail, "lines are too close together", is_tight))


def justified(facts: Facts) -> Iterator[Fault]:
    yield from (fault for mail in written(facts) for fault in first_of(mail, "text is justified", is_justified))


def is_tight(look: Look) -> bool:
    if look.line is None or look.size >= HEADING:
        return False
    share = look.line.amount if look.line.unit == "x" else look.line.amount / look.size
    return share < TIGHT


def is_justified(look: Look) -> bool:
    return look.align == "justify"


def first_of(mail: Mail, message: str, wrong: Callable[[Look], bool]) -> Iterator[Fault]:
    """The first paragraph whose look is wrong."""
    for words in words_on(mail.document, LIGHT[0]):
        if wrong(words.look) and len(visible(words.element)) >= PARAGRAPH:
            yield Fault(message, mail.document.place(words.element, words.text))
            return


def zoom(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        for meta in mail.document.tagged("meta"):
            if (meta.get("name") or "").strip().lower() == "viewport" and forbids(meta.get("content") or ""):
                yield Fault("the page may not be enlarged", mail.document.place(meta, meta.get("content")))


def forbids(content: str) -> bool:
    settings = dict(re.findall(r"(?<![\w-])([\w-]+)\s*=\s*([^,;\s]+)", content.lower()))
    most = re.fullmatch(r"\d+(\.\d+)?", settings.get("maximum-scale", ""))
    return settings.get("user-scalable") in ("no", "0") or (most is not None and float(most[0]) < ZOOM)


WIDE = 200
"""Pixels of a picture that may be a page."""

FEW = 80
"""Letters that are no mail."""


def only_pictures(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        large = [
            each for each in document.images if shown(document, each.element) and is_wide(each.element.get("width"))
        ]
        letters = sum(map(str.isalnum, "".join(words.text for words in words_on(document, LIGHT[0]))))
        if large and letters < FEW:
            yield Fault("nearly all of the mail is pictures", document.place(large[0].element, large[0].src))


def is_wide(width: str | None) -> bool:
    found = re.match(r"\s*(\d{1,9})\s*(%?)", width or "")
    return found is None or bool(found[2]) or int(found[1]) >= WIDE


RULES = (
    Rule(
        "small-text",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Small text is not read, least of all on a phone.",
        "make it 14 pixels or more",
        small,
    ),
    Rule(
        "tight-lines",
        Family.ACCESSIBILITY,
        Level.NOTE,
        "Where lines are close together the eye slips into the next one.",
        "give paragraphs a line-height of 1.5; MJML's own is 1",
        tight,
    ),
    Rule(
        "justified",
        Family.ACCESSIBILITY,
        Level.NOTE,
        "Uneven gaps between words make rivers in the text, which people with dyslexia cannot pass over.",
        "align text to its beginning",
        justified,
    ),
    Rule(
        "zoom",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Who needs larger letters cannot have them.",
        "take user-scalable and maximum-scale from the viewport",
        zoom,
    ),
    Rule(
        "only-pictures",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Half of all readers see no pictures at first, some never; filters see nothing else in spam.",
        "write the words as text, and show beside them what only a picture can",
        only_pictures,
    ),
)
