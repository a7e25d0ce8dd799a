"""Words that were not meant for readers, and words that are hard to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from mailer.checks.document import Element
from mailer.checks.facts import Facts, Mail
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule

LONGEST_PARAGRAPH = 120
"""Words."""

# In capitals as they are typed to be found again. TODO is "all" in Spanish and Portuguese: there only with a colon.
# TK is also a shop and an insurance, which have their names behind it or are written out.
CAPITALS = re.compile(r"\b(?:TK(?! [A-Z][a-z])|TKTK|FIXME|XXX+|TBD)\b|\bTODO\b(?=:)")
TODO = re.compile(r"\bTODO\b")
STAND_IN = re.compile(
    r"\blorem ipsum\b|\bdolor sit amet\b|\[(?:insert|add|your) [^\]\n]{1,60}\](?!\()|\[(?:first |last |full )?name\]"
    r"|\b(?:your (?:headline|text|title|name|heading) here)\b|\binsert (?:text|link|title|name) here\b"
    r"|\b(?:hier text|text hier) einfügen\b|\[object Object\]",
    re.IGNORECASE,
)
SAYS_ALL = ("es", "pt", "gl")

# Our own marks, and those of other programs that texts are copied from.
OUR_MARKS = re.compile(r"\{\{.{0,60}?\}\}|\{%.{0,60}?%\}|\{#.{0,200}?#\}")
# Markdown takes `*|FNAME|*` for a stress, and what is left of it is `|FNAME|`.
OTHER_MARKS = re.compile(
    r"\*?\|(?:[FLM]NAME|EMAIL|UNSUB|ARCHIVE|(?:LIST|MC|USER|DATE):[A-Z_0-9:]{1,40})\|\*?"
    r"|\*\|[A-Z][A-Z0-9_:.]{1,40}\|\*|%%[A-Za-z][\w .-]{0,40}%%|\[\[[A-Za-z_][\w .:|-]{0,40}\]\]|%recipient\.\w{1,40}%"
    r"|<%=?.{0,60}?%>|\$\{[A-Za-z_][\w.]{0,40}\}|\{\$[A-Za-z_]\w{0,40}\}"
)


Standing = tuple[Part, int, Element | None]
"""Where a text stands: the line of it in its part, or the element of the HTML that has it."""


def texts(mail: Mail) -> Iterator[tuple[str, Standing]]:
    """Everything that is read of a mail."""
    yield mail.subject, (Part.SUBJECT, 0, None)
    yield mail.preheader, (Part.PREHEADER, 0, None)
    if mail.html:
        yield from ((block.text, (Part.HTML, 0, block.element)) for block in mail.document.blocks)
    yield from ((line, (Part.TEXT, number, None)) for number, line in enumerate(mail.text.split("\n"), 1))


def addresses(mail: Mail) -> Iterator[tuple[str, Standing]]:
    """Where its links lead."""
    if mail.html:
        yield from ((link.href, (Part.HTML, 0, link.element)) for link in mail.document.links)


def said(facts: Facts, *patterns: re.Pattern[str], links: bool = False) -> Iterator[tuple[str, Place]]:
    """What one of the patterns finds, once for each text that it finds; the HTML's place before the text part's."""
    looked_at: dict[str, list[str]] = {}  # the mails of an issue have nearly all of their texts in common
    for mail in facts.mails:
        known: set[str] = set()
        for text, standing in chain(texts(mail), addresses(mail) if links else ()):
            if text not in looked_at:
                looked_at[text] = [match[0] for each in patterns for match in each.finditer(text)]
            for found in looked_at[text]:
                if found not in known:
                    known.add(found)
                    yield found, place_of(mail, standing, found)


def place_of(mail: Mail, standing: Standing, found: str) -> Place:
    """Where something was found, with that as what stands there."""
    part, line, element = standing
    return Place(part, line, found) if element is None else replace(mail.document.place(element), excerpt=found)


def template_marks(facts: Facts) -> Iterator[Fault]:
    """A person who wrote `{{name}}` into an article title meant no template; one who sees it in a mail is puzzled."""
    for found, place in said(facts, OUR_MARKS, links=True):
        yield Fault("readers will see template code", place, level=weight(facts, found))


def foreign_marks(facts: Facts) -> Iterator[Fault]:
    for found, place in said(facts, OTHER_MARKS, links=True):
        yield Fault("readers will see the placeholder of another program", place, level=weight(facts, found))


def weight(facts: Facts, found: str) -> Level:
    """What a site wrote into its article may be meant so; a file on its own may be a template yet to be filled."""
    articles = facts.issue.articles if facts.issue else ()
    meant = facts.issue is None or any(found in f"{each.title} {each.excerpt}" for each in articles)
    return Level.WARNING if meant else Level.ERROR


def placeholders(facts: Facts) -> Iterator[Fault]:
    patterns = [CAPITALS, STAND_IN]
    spoken = language_of(facts)
    if spoken and spoken not in SAYS_ALL:
        patterns.append(TODO)
    if facts.placeholders:
        own = "|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in facts.placeholders)
        patterns.append(re.compile(own, re.IGNORECASE))
    for _, place in said(facts, *patterns):
        yield Fault("a placeholder was left", place)


def language_of(facts: Facts) -> str:
    """Its first subtag: the issue's, or what the file says; empty where nothing says it."""
    said = (each.document.root.get("lang") for each in facts.mails if each.html)
    language = facts.issue.language if facts.issue else next(said, None) or ""
    return language.strip().lower().partition("-")[0]


def long_paragraphs(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        for block in mail.document.blocks if mail.html else ():
            if len(block.text.split()) > LONGEST_PARAGRAPH:
                yield Fault(
                    f"a paragraph has more than {LONGEST_PARAGRAPH} words",
                    mail.document.place(block.element, block.text),
                )


RULES = (
    Rule(
        "template-marks",
        Family.CONTENT,
        Level.ERROR,
        "Template code that readers see is a place that was meant to be filled.",
        "correct it; template code in an article is text",
        template_marks,
    ),
    Rule(
        "foreign-marks",
        Family.CONTENT,
        Level.ERROR,
        "The marks of other programs are not filled here, so readers see them.",
        "write {{ subscriber.first_name }} and the like instead",
        foreign_marks,
    ),
    Rule(
        "placeholder",
        Family.CONTENT,
        Level.WARNING,
        "What somebody meant to fill in later is easily sent.",
        "write what belongs there",
        placeholders,
    ),
    Rule(
        "long-paragraph",
        Family.CONTENT,
        Level.NOTE,
        "On a phone a long paragraph fills the screen, and readers leave.",
        "break it in two",
        long_paragraphs,
    ),
)
