"""What a screen reader is told about a mail: language, direction, title, headings, tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from mailer.checks.document import Document, Element, visible
from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.reading import shown, written
from mailer.checks.rule import Family, Rule
from mailer.languages.tags import direction as written_direction
from mailer.languages.tags import subtags

TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
LONG = 600
"""Letters from which on a mail without headings is hard to skim."""


def wrapper(document: Document) -> Element | None:
    """The first thing within the body that is shown: what is left of the page in a webmail's own."""
    body = document.root.find("body")
    children = () if body is None else body
    return next((each for each in children if isinstance(each.tag, str) and shown(document, each)), None)


def language(facts: Facts) -> Iterator[Fault]:
    wanted = facts.issue.language if facts.issue else ""
    for mail in written(facts):
        document = mail.document
        said = (document.root.get("lang") or "").strip()
        if not said:
            yield Fault("the html element says no language", document.place(document.root))
        elif not TAG.fullmatch(said):
            yield Fault("the html element says a language that is none", document.place(document.root, said))
        elif wanted and subtags(said)[0] != subtags(wanted)[0]:
            yield Fault("the HTML is in another language than the issue", document.place(document.root, said))
        inner = wrapper(document)
        if said and inner is not None and not (inner.get("lang") or "").strip():
            yield Fault(
                "nothing within the body says the language",
                document.place(inner),
                "put lang on the first element of the body too: webmail drops html and body",
                Level.NOTE,
            )


def direction(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        spoken = facts.issue.language if facts.issue else (document.root.get("lang") or "en")
        wanted = written_direction(spoken)
        # Left to right is what programs assume; right to left they must be told.
        level = Level.WARNING if wanted == "rtl" else Level.NOTE
        inner = wrapper(document)
        for element, where in ((document.root, "the html element"), (inner, "the first element of the body")):
            said = "" if element is None else (element.get("dir") or "").strip().lower()
            if element is not None and not said:
                yield Fault(f"{where} says no direction", document.place(element), level=level)
            elif said not in ("", "auto", wanted):
                yield Fault(f"{where} says the other direction", document.place(element, said), level=Level.WARNING)


def title(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        titles = [(each.text or "").strip() for each in mail.document.tagged("title")]
        if not any(titles):
            yield Fault("the HTML has no title", Place(Part.HTML))


def headings(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        found = [each for each in document.tagged(*HEADINGS) if shown(document, each)]
        if not found and len(visible(document.root)) >= LONG:
            yield Fault("a long mail without a heading", Place(Part.HTML), level=Level.NOTE)
        yield from (Fault("an empty heading", document.place(each)) for each in found if not visible(each))
        first = [each for each in found if each.tag == "h1"]
        if found and not first:
            place = document.place(found[0], visible(found[0]))
            yield Fault("no heading is of the first level", place, level=Level.NOTE)
        yield from (
            Fault("another heading of the first level", document.place(each, visible(each))) for each in first[1:]
        )
        yield from skipped(document, found)


def skipped(document: Document, found: list[Element]) -> Iterator[Fault]:
    for before, after in pairwise(found):
        high, low = int(before.tag[1]), int(after.tag[1])
        if low > high + 1:
            yield Fault(f"a heading of level {low} follows one of level {high}", document.place(after, visible(after)))


def layout_tables(facts: Facts) -> Iterator[Fault]:
    """The first table that nothing says the purpose of."""
    for mail in written(facts):
        document = mail.document
        for table in document.tagged("table"):
            if not (table.get("role") or "").strip() and not is_data(table) and shown(document, table):
                yield Fault("a table of the layout is read out as one of data", document.place(table))
                break


def data_tables(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        for table in mail.document.tagged("table"):
            if (table.get("role") or "").strip().lower() in ("presentation", "none") and is_data(table):
                yield Fault("a table of data is marked as layout", mail.document.place(table))


def is_data(table: Element) -> bool:
    """Whether it has headings or a caption of its own, not only a table in it."""
    return any(next(each.iterancestors("table"), None) is table for each in table.iter("th", "caption"))


def same_ids(facts: Facts) -> Iterator[Fault]:
    for mail in written(facts):
        document = mail.document
        counted = Counter(each.get("id") for each in document.elements if each.get("id"))
        said = {name for name, times in counted.items() if times > 1}
        for element in document.elements:
            if element.get("id") in said:
                said.remove(element.get("id"))
                yield Fault("several elements have the same id", document.place(element, element.get("id")))


RULES = (
    Rule(
        "language",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "A screen reader speaks a mail in the language that it says.",
        'say it on the html element and on the first one of the body: lang="en"',
        language,
    ),
    Rule(
        "direction",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Without a direction, Arabic, Hebrew or Urdu is put in the order of English.",
        'say it on the html element and on the first one of the body: dir="ltr" or dir="rtl"',
        direction,
    ),
    Rule(
        "title",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "The title is the first that a screen reader says, and the name of the tab.",
        "put the subject into <title>, in MJML into <mj-title>",
        title,
    ),
    Rule(
        "headings",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Who cannot see the mail jumps from heading to heading.",
        "one h1 for the mail, h2 for its parts, h3 within those; none empty, no level left out",
        headings,
    ),
    Rule(
        "layout-tables",
        Family.ACCESSIBILITY,
        Level.WARNING,
        'A screen reader says "table, three columns, row one" before every line of it.',
        'put role="presentation" on tables that are not data, and headings (th) into those that are',
        layout_tables,
    ),
    Rule(
        "data-tables",
        Family.ACCESSIBILITY,
        Level.WARNING,
        "Of a table marked as layout nobody hears which column a number is in.",
        "take role from the table",
        data_tables,
    ),
    Rule(
        "same-ids",
        Family.ACCESSIBILITY,
        Level.NOTE,
        "A link or a label that means an id finds only the first.",
        "give each its own id, or a class",
        same_ids,
    ),
)
