"""Features that the readers' mail programs do not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailer.checks.caniemail.readers import Reached, reached
from mailer.checks.caniemail.table import table
from mailer.checks.facts import Facts, Mail
from mailer.checks.features import Use, uses
from mailer.checks.finding import Fault, Level
from mailer.checks.losses import advice_on, level_of
from mailer.checks.rule import Family, Rule

WORD = frozenset({"outlook.windows", "outlook.windows-mail"})
"""The programs that draw mails with Microsoft Word."""

WEIGHTY = 3.0
"""Per cent of readers from which a loss is worth more than a note."""

WORTH_A_WORD = 1.0


@dataclass(frozen=True, slots=True)
class Support:
    """A feature of a mail with who has it. `graceful`: those without miss nothing."""

    slug: str
    title: str
    graceful: bool
    reached: Reached


def support(mail: Mail, clients: Mapping[str, float]) -> list[Support]:
    """Every feature of a mail that not all readers have, the least known first."""
    graceful: dict[str, bool] = {}
    for use in uses(mail.document):
        minor = use.graceful or level_of(use.slug) is None
        graceful[use.slug] = graceful.get(use.slug, True) and minor
    found = (Support(slug, title_of(slug), minor, reached(slug, clients)) for slug, minor in graceful.items())
    missed = (each for each in found if each.reached.whole < 100)
    return sorted(missed, key=lambda each: (each.reached.whole, each.slug))


def title_of(slug: str) -> str:
    return table().features[slug].title


def harmful(facts: Facts) -> Iterator[tuple[Use, Reached]]:
    """The first place of each feature that some readers would miss, with how many."""
    seen = set()
    for mail in facts.mails:
        for use in uses(mail.document):
            if use.graceful or level_of(use.slug) is None or (use.slug, use.hidden_from_word) in seen:
                continue
            seen.add((use.slug, use.hidden_from_word))
            yield use, reached(use.slug, facts.clients, WORD if use.hidden_from_word else frozenset())


def unsupported(facts: Facts) -> Iterator[Fault]:
    said = set()
    for use, readers in harmful(facts):
        if readers.lacking < WORTH_A_WORD or use.slug in said:
            continue
        said.add(use.slug)
        level = level_of(use.slug) if readers.lacking >= WEIGHTY else Level.NOTE
        message = f"{title_of(use.slug)} does not work in {listed(readers.lacking_in)}: {per_cent(readers.lacking)}"
        yield Fault(message, use.place, advice_on(use.slug), level)


def partly_supported(facts: Facts) -> Iterator[Fault]:
    """Only where hardly anybody lacks it altogether: else the other rule has said what to do."""
    said = set()
    for use, readers in harmful(facts):
        if readers.lacking >= WORTH_A_WORD or readers.partly < WEIGHTY or use.slug in said or not readers.notes:
            continue
        said.add(use.slug)
        message = f"{title_of(use.slug)} works in part in {listed(readers.partly_in)}: {per_cent(readers.partly)}"
        yield Fault(message, use.place, f"{advice_on(use.slug)}. {readers.notes[0]}")


def listed(names: tuple[str, ...]) -> str:
    """At most three by name: the most used ones."""
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def per_cent(share: float) -> str:
    return f"{share:.0f} % of readers"


RULES = (
    Rule(
        "unsupported",
        Family.CLIENTS,
        Level.WARNING,
        "Mail programs leave out what they do not know, and readers see what is left.",
        "use what they all know; caniemail.com tells what that is",
        unsupported,
    ),
    Rule(
        "partly-supported",
        Family.CLIENTS,
        Level.NOTE,
        "Some mail programs know a feature, and do something else with it now and then.",
        "look at it in those programs; caniemail.com tells what they make of it",
        partly_supported,
    ),
)
