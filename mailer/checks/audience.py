"""Who would get it."""

from __future__ import annotations

from collections.abc import Iterator

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule


def sent_otherwise(facts: Facts) -> Iterator[Fault]:
    if facts.issue and facts.issue.sent_otherwise:
        yield Fault("this issue was already sent, or is being sent, with other content than its file has now")


def nobody(facts: Facts) -> Iterator[Fault]:
    people = facts.audience
    if people is None or people.recipients:
        return
    advice = ""
    if people.outside_segment:
        advice = (
            f"{people.outside_segment} confirmed and not in the segment: "
            "mailer segments count SEGMENT --list NAME tries another one"
        )
    elif people.pending:
        advice = (
            f"{people.pending} wait until they confirm; those who agreed already come in with: "
            "mailer subscribers import FILE --list NAME --state confirmed --consent WORDS"
        )
    yield Fault("nobody would receive this issue", Place(Part.AUDIENCE), advice)


RULES = (
    Rule(
        "sent-otherwise",
        Family.AUDIENCE,
        Level.ERROR,
        "What was sent to some must be what is sent to the others.",
        "put the file back as it was, write the new content as another issue, or go on with the old: send --frozen",
        sent_otherwise,
        firm=True,
    ),
    Rule(
        "no-recipients",
        Family.AUDIENCE,
        Level.ERROR,
        "A send to nobody is a mistake in its lists or its segment.",
        "mailer lists show NAME says who is on a list",
        nobody,
        firm=True,
    ),
)
