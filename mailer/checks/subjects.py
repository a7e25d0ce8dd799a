"""Subject and preheader: all that an inbox shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule

LONGEST_SUBJECT = 70
"""Letters that an inbox on a desk shows; phones show about 40. Composed issues keep to it."""

SHORTEST_PREHEADER, LONGEST_PREHEADER = 40, 130
FEWEST_CAPITALS = 8
SHOUT = re.compile(r"[!?！？]{2,}")
WORD = re.compile(r"[^\W\d_]{3,}")


def empty_subject(facts: Facts) -> Iterator[Fault]:
    # Where no mail could be written, there is no subject to judge.
    if facts.issue and facts.mails and not facts.mails[0].subject.strip() and facts.mails[0].html:
        yield Fault("the subject is empty", Place(Part.SUBJECT))


def repeated_subject(facts: Facts) -> Iterator[Fault]:
    """Templates of subjects are compared, not what a person sees."""
    if facts.issue is None or not plain(facts.issue.subject):
        return
    for name, subject in facts.issue.subjects.items():
        if plain(subject) == plain(facts.issue.subject):
            yield Fault("one of these lists got an issue with this subject before", Place(Part.SUBJECT, excerpt=name))
            return


def long_subject(facts: Facts) -> Iterator[Fault]:
    longest = max((len(mail.subject) for mail in facts.mails), default=0)
    if longest > LONGEST_SUBJECT:
        message = f"the subject has up to {longest} letters, and inboxes show about {LONGEST_SUBJECT}, phones 40"
        yield Fault(message, Place(Part.SUBJECT))


def loud_subject(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        letters = [letter for letter in mail.subject if letter.isupper() or letter.islower()]
        if len(letters) >= FEWEST_CAPITALS and all(map(str.isupper, letters)) and " " in mail.subject.strip():
            yield Fault("the subject is all in capitals", Place(Part.SUBJECT))
        if SHOUT.search(mail.subject):
            yield Fault("the subject has several exclamation or question marks in a row", Place(Part.SUBJECT))
        words = [word.casefold() for word in WORD.findall(mail.subject)]
        if any(one == other for one, other in pairwise(words)):
            yield Fault("the subject has a word twice in a row", Place(Part.SUBJECT))


def no_preheader(facts: Facts) -> Iterator[Fault]:
    if facts.issue and facts.mails and not facts.mails[0].preheader.strip():
        yield Fault("there is no preheader", Place(Part.PREHEADER))


def preheader_repeats(facts: Facts) -> Iterator[Fault]:
    for mail in facts.mails:
        if plain(mail.preheader) and plain(mail.preheader) == plain(mail.subject):
            yield Fault("the preheader says the same as the subject", Place(Part.PREHEADER))


def preheader_length(facts: Facts) -> Iterator[Fault]:
    lengths = [length for mail in facts.mails if (length := len(mail.preheader.strip()))]
    if not lengths:
        return
    if max(lengths) > LONGEST_PREHEADER:
        message = f"the preheader has up to {max(lengths)} letters, and no inbox shows more than {LONGEST_PREHEADER}"
        yield Fault(message, Place(Part.PREHEADER))
    elif min(lengths) < SHORTEST_PREHEADER:
        message = f"the preheader has only {min(lengths)} letters, and inboxes have room for {SHORTEST_PREHEADER}"
        yield Fault(message, Place(Part.PREHEADER))


def plain(text: str) -> str:
    """Without what makes no difference to a reader: case, spaces, and the marks at the end."""
    return " ".join(text.casefold().split()).strip(" .!…")


IN_FILE = "write one in the issue file"

RULES = (
    Rule(
        "empty-subject",
        Family.CONTENT,
        Level.ERROR,
        "Without a subject a mail looks like spam, and is hardly opened.",
        IN_FILE,
        empty_subject,
    ),
    Rule(
        "repeated-subject",
        Family.CONTENT,
        Level.WARNING,
        "An issue with the subject of an older one looks like it, and mail programs fold the two together.",
        "say in the subject what is new this time",
        repeated_subject,
    ),
    Rule(
        "long-subject",
        Family.CONTENT,
        Level.NOTE,
        "Inboxes cut off a long subject, so its end is not read.",
        "begin with what matters, and make it shorter",
        long_subject,
    ),
    Rule(
        "loud-subject",
        Family.CONTENT,
        Level.WARNING,
        "Capitals, rows of marks and doubled words look like spam to people and to filters.",
        "write it as a sentence",
        loud_subject,
    ),
    Rule(
        "no-preheader",
        Family.CONTENT,
        Level.WARNING,
        "Without a preheader inboxes show whatever words come first in the mail.",
        IN_FILE,
        no_preheader,
    ),
    Rule(
        "preheader-repeats",
        Family.CONTENT,
        Level.WARNING,
        "A preheader that repeats the subject wastes the second line that an inbox shows.",
        "say in it what the subject left out",
        preheader_repeats,
    ),
    Rule(
        "preheader-length",
        Family.CONTENT,
        Level.NOTE,
        "Inboxes show 40 to 130 letters of a preheader, and fill a short one up with other words.",
        "write one or two short sentences",
        preheader_length,
    ),
)
