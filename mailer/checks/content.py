"""What the issue says."""

from __future__ import annotations

from collections.abc import Iterator

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level, Part, Place
from mailer.checks.rule import Family, Rule
from mailer.wording import near_name


def unwritable(facts: Facts) -> Iterator[Fault]:
    if facts.issue and (reasons := facts.issue.unwritable):
        yield Fault(
            f"{sum(reasons.values())} of {facts.issue.samples} sample mails cannot be written: {next(iter(reasons))}"
            + (f" (and {len(reasons) - 1} more reasons)" if len(reasons) > 1 else "")
        )


def unknown_field(facts: Facts) -> Iterator[Fault]:
    """A misspelt field with a default is worse than one without: everybody gets the default, and nobody notices."""
    issue = facts.issue
    if issue is None or not issue.fields_known:
        return
    for unknown in sorted(issue.fields_used - issue.fields_known):
        near = near_name(unknown, issue.fields_known)
        known = ", ".join(sorted(issue.fields_known))
        yield Fault(
            f"none of the {issue.samples} people looked at has the field {unknown}",
            advice=f'did you mean "{near}"?' if near else f"people have: {known}",
            source=issue.fields_at.get(unknown),
        )


def without_field(facts: Facts) -> Iterator[Fault]:
    """Where there is no default, their mails cannot be written, and another rule says so."""
    issue = facts.issue
    if issue is None:
        return
    for name, count in sorted(issue.without.items()):
        if count and name in issue.fields_used and name in issue.fields_known:
            verb = "has" if count == 1 else "have"
            yield Fault(
                f"{count} of {issue.samples} people looked at {verb} no {name}; they get what stands for it",
                source=issue.fields_at.get(name),
            )


def no_articles(facts: Facts) -> Iterator[Fault]:
    if facts.issue and facts.issue.kind == "bulletin" and not facts.issue.articles:
        yield Fault("this bulletin has no article", Place(Part.ISSUE))


def repeated(facts: Facts) -> Iterator[Fault]:
    if facts.issue and (again := facts.issue.repeated):
        key, issue = next(iter(again.items()))
        yield Fault(
            f"{len(again)} of the articles went to one of these lists before, such as {key} in {issue}",
            Place(Part.ISSUE, excerpt=key),
        )


RULES = (
    Rule(
        "unwritable",
        Family.CONTENT,
        Level.ERROR,
        "Who has no value for a place cannot be written to.",
        'give the field a default, such as {{ subscriber.first_name | default("friend") }}',
        unwritable,
        firm=True,
    ),
    Rule(
        "unknown-field",
        Family.CONTENT,
        Level.WARNING,
        "A misspelt field gives everybody its default, and nobody notices.",
        "correct its name",
        unknown_field,
    ),
    Rule(
        "field-missing",
        Family.CONTENT,
        Level.NOTE,
        "What stands in place of a missing field is all that these people read.",
        "look how the mail of somebody without it reads: mailer preview ISSUE --serve",
        without_field,
    ),
    Rule(
        "repeated-article",
        Family.CONTENT,
        Level.ERROR,
        "Readers notice when they get the same news twice.",
        "take them out, or send with --again",
        repeated,
    ),
    Rule(
        "no-articles",
        Family.CONTENT,
        Level.WARNING,
        "A bulletin is a choice of articles.",
        "list some under articles:",
        no_articles,
    ),
)
