"""The text part beside the HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.checks.document import short
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule

LONGEST_LINE = 998
WIDEST_LINE = 200
TAG = re.compile(
    r"</?(?:p|div|span|a|b|i|u|br|hr|em|strong|small|img|table|tr|td|th|ul|ol|li|h[1-6]|font|center|style|script"
    r"|blockquote|mj-[a-z]+)(?:\s[^<>\n]{0,200})?/?>",
    re.IGNORECASE,
)
ENTITY = re.compile(
    r"&(?:nbsp|amp|lt|gt|quot|apos|zwnj|zwj|shy|[mn]dash|hellip|[lr][ds]quo|middot|#\d{2,6}|#x[\da-f]{2,5});"
)
NO_LETTERS = re.compile(r"[\W_]+")
ADDRESS = re.compile(r"https?://\S+|(?<!\S)[^\s@]+@\S+")


def no_text(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        if judged(facts, mail) and mail.html.strip() and not mail.text.strip():
            yield Fault("the text part is empty", Place(Part.TEXT))


def judged(facts: Facts, mail: Mail) -> bool:
    """Whether a text part may be expected: a file of HTML alone has none."""
    return facts.issue is not None or bool(mail.raw)


def links_missing(facts: Facts) -> Iterator[Fault]:
    missing = max((lost_links(mail) for mail in both(facts)), key=len, default=[])
    if missing:
        words = "a link of the HTML is" if len(missing) == 1 else f"{len(missing)} links of the HTML are"
        yield Fault(f"{words} not in the text part", Place(Part.TEXT, excerpt=short(missing[0])))


def lost_links(mail: Mail) -> list[str]:
    """Addresses of the HTML that the text does not name. Those of mails and telephones are enough without scheme."""
    wanted = dict.fromkeys(link.href for link in mail.document.links if not link.href.startswith("#"))
    return [href for href in wanted if bare(href) not in mail.text]


def bare(href: str) -> str:
    scheme, _, rest = href.partition(":")
    return rest.partition("?")[0] if scheme.lower() in ("mailto", "tel", "sms") else href.rstrip("/")


def headings_missing(facts: Facts) -> Iterator[Fault]:
    for mail in both(facts):
        text = letters(mail.text)
        for block in mail.document.blocks:
            heading = block.element.tag in ("h1", "h2", "h3", "h4", "h5", "h6")
            if heading and letters(block.text) not in text:
                yield Fault(
                    "a heading of the HTML is not in the text part", Place(Part.TEXT, excerpt=short(block.text))
                )


def both(facts: Facts) -> Iterator[Mail]:
    return (mail for mail in facts.mails if mail.html.strip() and mail.text.strip())


def letters(text: str) -> str:
    return NO_LETTERS.sub("", text.casefold())


def line_lengths(facts: Facts) -> Iterator[Fault]:
    """A long address is left whole on purpose: broken, it cannot be followed."""
    for mail in facts.mails:
        lines = [ADDRESS.sub("", line) for line in mail.text.split("\n")]
        widest = max(lines, key=len)
        if len(widest) > WIDEST_LINE:
            level = Level.WARNING if len(widest) > LONGEST_LINE else None
            limit = LONGEST_LINE if level else WIDEST_LINE
            place = Place(Part.TEXT, lines.index(widest) + 1)
            yield Fault(f"a line of the text part has more than {limit} characters", place, level=level)


def html_in_text(facts: Facts) -> Iterator[Fault]:
    """What a site wrote into an article is text there as well."""
    articles = facts.issue.articles if facts.issue else ()
    for mail in facts.mails:
        for number, line in enumerate(mail.text.split("\n"), 1):
            found = TAG.search(line) or ENTITY.search(line)
            if found and not any(found[0] in f"{each.title} {each.excerpt} {each.url}" for each in articles):
                yield Fault("the text part has HTML in it", Place(Part.TEXT, number, short(found[0])))


RULES = (
    Rule(
        "no-text",
        Family.TEXT,
        Level.ERROR,
        "Some read text only, and filters distrust a mail that has none.",
        "write the text template, NAME.txt.jinja beside NAME.mjml",
        no_text,
    ),
    Rule(
        "text-links",
        Family.TEXT,
        Level.WARNING,
        "Who reads the text part should get as far as all others.",
        "print the links in the text template as well",
        links_missing,
    ),
    Rule(
        "text-headings",
        Family.TEXT,
        Level.WARNING,
        "Who reads the text part should read the same.",
        "print the headings in the text template as well",
        headings_missing,
    ),
    Rule(
        "text-lines",
        Family.TEXT,
        Level.NOTE,
        "Not every program that shows plain text breaks its lines.",
        "break lines at about 72 characters, addresses apart",
        line_lengths,
    ),
    Rule(
        "text-html",
        Family.TEXT,
        Level.WARNING,
        "In plain text tags and entities are noise.",
        "write the text template as text, and unescape what comes from HTML",
        html_in_text,
    ),
)
